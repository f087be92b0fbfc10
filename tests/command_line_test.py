from __future__ import annotations

import contextlib
import io
import unittest
from collections.abc import Sequence

from tools import image, update_lock

IMAGE = ["--image=i", "--runfiles=r"]
LOCK = ["--config=c"]


class CommandLineTest(unittest.TestCase):
    def said(self, tool: object, arguments: Sequence[str]) -> str:
        """The last line that a tool says of a command line that it refuses with status 2."""
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), self.assertRaises(SystemExit) as exit:
            tool.parser().parse_args(arguments)  # type: ignore[attr-defined]
        self.assertEqual(exit.exception.code, 2)
        return errors.getvalue().splitlines()[-1]

    def test_a_mistyped_command(self) -> None:
        said = self.said(image, [*IMAGE, "pacakges"])
        self.assertIn("invalid choice: 'pacakges' (choose from ", said)
        self.assertTrue(said.endswith("; did you mean 'packages'?"), said)
        self.assertTrue(self.said(update_lock, [*LOCK, "miror", "d"]).endswith("mean 'mirror'?"))

    def test_a_mistyped_option(self) -> None:
        said = self.said(image, [*IMAGE, "ls", "--recursve"])
        self.assertTrue(said.endswith("arguments: --recursve; did you mean '--recursive'?"), said)
        said = self.said(update_lock, [*LOCK, "--dryrun"])
        self.assertTrue(said.endswith("arguments: --dryrun; did you mean '--dry-run'?"), said)
        # An option of another command is none here.
        self.assertNotIn("did you mean", self.said(image, [*IMAGE, "packages", "--branch=b"]))

    def test_a_mistyped_value(self) -> None:
        said = self.said(image, [*IMAGE, "diff", "other", "--format=markdwon"])
        self.assertTrue(said.endswith("; did you mean 'markdown'?"), said)

    def test_what_is_like_nothing(self) -> None:
        self.assertNotIn("did you mean", self.said(image, [*IMAGE, "qqqqqq"]))

    def test_an_abbreviation_is_none(self) -> None:
        self.assertIn("did you mean '--recursive'", self.said(image, [*IMAGE, "ls", "--recurs"]))


if __name__ == "__main__":
    unittest.main()
