from __future__ import annotations

import unittest

from apt2ostree.archive.mirrors import Mirrors
from apt2ostree.errors import UserError


class MirrorsTest(unittest.TestCase):
    def test_a_prefix_ends_where_a_part_of_the_path_ends(self) -> None:
        mirrors = Mirrors.parse("http://a/debian=http://m/d/, http://a/=file:/srv")
        self.assertEqual(
            mirrors.candidates("http://a/debian/x"),
            ("http://m/d/x", "file:/srv/debian/x", "http://a/debian/x"),
        )
        self.assertEqual(
            mirrors.candidates("http://a/debian-security/x"),
            ("file:/srv/debian-security/x", "http://a/debian-security/x"),
        )
        self.assertEqual(mirrors.candidates("http://b/x"), ("http://b/x",))

    def test_none_is_fine_and_nonsense_is_an_error(self) -> None:
        self.assertEqual(Mirrors.from_environment({}).rules, ())
        for text in ("http://a", "a=b", "http://a=b"):
            with self.assertRaisesRegex(UserError, "APT2OSTREE_MIRRORS: expected FROM=TO, both"):
                Mirrors.parse(text)

    def test_a_login_is_refused_and_never_told(self) -> None:
        words = (
            "APT2OSTREE_MIRRORS: there is a login in the URL of entry 2; put it into ~/.netrc, or "
            "the file that NETRC names, and leave it out here"
        )
        for url in (
            "http://anna:secret@m/d",
            "http://anna:sec@secret@m/d",
            "http://anna:secret/x@m/d",
            "http://secret@m",
        ):
            for pair in (f"http://b={url}", f"{url}=http://b"):
                with self.assertRaises(UserError) as caught:
                    Mirrors.parse(f"http://a=http://c,{pair}")
                self.assertEqual(str(caught.exception), words)
        for text in (
            "http://anna:secret@m/d",
            "http://a=anna:secret@m/d",
            "http://a=http://anna:a,secret@m/d",
            "http://a=http://anna:a,@secret",
        ):
            with self.assertRaises(UserError) as caught:
                Mirrors.parse(text)
            self.assertNotIn("secret", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
