from __future__ import annotations

import unittest

from apt2ostree.debian.relations import parse_relations
from apt2ostree.lock.selection import Conflict, Dependency, Selection
from tests.lock.universes import universe


class SelectionTest(unittest.TestCase):
    def _ordered(self, text: str, group: str) -> list[str]:
        selection = Selection(universe(text, ["i386"]))
        options = selection.ordered_options(parse_relations(group)[0], "amd64")
        return [str(option).replace("=1", "") for option in options]

    def test_orders_alternatives_then_names_then_ranks(self) -> None:
        foreign = "Multi-Arch: foreign"
        text = f"""
            p1; Provides: v; Priority: optional
            p2; Provides: v; Priority: required
            p3:i386; Provides: v; {foreign}; Priority: required
            p4:i386; Provides: v; {foreign}; Important: yes
            v
            v:i386; {foreign}
            w
        """
        expected = ["v:amd64", "v:i386", "p4:i386", "p2:amd64", "p1:amd64", "p3:i386"]
        self.assertEqual(self._ordered(text, "v"), expected)
        self.assertEqual(self._ordered(text, "w | v"), ["w:amd64", *expected])

    def test_a_name_with_an_architecture_is_no_better_than_its_providers(self) -> None:
        text = "v; Priority: extra\np; Provides: v; Priority: required"
        self.assertEqual(self._ordered(text, "v:amd64"), ["p:amd64", "v:amd64"])

    def test_remembers_why_a_package_is_out(self) -> None:
        known = universe("a; Depends: b\nb; Depends: x\nc; Conflicts: d\nd")
        selection = Selection(known)
        (a,), (b,), (c,), (d,) = map(known.versions, "abcd")
        self.assertFalse(selection.follow(a))
        dependency = Dependency(b, "Depends", parse_relations("x")[0])
        self.assertEqual(selection.discarded["b", "amd64"], dependency)
        selection.want(c)
        selection.follow(c)
        (relation,) = parse_relations("d")[0]
        conflict = Conflict(d, c, c, "Conflicts", relation)
        self.assertEqual(selection.discarded["d", "amd64"], conflict)

    def test_a_package_that_only_passed_over_may_come_back(self) -> None:
        known = universe("a; Depends: b | c\nb; Depends: d\nd; Conflicts: b\nc; Depends: d")
        selection = Selection(known)
        (a,) = known.versions("a")
        selection.want(a)
        self.assertTrue(selection.follow(a))
        self.assertEqual([package.name for package in selection], ["a", "c", "d"])


if __name__ == "__main__":
    unittest.main()
