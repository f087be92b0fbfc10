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
from tests.lock.apt_judge import release_fields

_TESTDATA = Path(__file__).parent / "testdata"


class ReferencesTest(unittest.TestCase):
    def test_every_answer_is_apts(self) -> None:
        self.assertGreater(self._installable("bookworm"), 500)

    def test_every_answer_is_apts_where_packages_are_from_a_suite(self) -> None:
        self.assertGreater(self._installable("suites"), 150)

    def _installable(self, part: str) -> int:
        """Compare all answers; return how many of them can be installed."""
        references = json.loads(lzma.decompress((_TESTDATA / f"{part}.json.xz").read_bytes()))
        differing = {}
        for reference in references:
            answer = _answer(part, reference)
            if answer != reference["packages"]:
                differing[reference["id"]] = _difference(answer, reference["packages"])
        installable = sum(reference["packages"] is not None for reference in references)
        print(
            f"{part}: {len(references) - len(differing)} of {len(references)} answers equal to "
            f"apt's, {installable} of them installable",
            file=sys.stderr,
        )
        self.assertEqual(differing, {})
        return installable


def _answer(part: str, reference: dict[str, Any]) -> list[str] | None:
    architectures, suites = tuple(reference["architectures"]), tuple(reference["suites"])
    known = _universe(part, architectures, suites, reference["preferences"])
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
    part: str, architectures: tuple[str, ...], suites: tuple[str, ...], preferences: str
) -> Universe:
    packages = [
        package
        for suite in suites
        for architecture in architectures
        for package in _packages(part, suite, architecture)
    ]
    pins = Preferences(parse_preferences(preferences, "preferences"))
    return Universe(packages, architectures[0], architectures[1:], pins)


@cache
def _packages(part: str, suite: str, architecture: str) -> list[Package]:
    fields = {"Suite": suite, "Codename": suite, **release_fields(suite)}
    origin = Origin("file:/srv", suite, "main", architecture, ReleaseFacts.from_fields(fields))
    name = f"{suite}_{architecture}"
    return parse_index(_indexes(part)[name], name, origin)


@cache
def _indexes(part: str) -> dict[str, bytes]:
    with tarfile.open(_TESTDATA / f"{part}.tar.xz") as tar:
        files = {member.name: tar.extractfile(member) for member in tar}
        return {name: file.read() for name, file in files.items() if file}


if __name__ == "__main__":
    unittest.main()
