"""The resolver beside apt itself, on random universes far wilder than any archive.

Where conflicts leave something broken, apt's repair depends on the order of its hash table among
equal scores, which is nobody's rule; so a few answers in a thousand may differ.
"""

from __future__ import annotations

import os
import sys
import unittest
from random import Random

from apt2ostree.lock.resolver import UnsatisfiableError, resolve
from apt2ostree.lock.universe import Universe
from tests.lock.apt_judge import Apt
from tests.lock.random_universes import RandomUniverse
from tests.support.judges import ScratchTest, need

_UNIVERSES = int(os.environ.get("APT_UNIVERSES", "300"))


class ResolverAptTest(ScratchTest):
    def test_agrees_with_apt(self) -> None:
        self._compare(("amd64",), 0.995)

    def test_agrees_with_apt_about_foreign_architectures(self) -> None:
        self._compare(("amd64", "i386"), 0.985)

    def _compare(self, architectures: tuple[str, ...], expected: float) -> None:
        need(self, "apt-get")
        draw = Random(f"resolver {architectures}")
        universes = [
            RandomUniverse(draw, f"u{number}-", architectures) for number in range(_UNIVERSES)
        ]
        apt = Apt(self.scratch / "apt", "amd64", architectures[1:])
        apt.add(
            "random",
            {name: b"\n".join(made.index(name) for made in universes) for name in architectures},
        )
        apt.update()
        equal, installable, differing = 0, 0, []
        for made in universes:
            known = Universe(made.packages(), "amd64", architectures[1:])
            for want in made.wants:
                recommends = draw.random() < 0.5
                theirs = apt.install(want, recommends=recommends)
                ours = _answer(known, want, recommends)
                equal += ours == theirs
                installable += theirs is not None
                if ours != theirs:
                    differing.append((want, recommends, theirs, ours))
        asked = equal + len(differing)
        print(
            f"{architectures}: {equal} of {asked} answers equal to apt's, {installable} of them "
            f"installable; differing: {differing}",
            file=sys.stderr,
        )
        self.assertGreater(installable, asked // 5)
        self.assertGreaterEqual(equal / asked, expected, differing)


def _answer(known: Universe, want: list[str], recommends: bool) -> set[str] | None:
    try:
        return {str(package) for package in resolve(known, want, recommends=recommends).packages}
    except UnsatisfiableError:
        return None


if __name__ == "__main__":
    unittest.main()
