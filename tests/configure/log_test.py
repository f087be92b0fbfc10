"""What the scripts say, by package."""

from __future__ import annotations

import unittest

from apt2ostree.configure.log import LAST_LINES, Log


class LogTest(unittest.TestCase):
    def test_output_belongs_to_the_package_that_is_being_set_up(self) -> None:
        log = Log()
        log.add_output(b"before\nSetting up libc6:amd64 (2.36-9) ...\none\ntw")
        log.add_output(b"o\nSetting up nginx (1.22) ...\nthree")
        log.end()
        self.assertEqual(["before"], list(log.lines[""]))
        self.assertEqual(["one", "two"], list(log.lines["libc6"])[1:])
        self.assertIn("three", log.last_lines("nginx"))

    def test_triggers_count_as_their_package(self) -> None:
        log = Log()
        log.add_output(b"Processing triggers for man-db (2.11) ...\nx\n")
        self.assertEqual("x", log.lines["man-db"][-1])

    def test_only_the_last_lines_are_shown(self) -> None:
        log = Log()
        log.begin("a")
        log.add_output(b"".join(b"%d\n" % number for number in range(100)))
        shown = log.last_lines("a").splitlines()
        self.assertEqual(["  …", f"  {100 - LAST_LINES}"], shown[:2])
        self.assertEqual("  99", shown[-1])

    def test_output_without_end_is_not_kept(self) -> None:
        log = Log()
        for _ in range(1000):
            log.add_output(b"x" * 10_000)
            log.add_output(b"Setting up other (1) ...\nSetting up another (1) ...\n" * 10)
        kept = sum(len(line) for lines in log.lines.values() for line in lines)
        self.assertLess(kept, 1_000_000)
        for number in range(20_000):
            log.add_output(b"Setting up x%d (1) ...\n" % number)
        self.assertLess(len(log.lines), 20_000)

    def test_failures_that_follow_from_another_are_told_apart(self) -> None:
        log = Log()
        log.add_status(b"processing: configure: a\nstatus: a : error : installed a package ", 1)
        log.add_status(b"post-installation script subprocess returned error exit status 3\n", 2)
        log.add_status(b"status: b:amd64 : error : dependency problems - leaving unconfigured\n", 3)
        self.assertEqual(["a"], list(log.causes()))
        self.assertIn("exit status 3", log.causes()["a"])
        self.assertEqual(["a", "b"], list(log.errors))

    def test_a_process_belongs_to_the_package_that_was_being_configured_when_it_began(self) -> None:
        log = Log()
        log.add_status(b"processing: configure: a:amd64\n", 10.0)
        log.add_status(b"processing: trigproc: b\n", 20.0)
        self.assertEqual("a", log.package_at(15.0))
        self.assertEqual("b", log.package_at(25.0))
        self.assertEqual("b", log.current())

    def test_output_that_is_not_utf8_is_shown_all_the_same(self) -> None:
        log = Log()
        log.begin("a")
        log.add_output(b"\xff\n")
        self.assertEqual("  \\xff", log.last_lines("a"))


if __name__ == "__main__":
    unittest.main()
