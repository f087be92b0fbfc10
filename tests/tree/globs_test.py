import unittest

from apt2ostree.errors import UserError
from apt2ostree.tree.globs import compile_glob


class GlobsTest(unittest.TestCase):
    def check(self, pattern: str, matching: list[str], others: list[str]) -> None:
        expression = compile_glob(pattern)
        for path in matching:
            self.assertIsNotNone(expression.fullmatch(path), path)
        for path in others:
            self.assertIsNone(expression.fullmatch(path), path)

    def test_a_star_stays_within_a_component(self) -> None:
        self.check(
            "/usr/share/doc/*/copyright",
            ["usr/share/doc/a/copyright"],
            ["usr/share/doc/copyright", "usr/share/doc/a/b/copyright"],
        )

    def test_two_stars_are_any_number_of_components(self) -> None:
        self.check("**/*.pyc", ["a.pyc", "usr/lib/x/a.pyc"], ["a.py", "a.pyc/b"])
        self.check("usr/**", ["usr/a", "usr/a/b"], ["usr", "usrx/a"])
        self.check("a/**/z", ["a/z", "a/b/c/z"], ["a/bz", "az"])

    def test_sets_and_single_characters(self) -> None:
        self.check("lib[64]?/x", ["lib6a/x"], ["lib/x", "lib6/x", "libx1/x", "lib6//x"])
        self.check("[!a]b", ["cb"], ["ab", "/b"])

    def test_everything_else_is_literal(self) -> None:
        self.check("g++(1).$", ["g++(1).$"], ["g+(1).$", "gg(1).$"])

    def test_a_directory_takes_what_is_below_it_along_if_asked(self) -> None:
        expression = compile_glob("usr/share/man", below=True)
        self.assertIsNotNone(expression.fullmatch("usr/share/man/man1/ls.1"))
        self.assertIsNone(expression.fullmatch("usr/share/manual"))

    def test_patterns_that_are_none(self) -> None:
        for pattern in ("", "/", "a/../b", "a**b"):
            with self.subTest(pattern), self.assertRaisesRegex(UserError, "expected a path with"):
                compile_glob(pattern)


if __name__ == "__main__":
    unittest.main()
