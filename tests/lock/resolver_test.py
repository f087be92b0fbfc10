from __future__ import annotations

import unittest
from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from apt2ostree.debian.index import Origin, ReleaseFacts
from apt2ostree.debian.verify import find_problems
from apt2ostree.debian.wanted import WantedError
from apt2ostree.lock.preferences import Preferences, parse_preferences
from apt2ostree.lock.resolver import UnsatisfiableError, base_packages, choose, resolve
from apt2ostree.lock.universe import Universe
from tests.lock.random_universes import RandomUniverse
from tests.lock.universes import packages, universe


def _resolve(
    text: str, *want: str, foreign: Sequence[str] = (), recommends: bool = False
) -> list[str]:
    """What is installed, without the version 1 and the architecture amd64."""
    found = resolve(universe(text, foreign), want, recommends=recommends).packages
    return [str(p).replace(":amd64", "").replace("=1", "") for p in found]


class ResolveTest(unittest.TestCase):
    """The expectations are apt's answers: `resolver_apt_test` asks apt itself."""

    def test_follows_dependencies(self) -> None:
        self.assertEqual(_resolve("a; Depends: b\nb; Pre-Depends: c\nc\nd", "a"), ["a", "b", "c"])

    def test_takes_the_first_alternative_that_can_be_had(self) -> None:
        self.assertEqual(_resolve("a; Depends: x | b | c\nb\nc", "a"), ["a", "b"])
        self.assertEqual(_resolve("a; Depends: b | c\nb; Depends: x\nc", "a"), ["a", "c"])

    def test_takes_an_alternative_that_is_there_already(self) -> None:
        text = "a; Depends: b | c\nb\nc"
        self.assertEqual(_resolve(text, "a", "c"), ["a", "c"])
        self.assertEqual(_resolve("d; Depends: c, a\n" + text, "d"), ["a", "c", "d"])

    def test_goes_into_depth_first(self) -> None:
        text = "a; Depends: b, c | d\nb; Depends: d\nc\nd"
        self.assertEqual(_resolve(text, "a"), ["a", "b", "d"])

    def test_prefers_the_package_of_the_name_to_providers(self) -> None:
        text = "a; Depends: v\nb; Provides: v; Priority: required; Essential: yes\nv"
        self.assertEqual(_resolve(text, "a"), ["a", "v"])

    def test_ranks_providers(self) -> None:
        base = "w; Depends: v\n"
        for text, chosen in {
            "a; Provides: v\nb; Provides: v": "b",
            "a; Provides: v; Priority: optional\nb; Provides: v; Priority: extra": "a",
            "a; Provides: v\nb; Provides: v; Priority: required": "a",
            "a; Provides: v; Important: yes\nb; Provides: v": "a",
            "a; Provides: v; Essential: yes\nb; Provides: v; Important: yes": "a",
            "x; Suggests: b\na; Provides: v\nb; Provides: v": "a",
            "a 1; Essential: yes\na 2; Provides: v\nb; Provides: v": "a=2",
        }.items():
            with self.subTest(text):
                self.assertEqual(_resolve(base + text, "w"), sorted([chosen, "w"]))

    def test_discards_what_cannot_be_installed_together_with_wanted_packages(self) -> None:
        text = "a; Depends: b | c\nb; Conflicts: d\nc\nd"
        self.assertEqual(_resolve(text, "a", "d"), ["a", "c", "d"])

    def test_takes_another_alternative_after_a_conflict(self) -> None:
        text = "a; Depends: b | c\nb\nc\nd; Conflicts: b"
        self.assertEqual(_resolve(text, "a", "d"), ["a", "c", "d"])

    def test_drops_what_nothing_leads_to(self) -> None:
        text = "a; Depends: b | c\nb; Depends: d, e\nd\ne; Depends: x\nc"
        self.assertEqual(_resolve(text, "a"), ["a", "c"])

    def test_breaks_and_conflicts_with_itself_mean_nothing(self) -> None:
        text = "a; Conflicts: v, a (<< 2); Provides: v; Breaks: a"
        self.assertEqual(_resolve(text, "a"), ["a"])

    def test_dependencies_may_go_round_in_circles(self) -> None:
        self.assertEqual(_resolve("a; Depends: b\nb; Depends: a", "a"), ["a", "b"])

    def test_chains_may_be_longer_than_pythons_stack(self) -> None:
        text = "\n".join(f"p{n}; Depends: p{n + 1}" for n in range(5000)) + "\np5000"
        self.assertEqual(len(_resolve(text, "p0")), 5001)

    def test_recommends_are_installed_on_request_where_they_can_be(self) -> None:
        text = "a; Recommends: b, c, x | d\nb; Recommends: e\nc; Depends: x\nd\ne"
        self.assertEqual(_resolve(text, "a"), ["a"])
        self.assertEqual(_resolve(text, "a", recommends=True), ["a", "b", "d", "e"])

    def test_pins_choose_versions(self) -> None:
        text = "Package: b\nPin: version 1\nPin-Priority: 501\n"
        preferences = Preferences(parse_preferences(text, "p"))
        known = universe("a; Depends: b\nb 1\nb 2", preferences=preferences)
        self.assertEqual(str(resolve(known, ["a"]).packages[1]), "b:amd64=1")

    def test_excluded_packages_are_not_installed(self) -> None:
        known = universe("a; Depends: b | c; Recommends: d\nb\nc\nd\nd:i386", ["i386"])
        found = resolve(known, ["a"], exclude=["b", "d:amd64"], recommends=True).packages
        self.assertEqual([p.name for p in found], ["a", "c"])

    def test_the_answer_does_not_depend_on_earlier_ones(self) -> None:
        known = universe("a; Depends: b | c\nb; Conflicts: d\nc\nd")
        first = [str(p) for p in resolve(known, ["a", "d"]).packages]
        resolve(known, ["a"])
        self.assertEqual([str(p) for p in resolve(known, ["a", "d"]).packages], first)


class MultiArchTest(unittest.TestCase):
    def test_dependencies_are_of_the_packages_own_architecture(self) -> None:
        same = "Multi-Arch: same"
        text = f"a; Depends: b\nc:i386; Depends: b\nb; {same}\nb:i386; {same}"
        found = _resolve(text, "a", "c:i386", foreign=["i386"])
        self.assertEqual(found, ["a", "b", "b:i386", "c:i386"])

    def test_foreign_packages_serve_all_architectures_the_native_one_first(self) -> None:
        text = "c:i386; Depends: b\nb:i386; Multi-Arch: foreign\nb; Multi-Arch: foreign"
        self.assertEqual(_resolve(text, "c:i386", foreign=["i386"]), ["b", "c:i386"])

    def test_packages_of_architecture_all_are_native(self) -> None:
        text = "c:i386; Depends: b\nb:all; Multi-Arch: foreign; Depends: d\nd\nd:i386"
        found = _resolve(text, "c:i386", foreign=["i386"])
        self.assertEqual(found, ["b:all", "c:i386", "d"])

    def test_any_asks_for_allowed(self) -> None:
        text = "a; Depends: b:any\nb:i386; Multi-Arch: allowed"
        self.assertEqual(_resolve(text, "a", foreign=["i386"]), ["a", "b:i386"])
        with self.assertRaisesRegex(UnsatisfiableError, "is not Multi-Arch: allowed"):
            _resolve("a; Depends: b:any\nb; Multi-Arch: foreign", "a")

    def test_same_goes_in_lockstep(self) -> None:
        same = "Multi-Arch: same"
        text = f"a 1; {same}\na 2; {same}\na:i386 1; {same}"
        with self.assertRaisesRegex(UnsatisfiableError, "asks for one version of both"):
            _resolve(text, "a", "a:i386", foreign=["i386"])
        self.assertEqual(_resolve(text, "a=1", "a:i386", foreign=["i386"]), ["a", "a:i386"])


class WantTest(unittest.TestCase):
    def test_a_name_means_the_native_architecture_first(self) -> None:
        self.assertEqual(_resolve("a:i386\na", "a", foreign=["i386"]), ["a"])
        self.assertEqual(_resolve("a:i386", "a", foreign=["i386"]), ["a:i386"])

    def test_architectures(self) -> None:
        for text, item, found in (
            ("a\na:i386", "a:i386", "a:i386"),
            ("a:i386", "a:any", "a:i386"),
            ("a\na:i386", "a:native", "a"),
            ("a:all", "a:all", "a:all"),
            ("a:all", "a:amd64", "a:all"),
        ):
            with self.subTest(item):
                self.assertEqual(_resolve(text, item, foreign=["i386"]), [found])

    def test_a_foreign_architecture_has_the_names_that_its_packages_speak_of(self) -> None:
        for field in ("Depends", "Suggests", "Enhances"):
            text = f"a; Multi-Arch: foreign\nb:i386; {field}: a"
            self.assertEqual(_resolve(text, "a:i386", foreign=["i386"]), ["a"])
        provided = _resolve("b:i386; Provides: a", "a:i386", foreign=["i386"])
        self.assertEqual(provided, ["b:i386"])
        for more in ("", "\nb:i386; Breaks: a (= 2)", "\nb; Depends: a", "\nb:i386; Depends: aa"):
            text = f"a; Multi-Arch: foreign{more}"
            with self.assertRaisesRegex(
                UnsatisfiableError, "is for amd64, and serves i386 too: ask for a$"
            ):
                _resolve(text, "a:i386", foreign=["i386"])

    def test_a_version_wins_over_newer_ones_and_pins(self) -> None:
        self.assertEqual(_resolve("a 1\na 2", "a=1"), ["a"])

    def test_a_suite_is_taken_for_the_dependencies_that_need_it(self) -> None:
        stable = Origin("http://x", "stable", "main", "amd64")
        backports = Origin("http://x", "backports", "main", "amd64")
        pins = parse_preferences(
            "Package: *\nPin: release c=main\nPin-Priority: 500\n\n"
            "Package: a b c d\nPin: version 2\nPin-Priority: 100\n",
            "p",
        )
        known = Universe(
            packages("a; Depends: b\nb\nc\nd", stable)
            + packages("a 2; Depends: b (>= 2), c\nb 2; Depends: d (>= 2)\nc 2\nd 2", backports),
            "amd64",
            preferences=Preferences(pins),
        )
        found = [f"{p.name}={p.version}" for p in resolve(known, ["a/backports"]).packages]
        self.assertEqual(found, ["a=2", "b=2", "c=1", "d=2"])

    def test_a_suite_is_not_taken_for_what_it_cannot_complete(self) -> None:
        stable = Origin("http://x", "stable", "main", "amd64")
        backports = Origin(
            "http://x", "bp", "main", "amd64", ReleaseFacts("bp", not_automatic=True)
        )
        known = Universe(
            packages("a\nb\nc", stable)
            + packages("a 2; Depends: b (>= 2) | c (>= 2)\nb 2; Depends: x\nc 2", backports),
            "amd64",
        )
        found = [f"{p.name}={p.version}" for p in resolve(known, ["a/bp"]).packages]
        self.assertEqual(found, ["a=2", "c=2"])

    def test_a_version_asked_for_is_the_one_meant_by_the_name(self) -> None:
        self.assertEqual(_resolve("a 1\na 2", "a", "a=1"), ["a"])

    def test_refuses_to_take_two_versions_of_a_package(self) -> None:
        message = "a=1 and a=2 ask for two versions of a: 1 and 2"
        with self.assertRaisesRegex(UnsatisfiableError, message):
            _resolve("a 1\na 2", "a=1", "a=2")

    def test_a_provided_name_can_be_wanted_if_one_package_provides_it(self) -> None:
        self.assertEqual(_resolve("a 1; Provides: v\na 2; Provides: v", "v"), ["a=2"])
        for text in ("a; Provides: v\nb; Provides: v", "a 1; Provides: v\na 2", "a:i386"):
            with self.subTest(text), self.assertRaises(UnsatisfiableError):
                _resolve(text, "v")

    def test_an_item_twice_is_one_package(self) -> None:
        self.assertEqual(_resolve("a; Provides: v", "a", "v", "a:amd64"), ["a"])

    def test_refuses_what_it_does_not_understand(self) -> None:
        with self.assertRaisesRegex(WantedError, "'a b' is not a package to ask for"):
            _resolve("a", "a b")


class ChooseTest(unittest.TestCase):
    def test_takes_the_packages_meant_alone(self) -> None:
        known = universe("a; Depends: x\nb 1\nb 2\nc; Provides: v")
        found = choose(known, ["b=1", "v", "a"])
        self.assertEqual([str(p) for p in found], ["b:amd64=1", "c:amd64=1", "a:amd64=1"])

    def test_refuses_what_is_excluded(self) -> None:
        with self.assertRaisesRegex(UnsatisfiableError, "a:amd64=1: you excluded it"):
            choose(universe("a"), ["a"], exclude=["a"])


class ReasonTest(unittest.TestCase):
    def test_says_who_wants_a_package(self) -> None:
        known = universe("a; Depends: b | x\nb; Recommends: c\nc")
        resolution = resolve(known, ["a"], recommends=True)
        self.assertEqual(
            [str(resolution.reasons[package]) for package in resolution.packages],
            ["wanted as a", "a:amd64=1: Depends: b | x", "b:amd64=1: Recommends: c"],
        )
        self.assertEqual(
            [p.name for p in resolution.chain(resolution.packages[2])], ["c", "b", "a"]
        )


class BasePackagesTest(unittest.TestCase):
    def test_essential_first_then_each_priority_by_name(self) -> None:
        known = universe(
            "z; Essential: yes; Priority: required\nr2; Priority: required\n"
            "i; Priority: important\nr1; Priority: required\nf:i386; Essential: yes\n"
            "o 1; Priority: required\no 2; Priority: optional\ne; Essential: yes",
            ["i386"],
        )
        self.assertEqual(base_packages(known), ["e", "z", "r1", "r2"])
        self.assertEqual(
            base_packages(known, False, ("important", "required")), ["i", "r1", "r2", "z"]
        )
        self.assertEqual(base_packages(known, True, ()), ["e", "z"])


class RandomUniverseTest(unittest.TestCase):
    @settings(max_examples=200, deadline=None)
    @given(st.integers(0, 2**32), st.booleans(), st.booleans())
    def test_every_answer_holds_and_every_refusal_is_explained(
        self, seed: int, foreign: bool, recommends: bool
    ) -> None:
        architectures = ("amd64", "i386") if foreign else ("amd64",)
        made = RandomUniverse(Random(seed), "", architectures)
        known = Universe(made.packages(), "amd64", architectures[1:])
        for want in made.wants:
            try:
                found = resolve(known, want, recommends=recommends).packages
            except UnsatisfiableError as error:
                self.assertIn("cannot be", str(error))
                self.assertGreater(len(str(error).splitlines()), 1)
                continue
            self.assertEqual(find_problems(found, want, "amd64", architectures[1:]), [])
            again = Universe(made.packages(), "amd64", architectures[1:])
            repeated = resolve(again, want, recommends=recommends).packages
            self.assertEqual([str(p) for p in found], [str(p) for p in repeated])


if __name__ == "__main__":
    unittest.main()
