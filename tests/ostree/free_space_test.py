import unittest
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.ostree import free_space
from apt2ostree.ostree.free_space import FreeSpace, Reserve


class ParseTest(unittest.TestCase):
    def test_the_size_counts_before_the_percentage_which_is_three(self) -> None:
        for core, expected in (
            ({}, Reserve("min-free-space-percent=3", 3)),
            ({"min-free-space-percent": "0"}, Reserve("min-free-space-percent=0", 0)),
            (
                {"min-free-space-size": "2GB", "min-free-space-percent": "5"},
                Reserve("min-free-space-size=2GB", 0, 2 << 30),
            ),
            (
                {"min-free-space-size": "0MB", "min-free-space-percent": "5"},
                Reserve("min-free-space-percent=5", 5),
            ),
        ):
            self.assertEqual(free_space.parse(core), expected)

    def test_what_is_to_be_kept(self) -> None:
        self.assertEqual(Reserve("", 5).bytes_of(1000), 50)
        self.assertEqual(Reserve("", 0, 7).bytes_of(1000), 7)

    def test_what_is_no_size(self) -> None:
        for text in ("5", "MB", "1XB", "-1MB", "1 GB", "9" * 10 + "TB"):
            with self.assertRaisesRegex(UserError, f"min-free-space-size={text}: expected a num"):
                free_space.parse({"min-free-space-size": text})
        for text in ("100", "-1", "x", ""):
            with self.assertRaisesRegex(UserError, f"percent={text}: expected a number from 0 to"):
                free_space.parse({"min-free-space-percent": text})


class FreeSpaceTest(unittest.TestCase):
    def test_more_than_there_is(self) -> None:
        space = FreeSpace(Path("/"), Reserve("min-free-space-size=1MB", 0, 1 << 20))
        space.check(0)
        words = "/: min-free-space-size=1MB in its config would be exceeded by .*; nothing was chan"
        with self.assertRaisesRegex(UserError, words):
            space.check(1 << 62)

    def test_nothing_to_be_kept(self) -> None:
        FreeSpace(Path("/"), Reserve("min-free-space-percent=0", 0)).check(1 << 62)


if __name__ == "__main__":
    unittest.main()
