"""The resolver gives apt's own answers, for real packages: see `make_references`."""

from __future__ import annotations

import json
import lzma
import sys
import tarfile
import unittest
from functools import cache
from pathlib import Path
from typing import Any

from apt2ostree.debian.index import Origin, Package, ReleaseFacts, parse_index
from apt2ostree.lock.preferences import Preferences, parse_preferences
from apt2ostree.lock.resolver import UnsatisfiableError, resolve
from apt2ostree.lock.universe import Universe

_TESTDATA = Path(__file__).parent / "testdata"


class ReferencesTest(unittest.TestCase):
    def test_every_answer_is_apts(self) -> None:
        references = json.loads(lzma.decompress((_TESTDATA / "bookworm.json.xz").read_bytes()))
        differing = {}
        for reference in references:
            answer = _answer(reference)
            if answer != reference["packages"]:
                differing[reference["id"]] = _difference(answer, reference["packages"])
        installable = sum(reference["packages"] is not None for reference in references)
        print(
            f"{len(references) - len(differing)} of {len(references)} answers equal to apt's, "
            f"{installable} of them installable",
            file=sys.stderr,
        )
        self.assertEqual(differing, {})
        self.assertGreater(installable, 500)


def _answer(reference: dict[str, Any]) -> list[str] | None:
    known = _universe(
        tuple(reference["architectures"]), tuple(reference["suites"]), reference["preferences"]
    )
    try:
        found = resolve(known, reference["want"], recommends=reference["recommends"])
    except UnsatisfiableError:
        return None
    return sorted(map(str, found.packages))


def _difference(ours: list[str] | None, apts: list[str] | None) -> str:
    if ours is None or apts is None:
        return "we refuse" if ours is None else "apt refuses"
    return f"apt alone {set(apts) - set(ours)}, we alone {set(ours) - set(apts)}"


@cache
def _universe(
    architectures: tuple[str, ...], suites: tuple[str, ...], preferences: str
) -> Universe:
    packages = [
        package
        for suite in suites
        for architecture in architectures
        for package in _packages(suite, architecture)
    ]
    pins = Preferences(parse_preferences(preferences, "preferences"))
    return Universe(packages, architectures[0], architectures[1:], pins)


@cache
def _packages(suite: str, architecture: str) -> list[Package]:
    origin = Origin("file:/srv", suite, "main", architecture, ReleaseFacts(suite, suite))
    name = f"{suite}_{architecture}"
    return parse_index(_indexes()[name], name, origin)


@cache
def _indexes() -> dict[str, bytes]:
    with tarfile.open(_TESTDATA / "bookworm.tar.xz") as tar:
        files = {member.name: tar.extractfile(member) for member in tar}
        return {name: file.read() for name, file in files.items() if file}


if __name__ == "__main__":
    unittest.main()
