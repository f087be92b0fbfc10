"""What comes along with ``name/suite`` is what apt takes, which is asked as well."""

from __future__ import annotations

import unittest

from apt2ostree.debian.index import Origin, ReleaseFacts
from apt2ostree.lock.resolver import resolve
from apt2ostree.lock.universe import Universe
from tests.lock.apt_judge import Apt
from tests.lock.universes import index, packages
from tests.support.judges import ScratchTest, need

_NEW = """
    x 2; Depends: z
    y 2; Depends: z
    m 2; Depends: k
    z 2; Depends: k
    k 2
"""
_OLD = """
    one 1; Depends: x (>= 1)
    bare 1; Depends: x
    stops 1; Depends: z, x (>= 1)
    both 1; Depends: x (>= 1) | y (>= 1), y
    last 1; Depends: x (>= 9) | y (>= 1)
    given-back 1; Depends: x (>= 1) | y, m
    settled 1; Depends: x (>= 1) | r (>= 1), m
    alone 1; Depends: k (>= 1), x
    recommending 1; Depends: k (>= 1); Recommends: x (>= 1)
    x 1; Depends: m (>= 1), z
    y 1; Depends: z
    m 1
    r 1
    z 1
    k 1
"""


class SuiteVersionsTest(ScratchTest):
    def test_a_dependency_with_a_version_takes_that_of_the_suite(self) -> None:
        self._expect(["one/old"], x=1, m=1, z=2)

    def test_a_dependency_without_one_stays_with_the_candidate(self) -> None:
        self._expect(["bare/old"], x=2)

    def test_the_first_dependency_that_is_not_settled_ends_the_walk(self) -> None:
        self._expect(["stops/old"], x=2, z=2)

    def test_a_dependency_is_fine_if_its_needs_are_asked_for(self) -> None:
        self._expect(["stops/old", "k", "z"], x=2, z=2, k=2)

    def test_one_that_needs_nothing_stays(self) -> None:
        self._expect(["alone/old"], x=2, k=2)

    def test_an_alternative_that_is_not_settled_is_given_back_but_for_the_last(self) -> None:
        self._expect(["both/old"], x=2, y=1)
        self._expect(["last/old"], y=1)

    def test_what_it_took_itself_stays_if_nothing_settles_the_dependency(self) -> None:
        self._expect(["given-back/old"], x=2, m=1)

    def test_what_it_took_itself_is_given_back_if_another_does(self) -> None:
        self._expect(["settled/old"], x=2, m=2)

    def test_recommendations_take_versions_too(self) -> None:
        self._expect(["recommending/old"], recommends=True, x=1)

    def test_a_long_chain_is_walked_to_its_end(self) -> None:
        new = "\n".join(f"p{n} 2; Depends: p{n + 1}" for n in range(3000)) + "\np3000 2"
        old = "\n".join(f"p{n} 1; Depends: p{n + 1} (= 1)" for n in range(3000)) + "\np3000 1"
        found = resolve(_universe(new, old), ["p0/old"]).packages
        self.assertEqual({package.version for package in found}, {"1"})

    def _expect(self, want: list[str], *, recommends: bool = False, **versions: int) -> None:
        """Check the versions of packages that are installed, and everything beside apt."""
        found = resolve(_universe(_NEW, _OLD), want, recommends=recommends).packages
        shown = {package.name: int(package.version) for package in found}
        self.assertEqual({name: shown.get(name) for name in versions}, versions)
        need(self, "apt-get")
        apt = Apt(self.scratch / "-".join(want).replace("/", "-"), "amd64")
        for suite, text in (("new", _NEW), ("old", _OLD)):
            apt.add(suite, {"amd64": index(text)})
        apt.update()
        self.assertEqual(apt.install(want, recommends=recommends), set(map(str, found)))


def _universe(new: str, old: str) -> Universe:
    return Universe(
        [
            package
            for suite, text in (("new", new), ("old", old))
            for package in packages(
                text, Origin("file:/srv", suite, "main", "amd64", ReleaseFacts(suite, suite))
            )
        ],
        "amd64",
    )


if __name__ == "__main__":
    unittest.main()
