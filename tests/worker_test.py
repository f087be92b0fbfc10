import io
import json
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apt2ostree import messages, worker
from apt2ostree.errors import UserError


def answer(*arguments: str) -> dict[str, Any]:
    """What Bazel hears of an action that is run with these arguments."""

    def main(arguments: Sequence[str], _: Path) -> int:
        parser = worker.ActionParser()
        parser.add_argument("--pair", nargs=2, action="append", default=[])
        parser.add_argument("--many", nargs="+", action="extend", default=[])
        options = parser.parse_args(arguments)
        for key, value in options.pair:
            messages.warning(f"{key} is {value}")
        for message in options.many:
            raise UserError(message)
        return 0

    output = io.StringIO()
    worker.serve(main, io.StringIO(json.dumps({"arguments": arguments}) + "\n"), output)
    return json.loads(output.getvalue())  # type: ignore[no-any-return]


class WorkerTest(unittest.TestCase):
    def test_warnings_and_errors_are_told(self) -> None:
        self.assertEqual(
            answer("--pair", "a", "b"),
            {"exitCode": 0, "output": "warning: a is b\n", "requestId": 0},
        )
        told = answer("--many", "no x", "y")
        self.assertEqual((told["exitCode"], told["output"]), (1, "error: no x\n"))
        both = answer("--pair", "a", "b", "--many", "no x")
        self.assertEqual(both["output"], "warning: a is b\nerror: no x\n")

    def test_values_may_begin_with_a_dash(self) -> None:
        self.assertEqual(answer("--pair", "-x.txt", "--y")["output"], "warning: -x.txt is --y\n")

    def test_an_equals_sign_may_be_between_an_option_and_its_value(self) -> None:
        self.assertEqual(answer("--many=no x")["output"], "error: no x\n")

    def test_arguments_that_are_wrong_are_told(self) -> None:
        told = answer("--pair", "one")
        self.assertEqual(told["exitCode"], 1)
        self.assertEqual(
            told["output"],
            "error: arguments of the action: argument --pair: expected 2 arguments\n",
        )

    def test_hostile_names_do_not_steer_the_terminal(self) -> None:
        self.assertEqual(answer("--many", "a\x1b[2J")["output"], "error: a\\x1b[2J\n")
        self.assertEqual(answer("--pair", "a", "\x07")["output"], "warning: a is \\x07\n")


if __name__ == "__main__":
    unittest.main()
