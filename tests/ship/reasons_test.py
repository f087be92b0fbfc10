import unittest
from dataclasses import replace

from apt2ostree.debian.control import parse_stanza
from apt2ostree.ship.reasons import chain, reasons
from apt2ostree.tree.manifest import PackageRecord


def records(text: str, automatic: str = "") -> list[PackageRecord]:
    """`NAME; FIELD: VALUE; …` a line; the names of those that nobody asked for."""
    found = []
    for line in text.splitlines():
        name, *fields = (part.strip() for part in line.split(";"))
        control = "\n".join([f"Package: {name}", *fields])
        assert parse_stanza(control, "control")
        record = PackageRecord(name, "1", "amd64", control)
        found.append(replace(record, automatic=name in automatic.split()))
    return found


class ReasonsTest(unittest.TestCase):
    def test_what_was_asked_for_is_what_the_lock_says(self) -> None:
        found = reasons(
            records(
                "editor; Recommends: shell\nshell; Depends: lib\nlib\nspell\nbase; Essential: yes\n"
                "tar; Priority: required",
                automatic="lib spell",
            )
        )
        self.assertEqual(
            {name: reason.kind for (name, _), reason in found.items()},
            {
                "editor": "asked for",
                # Although the editor recommends it.
                "shell": "asked for",
                "lib": "needed",
                "spell": "nothing here needs it",
                "base": "Essential",
                "tar": "priority required",
            },
        )

    def test_depends_are_followed_before_recommends(self) -> None:
        found = reasons(
            records(
                "app; Recommends: extra; Depends: one\none; Depends: two\ntwo\n"
                "extra; Depends: two, three; Suggests: four\nthree\nfour",
                automatic="one two extra three four",
            )
        )
        kinds = {name: reason.kind for (name, _), reason in found.items()}
        self.assertEqual((kinds["two"], kinds["extra"]), ("needed", "recommended"))
        self.assertEqual((kinds["three"], kinds["four"]), ("needed", "suggested"))
        way = [name for name, _ in chain(found, ("three", "amd64"))]
        self.assertEqual(way, ["app", "extra", "three"])

    def test_a_lock_that_does_not_say_is_read_by_who_needs_whom(self) -> None:
        text = "app; Depends: lib\nlib\nring; Depends: round\nround; Depends: ring"
        found = reasons(records(text))
        kinds = {name: reason.kind for (name, _), reason in found.items()}
        self.assertEqual((kinds["app"], kinds["lib"]), ("asked for", "needed"))
        self.assertEqual(kinds["ring"], "nothing here needs it")


if __name__ == "__main__":
    unittest.main()
