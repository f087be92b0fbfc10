"""The text of the extension's repositories is what was reviewed."""

import unittest

from tests.private.repositories import goldens
from tests.support.judges import ScratchTest


class GeneratedTest(unittest.TestCase):
    def test_generated_text_is_what_was_reviewed(self) -> None:
        names = {
            path.name
            for folder in (goldens.GOLDENS, goldens.GENERATED)
            for path in folder.iterdir()
        }
        self.assertEqual(names, {"data.txt", "edges.txt", "hub.txt", "lock.txt", "packages.txt"})
        for name in sorted(names):
            with self.subTest(name):
                said = goldens.difference(goldens.GOLDENS / name, goldens.GENERATED / name)
                self.assertEqual(said, "", said)


class GoldensTest(ScratchTest):
    def test_a_difference_is_shown_with_what_to_do(self) -> None:
        golden, generated = self.scratch / "golden.txt", self.scratch / "generated.txt"
        golden.write_text("a\nb\n")
        generated.write_text("a\nc\n")
        self.assertEqual(
            goldens.difference(golden, generated).splitlines(),
            [
                f"{golden} is not what is generated now; if that is meant, "
                "`bazel run //tests/private/repositories:update_goldens` and review what it "
                "writes:",
                f"--- {golden}",
                "+++ generated now",
                "@@ -1,2 +1,2 @@",
                " a",
                "-b",
                "+c",
            ],
        )
        generated.write_text("a\nb\n")
        self.assertEqual(goldens.difference(golden, generated), "")

    def test_one_that_is_missing_is_a_difference(self) -> None:
        there, missing = self.scratch / "there.txt", self.scratch / "missing.txt"
        there.write_text("a\n")
        self.assertIn(
            "missing.txt is not what is generated now; ", goldens.difference(missing, there)
        )
        self.assertIn("there.txt is generated no more; ", goldens.difference(there, missing))

    def test_updating_writes_what_is_generated_and_removes_the_rest(self) -> None:
        kept, made = self.scratch / "kept", self.scratch / "made"
        for path in (kept / "old.txt", made / "new.txt"):
            path.parent.mkdir()
            path.write_text(path.name)
        goldens.update(kept, made)
        self.assertEqual([path.read_text() for path in kept.iterdir()], ["new.txt"])


if __name__ == "__main__":
    unittest.main()
