from __future__ import annotations

import textwrap
import unittest
from collections.abc import Sequence

from apt2ostree.debian.index import Origin, ReleaseFacts
from apt2ostree.lock.preferences import Preferences, parse_preferences
from apt2ostree.lock.resolver import UnsatisfiableError, resolve
from apt2ostree.lock.universe import Universe
from tests.lock.universes import packages, universe


class ExplainTest(unittest.TestCase):
    maxDiff = None

    def _assert_explained(
        self,
        known: Universe,
        want: Sequence[str],
        explanation: str,
        exclude: Sequence[str] = (),
    ) -> None:
        with self.assertRaises(UnsatisfiableError) as caught:
            resolve(known, want, exclude=exclude)
        self.assertEqual(str(caught.exception), textwrap.dedent(explanation).strip())

    def test_a_chain_to_a_package_that_does_not_exist(self) -> None:
        self._assert_explained(
            universe(
                "shop; Depends: web, mail\nweb; Pre-Depends: runtime\nruntime; Depends: libx\nmail"
            ),
            ["shop"],
            """
            the wanted packages cannot be installed together:
              shop:amd64=1 (wanted)
                Depends: web
                  web:amd64=1: cannot be installed:
                    Pre-Depends: runtime
                      runtime:amd64=1: cannot be installed:
                        Depends: libx
                          libx: no source has such a package, and none provides it
            """,
        )

    def test_every_version_that_does_not_fit(self) -> None:
        origin = Origin("http://x", "stable", "main", "amd64")
        known = packages("a; Depends: b (>= 3) | c (= 2)\nb 1\nb 2\nd; Provides: c (= 1)", origin)
        self._assert_explained(
            Universe(known, "amd64"),
            ["a"],
            """
            the wanted packages cannot be installed together:
              a:amd64=1 (wanted)
                Depends: b (>= 3) | c (= 2)
                  b:amd64=2 (stable/main): does not meet >= 3
                  b:amd64=1 (stable/main): does not meet >= 3
                  d:amd64=1 (stable/main): provides c (= 1), not c (= 2)
            """,
        )

    def test_pins(self) -> None:
        backports = Origin(
            "http://x", "bp", "main", "amd64", ReleaseFacts("bp", not_automatic=True)
        )
        known = packages("a; Depends: b (>= 2), c\nb 1\nc 1") + packages("b 2", backports)
        pins = parse_preferences("Package: c\nPin: version *\nPin-Priority: -1\n", "my.pref")
        self._assert_explained(
            Universe(known, "amd64", preferences=Preferences(pins)),
            ["a"],
            """
            the wanted packages cannot be installed together:
              a:amd64=1 (wanted)
                Depends: b (>= 2)
                  b:amd64=1: does not meet >= 2
                  b:amd64=2 (bp/main): 1 is preferred: priority 500 (the default), \
this one has 1 (bp is not automatic)
                Depends: c
                  c:amd64=1: is ruled out by its priority -1 (pinned at my.pref:1)
            """,
        )

    def test_a_conflict_with_what_is_wanted(self) -> None:
        self._assert_explained(
            universe("a; Depends: b\nb; Conflicts: c\nd; Depends: c\nc"),
            ["d", "a"],
            """
            the wanted packages cannot be installed together:
              a:amd64=1 (wanted)
                Depends: b
                  b:amd64=1: cannot be with c:amd64=1 (needed by d:amd64=1, which is wanted): \
Conflicts: c
            """,
        )

    def test_two_wanted_packages_in_conflict(self) -> None:
        self._assert_explained(
            universe("a; Breaks: b (<< 2)\nb"),
            ["a", "b"],
            """
            the wanted packages cannot be installed together:
              a:amd64=1 (wanted)
                cannot be with b:amd64=1 (wanted): Breaks: b (<< 2)
            """,
        )

    def test_architectures(self) -> None:
        self._assert_explained(
            universe("a; Depends: b, c:any\nb:i386\nc", ["i386"]),
            ["a"],
            """
            the wanted packages cannot be installed together:
              a:amd64=1 (wanted)
                Depends: b
                  b:i386=1: is for i386 (Multi-Arch: no), amd64 is needed
                Depends: c:any
                  c:amd64=1: is not Multi-Arch: allowed, which c:any asks for
            """,
        )

    def test_exclusions(self) -> None:
        self._assert_explained(
            universe("a; Depends: b\nb"),
            ["a"],
            """
            the wanted packages cannot be installed together:
              a:amd64=1 (wanted)
                Depends: b
                  b:amd64=1: you excluded it
            b is excluded, and what is told above needs it: take it out of `exclude`, or do \
without what needs it
            """,
            exclude=["b"],
        )

    def test_what_is_told_once_is_not_told_again(self) -> None:
        self._assert_explained(
            universe("a; Depends: b, c\nb; Depends: x\nc; Depends: x"),
            ["a"],
            """
            the wanted packages cannot be installed together:
              a:amd64=1 (wanted)
                Depends: b
                  b:amd64=1: cannot be installed:
                    Depends: x
                      x: no source has such a package, and none provides it
                Depends: c
                  c:amd64=1: cannot be installed:
                    Depends: x (see above)
            """,
        )

    def test_a_name_that_nothing_has(self) -> None:
        self._assert_explained(
            universe("nginx\nnginx-core\napache2"),
            ["ngnix"],
            """
            ngnix cannot be had:
              no source has a package ngnix, and none provides it
              did you mean nginx?
            check the spelling, and that your sources list the suite and component
            """,
        )

    def test_all_names_that_nothing_has_are_told_at_once(self) -> None:
        self._assert_explained(
            universe("nginx\nbash"),
            ["ngnix", "bash", "bsah", "ngnix"],
            """
            ngnix cannot be had:
              no source has a package ngnix, and none provides it
              did you mean nginx?
            bsah cannot be had:
              no source has a package bsah, and none provides it
            check the spelling, and that your sources list the suite and component
            """,
        )

    def test_a_name_that_several_packages_provide(self) -> None:
        self._assert_explained(
            universe("postfix; Provides: mta\nexim4; Provides: mta"),
            ["mta"],
            """
            mta cannot be had:
              mta is not a package, only a name that packages provide
              name the one you want: exim4, postfix
            """,
        )

    def test_a_version_and_a_suite_that_do_not_exist(self) -> None:
        origin = Origin("http://x", "stable", "main", "amd64")
        known = Universe(packages("a 1\na 2", origin), "amd64")
        self._assert_explained(
            known,
            ["a=3"],
            """
            a=3 cannot be had:
              a:amd64=2 (stable/main): is not version 3
              a:amd64=1 (stable/main): is not version 3
            """,
        )
        self._assert_explained(
            known,
            ["a/testing"],
            """
            a/testing cannot be had:
              a:amd64=2 (stable/main): is in stable, not in testing
              a:amd64=1 (stable/main): is in stable, not in testing
            """,
        )


if __name__ == "__main__":
    unittest.main()
