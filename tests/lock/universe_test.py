from __future__ import annotations

import unittest

from apt2ostree.debian.index import Origin
from apt2ostree.debian.relations import parse_relations
from apt2ostree.lock.preferences import Preferences, parse_preferences
from apt2ostree.lock.universe import Universe
from tests.lock.universes import packages, universe

_MAIN = Origin("http://ftp.debian.org/debian", "bookworm", "main", "amd64")
_SECURITY = Origin(
    "http://security.debian.org/debian-security", "bookworm-security", "main", "amd64"
)


class UniverseTest(unittest.TestCase):
    def test_the_newest_version_is_the_candidate(self) -> None:
        candidate = universe("a 1.9\na 1.10\na 1.2").candidate(("a", "amd64"))
        self.assertEqual(str(candidate), "a:amd64=1.10")

    def test_pins_choose_the_candidate(self) -> None:
        text = "Package: a\nPin: version 1\nPin-Priority: 501\n"
        pinned = universe("a 1\na 2", preferences=Preferences(parse_preferences(text, "p")))
        self.assertEqual(str(pinned.candidate(("a", "amd64"))), "a:amd64=1")

    def test_a_negative_priority_leaves_no_candidate(self) -> None:
        text = "Package: a\nPin: version *\nPin-Priority: -1\n"
        pinned = universe("a 1\na 2", preferences=Preferences(parse_preferences(text, "p")))
        self.assertIsNone(pinned.candidate(("a", "amd64")))

    def test_architecture_all_counts_as_native(self) -> None:
        both = universe("a:all 1\na:amd64 2\nb:i386", ["i386"])
        self.assertEqual([p.version for p in both.versions("a", "amd64")], ["2", "1"])
        self.assertIsNone(both.candidate(("a", "i386")))

    def test_other_architectures_are_left_out(self) -> None:
        self.assertEqual([p.name for p in universe("a:arm64\nb:amd64\nc:i386")], ["b"])

    def test_one_file_in_two_suites_is_one_package_with_two_origins(self) -> None:
        known = packages("a 1", _MAIN) + packages("a 1", _SECURITY)
        (package,) = Universe(known, "amd64")
        self.assertEqual(package.origins, (_MAIN, _SECURITY))

    def test_of_two_files_of_one_version_the_first_is_taken_and_said_so(self) -> None:
        known = packages("a 1; SHA256: aa", _MAIN) + packages("b 1\na 1; SHA256: bb", _SECURITY)
        both = Universe(known, "amd64")
        (package,) = both.versions("a")
        self.assertEqual(package.get("SHA256"), "aa")
        self.assertEqual(
            both.disagreement(package),
            "two different files for a:amd64=1: SHA256 aa at Packages:1 "
            "(http://ftp.debian.org/debian bookworm/main amd64 Packages), but bb at Packages:8 "
            "(http://security.debian.org/debian-security bookworm-security/main amd64 Packages); "
            "the first one is taken, as its source is listed first. Remove one of the two sources, "
            "or ask their owners which one is right",
        )
        self.assertEqual(both.disagreement(both.versions("b")[0]), "")

    def test_knows_providers(self) -> None:
        known = universe("a; Provides: mta, mta (= 2)\nb; Provides: mta\nc")
        self.assertEqual([p.name for p, _ in known.providers("mta")], ["a", "a", "b"])
        (relation,) = parse_relations("mta")[0]
        self.assertEqual([p.name for p in known.related(relation)], ["a", "b"])

    def test_one_essential_version_makes_the_package_essential(self) -> None:
        known = universe("a 1; Essential: yes\na 2\nb 1; Protected: yes")
        self.assertTrue(known.is_essential(known.versions("a")[0]))
        self.assertTrue(known.is_important(known.versions("b")[0]))


class SatisfiesTest(unittest.TestCase):
    """Each line: a package, and the dependencies of an amd64 and an i386 package it meets."""

    def _meets(self, line: str, relation: str, architecture: str = "amd64") -> bool:
        known = universe(line, ["i386"])
        (package,) = known
        return known.satisfies(package, parse_relations(relation)[0][0], architecture)

    def test_versions(self) -> None:
        self.assertTrue(self._meets("a 2", "a (>= 2)"))
        self.assertFalse(self._meets("a 2", "a (>> 2)"))

    def test_provided_names_need_a_version_to_meet_one(self) -> None:
        self.assertTrue(self._meets("a 2; Provides: v", "v"))
        self.assertFalse(self._meets("a 2; Provides: v", "v (>= 1)"))
        self.assertTrue(self._meets("a 2; Provides: v (= 1)", "v (>= 1)"))
        self.assertFalse(self._meets("a 2; Provides: v (= 1)", "v (>= 2)"))

    def test_architectures(self) -> None:
        for multi_arch, expected in {
            "no": (True, False, False, True, False),
            "same": (True, False, False, True, False),
            "foreign": (True, True, False, True, False),
            "allowed": (True, False, True, True, False),
        }.items():
            for line, name in {
                f"a:amd64; Multi-Arch: {multi_arch}": "a",
                f"a:all; Multi-Arch: {multi_arch}": "a",
                f"a:amd64; Multi-Arch: {multi_arch}; Provides: v": "v",
            }.items():
                with self.subTest(line):
                    found = (
                        self._meets(line, name),
                        self._meets(line, name, "i386"),
                        self._meets(line, f"{name}:any"),
                        self._meets(line, f"{name}:amd64", "i386"),
                        self._meets(line, f"{name}:i386"),
                    )
                    self.assertEqual(found, expected)

    def test_provided_names_may_name_an_architecture(self) -> None:
        self.assertTrue(self._meets("a; Provides: v:i386", "v", "i386"))
        self.assertFalse(self._meets("a; Provides: v:i386", "v"))
        self.assertTrue(self._meets("a; Provides: v:any", "v:any"))
        self.assertFalse(self._meets("a; Provides: v:any", "v"))


class HitsTest(unittest.TestCase):
    def _hits(self, relation: str, line: str) -> bool:
        known = universe(f"owner\n{line}", ["i386"])
        owner, other = known
        return known.hits(owner, parse_relations(relation)[0][0], other)

    def test_conflicts_speak_of_all_architectures(self) -> None:
        self.assertTrue(self._hits("a", "a:i386"))
        self.assertTrue(self._hits("a", "b:i386; Provides: a"))
        self.assertFalse(self._hits("a:amd64", "a:i386"))
        self.assertFalse(self._hits("a:any", "a:amd64"))
        self.assertTrue(self._hits("a:any", "a:i386; Multi-Arch: allowed"))

    def test_versions_count(self) -> None:
        self.assertTrue(self._hits("a (<< 2)", "a 1"))
        self.assertFalse(self._hits("a (<< 2)", "a 2"))
        self.assertFalse(self._hits("a (<< 2)", "b; Provides: a"))

    def test_a_package_never_conflicts_with_its_own_name(self) -> None:
        self.assertFalse(self._hits("v", "owner:i386; Provides: v"))


class ClashOfArchitecturesTest(unittest.TestCase):
    def _clash(self, text: str) -> bool:
        known = universe(text, ["i386"])
        first, second = known
        return known.clash_of_architectures(first, second)

    def test_only_multi_arch_same_in_one_version_goes_together(self) -> None:
        same = "Multi-Arch: same"
        self.assertFalse(self._clash(f"a:amd64 1; {same}\na:i386 1; {same}"))
        self.assertTrue(self._clash(f"a:amd64 1; {same}\na:i386 2; {same}"))
        self.assertTrue(self._clash("a:amd64 1\na:i386 1"))
        self.assertFalse(self._clash("a:amd64 1\na:amd64 2"))
        self.assertFalse(self._clash("a:amd64 1\nb:i386 1"))


if __name__ == "__main__":
    unittest.main()
