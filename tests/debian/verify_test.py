from __future__ import annotations

import unittest

from apt2ostree.debian.index import Origin
from apt2ostree.debian.verify import VerificationError, find_problems, verify, verify_lock
from tests.lock.universes import packages


def _problems(text: str, *want: str, foreign: tuple[str, ...] = ("i386",)) -> list[str]:
    return find_problems(packages(text), want, "amd64", foreign)


class FindProblemsTest(unittest.TestCase):
    def test_a_whole_set_has_none(self) -> None:
        text = """
            a; Depends: b (>= 1) | c, v; Pre-Depends: e:any; Conflicts: f (<< 2)
            b:all 2; Multi-Arch: foreign
            d; Provides: v
            e:i386; Multi-Arch: allowed
            f 2
            g:amd64; Multi-Arch: same; Breaks: g (<< 1); Conflicts: abi; Provides: abi
            g:i386; Multi-Arch: same; Depends: b, v:amd64; Conflicts: abi; Provides: abi
        """
        want = ("a", "g:i386", "f=2", "e", "v", "b:i386", "b:all", "a:native", "e:any")
        self.assertEqual(_problems(text, *want), [])

    def test_says_which_wanted_item_is_missing(self) -> None:
        for item in ("x", "a:i386", "a=2", "x/bookworm", "a:all"):
            self.assertEqual(_problems("a", item), [f"{item} is wanted but not there"])

    def test_a_wanted_suite_is_that_of_the_origin(self) -> None:
        known = packages("a", Origin("http://x", "bookworm", "main", "amd64"))
        self.assertEqual(find_problems(known, ["a/bookworm"], "amd64"), [])
        self.assertEqual(
            find_problems(known, ["a/trixie"], "amd64"), ["a/trixie is wanted but not there"]
        )

    def test_says_which_dependency_is_unmet(self) -> None:
        for text, group in {
            "a; Depends: b | c": "b | c (Depends)",
            "a; Pre-Depends: b\nc": "b (Pre-Depends)",
            "a; Depends: b (>= 2)\nb 1": "b (>= 2) (Depends)",
            "a; Depends: v (>= 1)\nb; Provides: v": "v (>= 1) (Depends)",
            "a; Depends: b\nb:i386": "b (Depends)",
            "a; Depends: b:any\nb": "b:any (Depends)",
            "a; Depends: b:i386\nb; Multi-Arch: foreign": "b:i386 (Depends)",
        }.items():
            with self.subTest(text):
                self.assertEqual(_problems(text), [f"a:amd64=1 needs {group}, which is not there"])

    def test_says_what_cannot_be_together(self) -> None:
        for text, problem in {
            "a; Conflicts: b\nb": "a:amd64=1 cannot be with b:amd64=1: Conflicts: b",
            "a; Breaks: b (<< 2)\nb:i386": "a:amd64=1 cannot be with b:i386=1: Breaks: b (<< 2)",
            "a; Conflicts: v\nb; Provides: v": "a:amd64=1 cannot be with b:amd64=1: Conflicts: v",
        }.items():
            with self.subTest(text):
                self.assertEqual(_problems(text), [problem])

    def test_says_which_architectures_cannot_be_together(self) -> None:
        self.assertEqual(
            _problems("a:amd64\na:i386"),
            ["a:amd64=1 and a:i386=1 cannot be together: they are not both Multi-Arch: same"],
        )
        self.assertEqual(
            _problems("a:amd64 1; Multi-Arch: same\na:i386 2; Multi-Arch: same"),
            ["a:amd64=1 and a:i386=2 are Multi-Arch: same and must have one version"],
        )

    def test_says_what_is_there_twice(self) -> None:
        self.assertEqual(_problems("a 1\na 2"), ["a is there twice: a:amd64=1, a:amd64=2"])

    def test_says_what_is_of_another_architecture(self) -> None:
        self.assertEqual(
            _problems("a:arm64"),
            ["a:arm64=1 is for an architecture that is neither amd64 nor foreign"],
        )


class VerifyTest(unittest.TestCase):
    def test_raises_with_all_problems(self) -> None:
        with self.assertRaises(VerificationError) as caught:
            verify(packages("a; Depends: b"), ["c"], "amd64")
        self.assertEqual(
            caught.exception.problems,
            ("c is wanted but not there", "a:amd64=1 needs b (Depends), which is not there"),
        )

    def test_a_lock_of_named_packages_need_not_be_complete(self) -> None:
        lock = packages("a; Depends: b")
        self.assertEqual(verify_lock(lock, ["a"], "amd64", complete=False), [])
        self.assertEqual(
            verify_lock(lock, ["a", "c"], "amd64", complete=False), ["c is wanted but not there"]
        )
        self.assertEqual(
            verify_lock(lock, ["a"], "amd64"), ["a:amd64=1 needs b (Depends), which is not there"]
        )


if __name__ == "__main__":
    unittest.main()
