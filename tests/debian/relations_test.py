from __future__ import annotations

import unittest

from apt2ostree.debian.relations import (
    Relation,
    RelationError,
    format_group,
    parse_provides,
    parse_relations,
)


class ParseRelationsTest(unittest.TestCase):
    def test_reads_groups_of_alternatives_with_versions(self) -> None:
        groups = parse_relations("libc6 (>= 2.36), default-mta | mail-transport-agent")
        self.assertEqual(
            groups,
            (
                (Relation("libc6", None, ">=", "2.36"),),
                (Relation("default-mta"), Relation("mail-transport-agent")),
            ),
        )

    def test_reads_architecture_qualifiers(self) -> None:
        groups = parse_relations("python3:any (>= 3.9~), wine32:i386")
        self.assertEqual(
            groups, ((Relation("python3", "any", ">=", "3.9~"),), (Relation("wine32", "i386"),))
        )

    def test_needs_no_blanks_and_takes_many(self) -> None:
        expected = ((Relation("a", None, "=", "1"), Relation("b")),)
        self.assertEqual(parse_relations("a(=1)|b"), expected)
        self.assertEqual(parse_relations("\n a  ( =  1 )\n  |  b ,\n"), expected)

    def test_takes_the_obsolete_operators_for_or_equal(self) -> None:
        groups = parse_relations("a (< 2), b (> 1)")
        self.assertEqual([group[0].operator for group in groups], ["<=", ">="])

    def test_skips_empty_items(self) -> None:
        self.assertEqual(parse_relations(", a, ,"), ((Relation("a"),),))
        self.assertEqual(parse_relations(""), ())

    def test_applies_architecture_restrictions(self) -> None:
        text = "a [amd64 i386], b [!amd64], c [linux-any] <!nocheck>, d [arm64] | e"
        names = [[r.name for r in group] for group in parse_relations(text, "amd64")]
        self.assertEqual(names, [["a"], ["c"], ["e"]])

    def test_tolerates_restrictions_without_an_architecture(self) -> None:
        groups = parse_relations("a (>= 1) [amd64] <cross>")
        self.assertEqual(groups, ((Relation("a", None, ">=", "1"),),))

    def test_says_which_item_is_wrong(self) -> None:
        for text, item in {
            "a, b c": "'b c'",
            "a (>= )": "'a (>= )'",
            "a (!= 1)": "'a (!= 1)'",
            "a |": "''",
            "a (1)": "'a (1)'",
        }.items():
            with self.subTest(text), self.assertRaises(RelationError) as caught:
                parse_relations(text)
            self.assertIn(f"{item} is not a package relation; expected", str(caught.exception))

    def test_formats_as_in_the_field(self) -> None:
        text = "a:any (>= 1) | b"
        self.assertEqual(format_group(parse_relations(text)[0]), text)


class ParseProvidesTest(unittest.TestCase):
    def test_reads_versioned_names(self) -> None:
        self.assertEqual(
            parse_provides("mta, libfoo-abi (= 5)"),
            (Relation("mta"), Relation("libfoo-abi", None, "=", "5")),
        )

    def test_ignores_other_operators_as_apt_does(self) -> None:
        self.assertEqual(parse_provides("a (>= 1), b"), (Relation("b"),))

    def test_of_alternatives_the_last_alone_is_provided_as_for_apt(self) -> None:
        self.assertEqual([r.name for r in parse_provides("a | b, c")], ["b", "c"])


if __name__ == "__main__":
    unittest.main()
