from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import unittest
from collections.abc import Mapping
from pathlib import Path

from apt2ostree.debian.index import Origin, Package, parse_index
from apt2ostree.lock.lockfile import LockfileError, parse_lock, read_lock, render_lock, write_lock
from tests.archive.local_archive import index, package

MAIN = Origin("http://a/debian", "trixie", "main", "amd64")
SNAPSHOT = "http://snap/20260901T120000Z/"


def packages(*stanzas: Mapping[str, str], origin: Origin = MAIN) -> list[Package]:
    return parse_index(index(stanzas), "Packages", origin)


def render(new: list[Package], old: list[Package] | None = None, url: str = SNAPSHOT) -> str:
    return render_lock(new, old or [], lambda origin: url).decode()


class RenderTest(unittest.TestCase):
    def test_stanzas_are_ordered_and_say_where_they_are_from(self) -> None:
        names = [("b", "i386"), ("b", "amd64"), ("a", "all"), ("b+", "amd64")]
        text = render(packages(*(package(name, Architecture=a) for name, a in names)))
        locked = parse_lock(text.encode(), "Packages.lock")
        self.assertEqual(
            [(p.name, p.architecture) for p in locked],
            [("a", "all"), ("b", "amd64"), ("b", "i386"), ("b+", "amd64")],
        )
        self.assertEqual(locked[0].origins, (MAIN,))
        self.assertTrue(
            text.endswith(
                f"\nAPT-Sources: http://a/debian trixie/main amd64 Packages\nSnapshot: {SNAPSHOT}\n"
            ),
            text,
        )

    def test_fields_stand_as_the_archive_has_them_known_or_not(self) -> None:
        raw = (
            b"Package: a\nVersion: 1\nArchitecture: all\nX-Ours:  odd  spacing \n"
            b"Description: short\n long one\n .\n\tother\nFilename: pool/a.deb\nSize: 1\n"
            b"SHA256: " + b"a" * 64 + b"\n"
        )
        text = render_lock(parse_index(raw, "x", MAIN), [], lambda origin: "")
        self.assertEqual(text, raw + b"APT-Sources: http://a/debian trixie/main amd64 Packages\n")

    def test_what_nothing_reads_is_dropped(self) -> None:
        text = render(
            packages(
                package("a", Description_md5="x", Tag="x::y", MD5sum="z", Task="t", Snapshot="s")
            )
        )
        for name in ("Description-md5", "Tag", "MD5sum", "Task", "Snapshot: s"):
            self.assertNotIn(name, text)

    def test_writing_what_was_read_changes_nothing(self) -> None:
        text = render(packages(package("a"), package("b", X_Unknown="kept")))
        old = parse_lock(text.encode(), "Packages.lock")
        self.assertEqual(render(old, old, "http://other/"), text)

    def test_the_snapshot_of_a_package_that_did_not_change_is_kept(self) -> None:
        old = parse_lock(render(packages(package("a"), package("b"))).encode(), "lock")
        new = packages(package("a", Priority="extra"), package("b", "2.0"))
        lines = render(new, old, "http://new/").splitlines()
        self.assertEqual(
            [line for line in lines if line.startswith("Snapshot")],
            [f"Snapshot: {SNAPSHOT}", "Snapshot: http://new/"],
        )

    def test_a_lock_of_the_first_apt2ostree_is_read_and_rewritten(self) -> None:
        old = parse_lock(index([package("a", MD5sum="x", Tag="y")]), "Packages.lock")
        self.assertEqual(old[0].origins, ())
        self.assertEqual(render(old), index([package("a")]).decode())

    def test_a_stanza_that_cannot_be_downloaded_is_refused(self) -> None:
        for fields, words in (
            ({"SHA256": ""}, "a:amd64=1.0 has neither SHA256 nor SHA512 in its archive's index"),
            ({"SHA256": "abc"}, "has neither SHA256 nor SHA512"),
            ({"Package": "BUILD.bazel"}, "a package cannot be called 'build.bazel' here"),
            ({"Package": "a" * 129}, "names have 128 characters at most"),
            ({"Size": "-1"}, "Size: '-1' is no size"),
            ({"Filename": "/etc/passwd"}, "Filename: '/etc/passwd' is not a path inside"),
            ({"Filename": "pool/../../x"}, "is not a path inside the archive"),
        ):
            with self.subTest(words), self.assertRaises(LockfileError) as caught:
                render(packages(package("a", **fields)))
            self.assertIn("Packages:1: ", str(caught.exception))
            self.assertIn(words, str(caught.exception))


class ReadTest(unittest.TestCase):
    def test_a_lockfile_that_is_absent_or_empty_has_no_packages(self) -> None:
        self.assertEqual(read_lock(Path("/nonexistent/Packages.lock")), [])
        self.assertEqual(parse_lock(b"", "Packages.lock"), [])
        self.assertEqual(parse_lock(b"\n\n", "Packages.lock"), [])

    def test_what_is_wrong_is_said_with_file_and_line(self) -> None:
        good = index([package("a")])
        for data, words in (
            (good + b"nonsense\n", "lock:9: expected 'Field: value' or a continuation line"),
            (
                b"<<<<<<< HEAD\n" + good,
                "it has an unresolved merge conflict",
            ),
            (good + b"\n" + good, "lock:10: a:amd64 is here twice; the first is at lock:1"),
            (
                good + b"APT-Sources: nowhere\n",
                "lock:1: a: APT-Sources: 'nowhere' is not an origin",
            ),
            (
                good + b"APT-Sources: http://x/\xff s/main amd64 Packages\n",
                r"lock:1: a: APT-Sources: 'http://x/\udcff s/main amd64 Packages' is no URL",
            ),
            (good + b"Snapshot: http://x/\xff/\n", r"Snapshot: 'http://x/\udcff/' is no URL"),
        ):
            with self.subTest(words), self.assertRaises(LockfileError) as caught:
                parse_lock(data, "lock")
            self.assertIn(words, str(caught.exception))


class WriteTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.path = self.directory / "Packages.lock"

    def test_a_new_file_gets_an_ordinary_mode(self) -> None:
        previous = os.umask(0o027)
        self.addCleanup(os.umask, previous)
        self.assertTrue(write_lock(self.path, b"new"))
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)
        self.assertEqual(list(self.directory.iterdir()), [self.path])

    def test_mode_and_symbolic_link_survive(self) -> None:
        self.path.write_bytes(b"old")
        self.path.chmod(0o604)
        link = self.directory / "link"
        link.symlink_to("Packages.lock")
        self.assertTrue(write_lock(link, b"new"))
        self.assertTrue(link.is_symlink())
        self.assertEqual(self.path.read_bytes(), b"new")
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o604)

    def test_nothing_is_written_where_nothing_changed(self) -> None:
        self.path.write_bytes(b"same")
        before = self.path.stat()
        self.path.parent.chmod(0o555)
        self.addCleanup(self.path.parent.chmod, 0o755)
        self.assertFalse(write_lock(self.path, b"same"))
        after = self.path.stat()
        self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))

    def test_a_failure_leaves_the_old_file_and_nothing_else(self) -> None:
        self.path.write_bytes(b"old")
        with self.assertRaises(TypeError):
            write_lock(self.path, "not bytes")  # type: ignore[arg-type]
        self.assertEqual(self.path.read_bytes(), b"old")
        self.assertEqual(list(self.directory.iterdir()), [self.path])

    def test_killed_at_any_moment_the_old_or_the_new_content_is_there_whole(self) -> None:
        contents = [bytes([letter]) * 300_000 for letter in b"ab"]
        self.path.write_bytes(contents[0])
        seen = set()
        context = multiprocessing.get_context("fork")
        for round_ in range(60):
            process = context.Process(target=_write_forever, args=(self.path, contents))
            process.start()
            process.join(0.002 + 0.0005 * (round_ % 20))
            assert process.pid
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            found = self.path.read_bytes()
            self.assertIn(found, contents)
            seen.add(found[:1])
        self.assertEqual(len(seen), 2, "no write was ever finished: the test proves nothing")


def _write_forever(path: Path, contents: list[bytes]) -> None:
    while True:
        for content in contents:
            write_lock(path, content)


if __name__ == "__main__":
    unittest.main()
