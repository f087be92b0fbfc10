from __future__ import annotations

import unittest

from apt2ostree.debian.wanted import Wanted, WantedError, parse_wanted


class ParseWantedTest(unittest.TestCase):
    def test_reads_every_form(self) -> None:
        for text, parts in {
            "nginx": ("nginx",),
            "libc6:i386": ("libc6", "i386"),
            "nginx=1:1.22-9~bpo": ("nginx", "", "1:1.22-9~bpo"),
            "nginx/bookworm-backports": ("nginx", "", "", "bookworm-backports"),
            "g++:amd64=4:12.2.0-3": ("g++", "amd64", "4:12.2.0-3"),
            "nginx/12.3": ("nginx", "", "", "12.3"),
        }.items():
            with self.subTest(text):
                self.assertEqual(parse_wanted(text), Wanted(text, *parts))

    def test_says_what_it_expects(self) -> None:
        for text in ("", "a b", "a=", "a/", "a=1/2", "-a", "a*", "a:", "../a"):
            with self.subTest(text), self.assertRaises(WantedError) as caught:
                parse_wanted(text)
            self.assertTrue(
                str(caught.exception).startswith(
                    f"{text!r} is not a package to ask for; expected 'name', 'name:architecture'"
                )
            )


if __name__ == "__main__":
    unittest.main()
