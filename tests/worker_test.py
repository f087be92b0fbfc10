import io
import json
import tempfile
import unittest
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apt2ostree import messages, worker
from apt2ostree.errors import UserError


@dataclass(frozen=True)
class Request:
    warnings: Sequence[str]
    file: Path


def main(request: Request) -> None:
    for warning in request.warnings:
        messages.warning(warning)
    if not request.file.is_file():
        raise UserError(f"no {request.file}")


def answer(*arguments: str, **work: object) -> dict[str, Any]:
    """What Bazel hears of an action that is run with these arguments."""
    output = io.StringIO()
    line = json.dumps({"arguments": arguments, **work}) + "\n"
    worker.serve(main, Request, io.StringIO(line), output)
    return json.loads(output.getvalue())  # type: ignore[no-any-return]


def said(*warnings: str, file: str = __file__) -> str:
    """What is shown of an action that is asked for this."""
    text = json.dumps({"warnings": warnings, "file": file}, indent=0)
    return answer(*text.splitlines())["output"]  # type: ignore[no-any-return]


class WorkerTest(unittest.TestCase):
    def test_warnings_and_errors_are_told(self) -> None:
        told = answer('{"warnings":["a"]', f',"file":"{__file__}"', "}")
        self.assertEqual(told, {"exitCode": 0, "output": "warning: a\n", "requestId": 0})
        told = answer('{"warnings":[]', ',"file":"/none"', "}", requestId=7)
        self.assertEqual(told, {"exitCode": 1, "output": "error: no /none\n", "requestId": 7})

    def test_the_request_and_its_paths_are_below_the_sandbox(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            text = '{"warnings": ["é"], "file": "request"}'
            Path(directory, "request").write_text(text, encoding="utf-8")
            told = answer("@request", sandboxDir=directory)
            self.assertEqual((told["exitCode"], told["output"]), (0, "warning: é\n"))
            told = answer('{"warnings":[],"file":"a/b"}', sandboxDir=directory)
            self.assertEqual(told["output"], "error: no a/b\n")

    def test_a_request_that_is_wrong_is_told(self) -> None:
        told = answer('{"warnings":[1],"file":"/none"}')
        self.assertEqual(told["exitCode"], 1)
        self.assertEqual(
            told["output"], "error: the action's request: warnings[0]: expected a text, not 1\n"
        )

    def test_no_request_is_told(self) -> None:
        for told in (answer(), answer("--help")):
            self.assertEqual(told["exitCode"], 1)
            self.assertRegex(told["output"], "^error: the action's request: not a request in JSON")

    def test_hostile_names_do_not_steer_the_terminal(self) -> None:
        self.assertEqual(said(file="/a\x1b[2J"), "error: no /a\\x1b[2J\n")
        self.assertEqual(said("\x07"), "warning: \\x07\n")


if __name__ == "__main__":
    unittest.main()
