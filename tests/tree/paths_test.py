import unittest

from hypothesis import given
from hypothesis import strategies as st

from apt2ostree.errors import UserError
from apt2ostree.tree import paths


class NormalizeTest(unittest.TestCase):
    def test_dots_and_slashes_that_mean_nothing(self) -> None:
        for name in ("./usr/bin/x", "usr/bin/x", "./usr//bin/./x/", ".//usr/bin/x//"):
            self.assertEqual(paths.normalize(name), "usr/bin/x")
        for name in ("", ".", "./", "././"):
            self.assertEqual(paths.normalize(name), "")

    def test_names_that_look_hostile_and_are_not(self) -> None:
        for name in ("...", "a..b", "..a", "a/...", "-rf", "a\\..\\b", "a b", "ä", "\udcff"):
            self.assertEqual(paths.normalize(name), name)

    def test_hostile_names(self) -> None:
        for name, words in (
            ("/etc/passwd", "/etc/passwd: absolute member name; .* relative to ./"),
            ("//etc", "absolute member name"),
            ("../etc", r"\.\./etc: '\.\.' in a member name; it would leave"),
            ("./a/../../b", r"'\.\.' in a member name"),
            ("./a/..", r"'\.\.' in a member name"),
            ("a\0b", r"'a\\x00b': a NUL byte or a newline"),
            ("a\nb", r"'a\\nb': a NUL byte or a newline"),
            ("x/" * 2048, "x/x/.*…: a path of more than 4095 bytes"),
            ("ä" * 128, "ä…: a name of more than 255 bytes"),
        ):
            with self.subTest(name[:20]), self.assertRaisesRegex(UserError, words):
                paths.normalize(name)

    @given(st.text(max_size=60))
    def test_what_comes_out_stays_inside(self, name: str) -> None:
        try:
            path = paths.normalize(name)
        except UserError:
            return
        self.assertFalse(path.startswith("/"))
        if path:
            self.assertTrue({"", ".", ".."}.isdisjoint(path.split("/")))
        self.assertEqual(paths.normalize(path), path)


class PartsTest(unittest.TestCase):
    def test_split_and_join_are_each_others_inverse(self) -> None:
        for path in ("a", "a/b", "a/b/c"):
            self.assertEqual(paths.join(*paths.split(path)), path)
            self.assertEqual(paths.split(path)[0], paths.parent(path))
        self.assertEqual((paths.parent(""), paths.parent("a")), ("", ""))


if __name__ == "__main__":
    unittest.main()
