from __future__ import annotations

import os
import unittest
from pathlib import Path

from apt2ostree.ostree.objects import FileHeader, checksum, file_header
from tests.configure import differences
from tests.configure.differences import Allowed, Entry
from tests.support.judges import ScratchTest


def file(content: bytes, mode: int = 0o100644, owner: str = "root:root", **xattrs: bytes) -> Entry:
    header = FileHeader(0, 0, mode, xattrs=xattrs)
    return Entry(header, owner, lambda: content, checksum(file_header(header) + content))


class DifferencesTest(ScratchTest):
    def found(self, one: Entry, other: Entry) -> list[str]:
        return [str(item) for item in differences.differences({"a": one}, {"a": other})]

    def test_equal_files_do_not_differ(self) -> None:
        self.assertEqual([], self.found(file(b"x\n"), file(b"x\n")))

    def test_each_kind_is_told_apart(self) -> None:
        base = file(b"1\n2\n")
        for other, expected in [
            (file(b"1\n3\n"), "content a  # 2 lines, there 2"),
            (file(b"2\n1\n"), "order a  # 2 lines, there 2"),
            (file(b"1\n2\n", 0o104755), "mode a  # 0644, there 4755"),
            (file(b"1\n2\n", owner="man:man"), "owner a  # root:root, there man:man"),
            (file(b"1\n2\n", user_x=b"1"), "xattrs a  # {}, there {'user_x': b'1'}"),
            (file(b"", 0o120777), "type a  # -rw-r--r-- root:root, there lrwxrwxrwx root:root"),
        ]:
            self.assertEqual([expected], self.found(base, other))

    def test_a_path_that_one_lacks_is_a_difference(self) -> None:
        ours, theirs = {"a": file(b"")}, {"b": file(b"")}
        found = [(item.kind, item.path) for item in differences.differences(ours, theirs)]
        self.assertEqual([("ours", "a"), ("theirs", "b")], found)

    def test_unlisted_differences_and_stale_lines_are_reported(self) -> None:
        allowed = [Allowed("ours", "a*", "list:1"), Allowed("mode", "a", "list:2")]
        verdict = differences.judge({"a": file(b""), "b": file(b"")}, {}, allowed)
        self.assertEqual(2, verdict.found)
        self.assertEqual(["ours b  # -rw-r--r-- root:root"], verdict.unlisted)
        self.assertEqual(["list:2: mode a"], verdict.stale)

    def test_a_directory_on_the_disk_is_read_with_attributes(self) -> None:
        (self.scratch / "etc").mkdir(mode=0o755)
        (self.scratch / "etc/passwd").write_text(f"me:x:{os.geteuid()}:0::/:/bin/sh\n")
        (self.scratch / "etc/group").write_text(f"us:x:{os.getegid()}:\n")
        (self.scratch / "link").symlink_to("etc")
        tree = differences.of_directory(self.scratch)
        self.assertEqual({"", "etc", "etc/passwd", "etc/group", "link"}, set(tree))
        self.assertEqual("etc", tree["link"].header.target)
        self.assertEqual("me:us", tree["etc"].owner)

    def test_accounts_are_compared_without_their_numbers(self) -> None:
        one = differences.accounts("a:x:1:7::/:/bin/sh\n", "g:x:7:a\n")
        other = differences.accounts("a:x:2:8::/:/bin/sh\n", "g:x:8:a\n")
        self.assertEqual(one, other)
        self.assertNotEqual(one, differences.accounts("a:x:1:7::/:/bin/no\n", "g:x:7:a\n"))


class ListTest(ScratchTest):
    def read(self, text: str) -> list[Allowed]:
        path = Path(self.scratch, "list")
        path.write_text(text)
        return differences.read_list(path)

    def test_comments_and_blank_lines_are_passed_over(self) -> None:
        (line,) = self.read("# why\n\nmode var/*  # because\n")
        self.assertEqual(("mode", "var/*"), (line.kind, line.pattern))

    def test_a_line_needs_a_reason_and_a_kind(self) -> None:
        with self.assertRaisesRegex(ValueError, "list:1: mode a: expected a reason"):
            self.read("mode a\n")
        with self.assertRaisesRegex(ValueError, "list:1: expected KIND PATTERN"):
            self.read("size a  # because\n")


if __name__ == "__main__":
    unittest.main()
