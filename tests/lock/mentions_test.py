from __future__ import annotations

import unittest

from apt2ostree.lock.mentions import Mentions
from tests.lock.universes import index


def _order(text: str, *names: str) -> list[str]:
    return sorted(names, key=Mentions([index(text)]).first)


class MentionsTest(unittest.TestCase):
    def test_a_package_is_mentioned_by_its_stanza(self) -> None:
        self.assertEqual(_order("b\na", "a", "b"), ["b", "a"])

    def test_a_relation_in_an_earlier_stanza_comes_first(self) -> None:
        self.assertEqual(_order("x; Replaces: b (<< 2)\na\nb", "a", "b"), ["b", "a"])

    def test_in_a_stanza_fields_count_in_the_order_of_apt(self) -> None:
        fields = (
            "Pre-Depends",
            "Depends",
            "Conflicts",
            "Breaks",
            "Recommends",
            "Suggests",
            "Replaces",
            "Enhances",
            "Provides",
        )
        for first, second in zip(fields, fields[1:]):
            with self.subTest(first):
                self.assertEqual(_order(f"x; {second}: b; {first}: a", "b", "a"), ["a", "b"])

    def test_in_a_field_the_place_counts(self) -> None:
        self.assertEqual(_order("x; Depends: b, a | c", "a", "b", "c"), ["b", "a", "c"])

    def test_parts_of_names_and_other_fields_do_not_count(self) -> None:
        text = "x; Description: a; Source: a; Depends: liba, a-doc, a+\nb\na"
        self.assertEqual(_order(text, "a", "b"), ["b", "a"])

    def test_continuation_lines_belong_to_their_field(self) -> None:
        text = b"Package: x\nDepends: c,\n a\nDescription: d\n b\n\nPackage: b\n\nPackage: a\n"
        mentions = Mentions([text])
        self.assertLess(mentions.first("a"), mentions.first("b"))

    def test_earlier_indexes_come_first(self) -> None:
        mentions = Mentions([index("b"), index("x\na")])
        self.assertLess(mentions.first("b"), mentions.first("a"))

    def test_names_never_mentioned_come_last(self) -> None:
        mentions = Mentions([index("a")])
        self.assertLess(mentions.first("a"), mentions.first("b"))


if __name__ == "__main__":
    unittest.main()
