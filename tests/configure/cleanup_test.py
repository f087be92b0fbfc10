"""Lists of what is not kept."""

from __future__ import annotations

import unittest

from apt2ostree.configure import cleanup
from apt2ostree.errors import UserError


def removes(path: str, *lists: str) -> bool:
    rules = [rule for text in lists for rule in cleanup.parse(text, "list")]
    return cleanup.Cleanup(rules).removes(path)


class CleanupTest(unittest.TestCase):
    def test_a_star_stays_within_a_component(self) -> None:
        self.assertTrue(removes("var/log/a.log", "var/log/*.log\n"))
        self.assertFalse(removes("var/log/apt/a.log", "var/log/*.log\n"))

    def test_two_stars_stand_for_any_number_of_components(self) -> None:
        for path in ("__pycache__", "usr/__pycache__", "usr/lib/python3/__pycache__"):
            self.assertTrue(removes(path, "**/__pycache__\n"), path)
        self.assertFalse(removes("usr/x__pycache__", "**/__pycache__\n"))

    def test_what_is_in_a_removed_directory_goes_too(self) -> None:
        self.assertTrue(removes("usr/__pycache__/a.pyc", "**/__pycache__\n"))

    def test_the_directory_itself_stays_when_its_content_is_meant(self) -> None:
        self.assertFalse(removes("var/cache/man", "var/cache/man/**\n"))
        self.assertTrue(removes("var/cache/man/de/index.db", "var/cache/man/**\n"))

    def test_a_later_list_keeps_what_an_earlier_one_removes(self) -> None:
        self.assertFalse(removes("etc/machine-id", "etc/machine-id\n", "!etc/machine-id\n"))
        self.assertTrue(removes("etc/machine-id", "!etc/machine-id\n", "etc/machine-id\n"))

    def test_comments_and_empty_lines_say_nothing(self) -> None:
        self.assertFalse(removes("a", "# a\n\n  \n"))

    def test_sets_of_characters(self) -> None:
        self.assertTrue(removes("a1", "a[0-9]\n"))
        self.assertFalse(removes("ab", "a[!b]\n"))

    def test_symlinks_can_be_meant_by_where_they_lead(self) -> None:
        rules = cleanup.Cleanup(cleanup.parse("certs/*.0 -> certs/made.pem\n", "list"))
        self.assertTrue(rules.removes("certs/1.0", "certs/made.pem"))
        self.assertFalse(rules.removes("certs/1.0", "certs/other.pem"))
        self.assertFalse(rules.removes("certs/1.0"))

    def test_a_pattern_that_leads_out_names_its_line(self) -> None:
        for pattern in ("/etc/passwd", "../x", "a/../b", "a -> /b"):
            with self.assertRaisesRegex(UserError, "list:2: .*relative to the image's root"):
                cleanup.parse(f"a\n{pattern}\n", "list")


if __name__ == "__main__":
    unittest.main()
