from __future__ import annotations

import dataclasses
import unittest
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from apt2ostree import request
from apt2ostree.errors import UserError


@dataclasses.dataclass(frozen=True)
class Part:
    name: str
    file: Path


@dataclasses.dataclass(frozen=True)
class Whole:
    """One of everything."""

    number: int
    yes: bool
    kind: Literal["tar", "oci"]
    files: Sequence[Path]
    pairs: Sequence[tuple[str, Path]]
    texts: Mapping[str, str]
    parts: Sequence[Part]
    anything: Any
    defaulted: str = ""


GOOD = {
    "number": "1",
    "yes": "true",
    "kind": '"oci"',
    "files": '["a", "/b"]',
    "pairs": '[["n", "a"]]',
    "texts": '{"k": "v"}',
    "parts": '[{"name": "p", "file": "f"}]',
    "anything": '{"x": [null]}',
    "defaulted": '"-x"',
}
"""Key → value in JSON."""


def read(**changes: str | None) -> Whole:
    """Read a request with some values changed, or left out."""
    changed = {**GOOD, **changes}
    text = ",".join(f'"{key}":{value}' for key, value in changed.items() if value is not None)
    return request.read(f"{{{text}}}", Whole, Path("at"), "that.json")


class RequestTest(unittest.TestCase):
    def test_every_type_is_read(self) -> None:
        self.assertEqual(
            read(),
            Whole(
                number=1,
                yes=True,
                kind="oci",
                files=(Path("at/a"), Path("/b")),
                pairs=(("n", Path("at/a")),),
                texts={"k": "v"},
                parts=(Part("p", Path("at/f")),),
                anything={"x": [None]},
                defaulted="-x",
            ),
        )

    def refused(self, words: str, **changes: str | None) -> None:
        with self.assertRaises(UserError) as raised:
            read(**changes)
        self.assertEqual(str(raised.exception), f"that.json: {words}")

    def test_a_key_that_is_missing_even_if_it_has_a_default(self) -> None:
        keys = ", ".join(GOOD)
        self.refused(f"no key 'number'; expected {keys}", number=None)
        self.refused(f"no key 'defaulted'; expected {keys}", defaulted=None)

    def test_a_key_that_is_unknown(self) -> None:
        self.refused(f"unknown key 'more'; expected {', '.join(GOOD)}", more="1")
        self.refused(
            "parts[1]: unknown key 'n'; expected name, file",
            parts='[{"name": "p", "file": "f"}, {"n": 1}]',
        )

    def test_values_of_another_type(self) -> None:
        self.refused("number: expected a whole number, not True", number="true")
        self.refused("number: expected a whole number, not 1.0", number="1.0")
        self.refused("yes: expected true or false, not 1", yes="1")
        self.refused("kind: expected 'tar' or 'oci', not 'zip'", kind='"zip"')
        self.refused("files: expected a list, not 'ab'", files='"ab"')
        self.refused("files[1]: expected a path, not None", files='["a", null]')
        self.refused("files[0]: expected a path, not ''", files='[""]')
        self.refused("pairs[0]: expected a list of 2, not ['n']", pairs='[["n"]]')
        self.refused("pairs[0][0]: expected a text, not 1", pairs='[[1, "a"]]')
        self.refused("texts: expected an object, not []", texts="[]")
        self.refused("texts: k: expected a text, not 1", texts='{"k": 1}')
        self.refused("parts[0]: expected an object, not 'p'", parts='["p"]')
        self.refused("parts[0]: file: expected a path, not []", parts='[{"name":"p","file":[]}]')

    def test_what_is_no_request(self) -> None:
        for text in ("", "--file", "[1", bytes([34, 255, 34])):
            with self.assertRaisesRegex(UserError, "^that.json: not a request in JSON: "):
                request.read(text, Part, Path(), "that.json")
        with self.assertRaisesRegex(UserError, "^that.json: expected an object, not 1$"):
            request.read("1", Part, Path(), "that.json")

    def test_a_key_that_is_there_twice(self) -> None:
        with self.assertRaisesRegex(UserError, "a key is repeated: name, file, name"):
            request.read('{"name": "", "file": "", "name": ""}', Part, Path(), "that.json")

    def test_one_value_at_most(self) -> None:
        self.assertIsNone(request.at_most_one([]))
        self.assertEqual(request.at_most_one([1]), 1)
        with self.assertRaisesRegex(UserError, "^expected one at most, not a, b$"):
            request.at_most_one(["a", "b"])


if __name__ == "__main__":
    unittest.main()
