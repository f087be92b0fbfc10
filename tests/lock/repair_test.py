from __future__ import annotations

import unittest

from apt2ostree.lock.repair import repair
from apt2ostree.lock.selection import Selection
from tests.lock.universes import universe


class RepairTest(unittest.TestCase):
    def _repair(self, text: str, wanted: str, selected: str) -> tuple[bool, str]:
        """Repair a selection made by hand; return whether it worked, and what is selected."""
        known = universe(text)
        selection = Selection(known)
        for name in wanted:
            selection.want(known.versions(name)[0])
        for name in selected:
            selection.select(known.versions(name)[0])
        repaired = repair(selection, {(name, "amd64") for name in wanted})
        return repaired, "".join(sorted(package.name for package in selection))

    def test_leaves_alone_what_is_not_broken(self) -> None:
        self.assertEqual(self._repair("a; Depends: b\nb\nc", "a", "bc"), (True, "abc"))

    def test_a_wanted_package_gets_an_alternative(self) -> None:
        text = "a; Depends: x | b | c\nb; Depends: x\nc; Depends: d\nd"
        self.assertEqual(self._repair(text, "a", ""), (True, "acd"))

    def test_of_the_providers_of_a_name_the_latest_is_tried_first(self) -> None:
        text = "a; Depends: v\nb; Provides: v\nc; Provides: v"
        self.assertEqual(self._repair(text, "a", ""), (True, "ac"))

    def test_a_package_of_the_name_itself_is_tried_before_its_providers(self) -> None:
        text = "a; Depends: v\nb; Provides: v\nv\nc; Provides: v"
        self.assertEqual(self._repair(text, "a", ""), (True, "av"))

    def test_a_package_that_nobody_wants_gives_way(self) -> None:
        text = "a\nb; Depends: c\nc"
        self.assertEqual(self._repair(text, "a", "b"), (True, "a"))

    def test_of_two_in_conflict_the_one_with_the_lower_score_goes(self) -> None:
        text = "a; Recommends: b\nb; Priority: {}; Conflicts: c\nc; Priority: {}"
        self.assertEqual(self._repair(text.format("required", "extra"), "a", "bc"), (True, "ab"))
        self.assertEqual(self._repair(text.format("extra", "required"), "a", "bc"), (True, "ac"))

    def test_what_is_wanted_never_goes(self) -> None:
        text = "a; Conflicts: b; Priority: extra\nb; Priority: required; Essential: yes"
        self.assertEqual(self._repair(text, "a", "b"), (True, "a"))
        self.assertEqual(self._repair(text, "ab", ""), (False, "ab"))

    def test_says_so_if_nothing_helps(self) -> None:
        self.assertEqual(self._repair("a; Depends: x | b\nb; Depends: y", "a", ""), (False, "a"))


if __name__ == "__main__":
    unittest.main()
