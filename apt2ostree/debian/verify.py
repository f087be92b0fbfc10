"""Checking that a set of packages is what it should be.

Nothing here uses the resolver, or its way of matching: a mistake there must not be repeated
here. The rules are Debian Policy 7 and the Multi-Arch specification (wiki.debian.org/Multi-Arch,
deb-control(5)).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from apt2ostree.debian import version
from apt2ostree.debian.index import Package
from apt2ostree.debian.relations import OrGroup, Relation, format_group
from apt2ostree.debian.wanted import Wanted, parse_wanted


class VerificationError(ValueError):
    """A set of packages in which something is missing or does not go together."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class _Offer(NamedTuple):
    """A name that a package of the set has or provides; `version` is "" if it has none."""

    package: Package
    architecture: str
    version: str
    own: bool


def verify(
    packages: Iterable[Package],
    want: Iterable[str],
    architecture: str,
    foreign_architectures: Sequence[str] = (),
) -> None:
    """Raise VerificationError unless `packages` is a set that can be installed with `want` in it.

    That is: all Pre-Depends and Depends are met, no Conflicts or Breaks, one version of each
    package, packages of several architectures in lockstep, and every wanted item is there.
    """
    problems = find_problems(packages, want, architecture, foreign_architectures)
    if problems:
        raise VerificationError(problems)


def verify_lock(
    packages: Iterable[Package],
    want: Iterable[str],
    architecture: str,
    foreign_architectures: Sequence[str] = (),
    *,
    complete: bool = True,
) -> list[str]:
    """Say, offline, why a lock's packages are not a set for `want`; [] if they are.

    With `complete` false only the wanted items are looked for: for a lock of just the packages
    that were named.
    """
    if complete:
        return find_problems(packages, want, architecture, foreign_architectures)
    return _Set(packages, architecture, foreign_architectures).missing(want)


def find_problems(
    packages: Iterable[Package],
    want: Iterable[str],
    architecture: str,
    foreign_architectures: Sequence[str] = (),
) -> list[str]:
    """The problems of a set of packages, one sentence each; [] if there are none."""
    checked = _Set(packages, architecture, foreign_architectures)
    return [
        *checked.strangers(),
        *checked.repeated(),
        *checked.missing(want),
        *checked.unmet(),
        *checked.conflicting(),
    ]


class _Set:
    def __init__(
        self, packages: Iterable[Package], architecture: str, foreign: Sequence[str]
    ) -> None:
        self._packages = list(packages)
        self._native = architecture
        self._known = {architecture, *foreign}
        self._offers: dict[str, list[_Offer]] = {}
        for package in self._packages:
            own = self._architecture(package)
            self._offer(package.name, _Offer(package, own, package.version, True))
            for provided in package.provided():
                offered = provided.qualifier or own
                self._offer(provided.name, _Offer(package, offered, provided.version, False))

    def _architecture(self, package: Package) -> str:
        return self._native if package.architecture == "all" else package.architecture

    def _offer(self, name: str, offer: _Offer) -> None:
        self._offers.setdefault(name, []).append(offer)

    def strangers(self) -> list[str]:
        """Packages of an architecture that the image does not have."""
        return [
            f"{package} is for an architecture that is neither {self._native} nor foreign"
            for package in self._packages
            if self._architecture(package) not in self._known
        ]

    def repeated(self) -> list[str]:
        """Packages there twice, and those for two architectures that cannot be together."""
        problems = []
        for name, offers in self._offers.items():
            present = [offer for offer in offers if offer.own]
            for first, second in zip(present, present[1:]):
                if first.architecture == second.architecture:
                    problems.append(f"{name} is there twice: {first.package}, {second.package}")
                elif not first.package.multi_arch == second.package.multi_arch == "same":
                    problems.append(
                        f"{first.package} and {second.package} cannot be together: "
                        "they are not both Multi-Arch: same"
                    )
                elif first.version != second.version:
                    problems.append(
                        f"{first.package} and {second.package} are Multi-Arch: same "
                        "and must have one version"
                    )
        return problems

    def missing(self, want: Iterable[str]) -> list[str]:
        """Wanted items that no package of the set meets."""
        return [
            f"{item.text} is wanted but not there"
            for item in map(parse_wanted, want)
            if not any(self._is(offer, item) for offer in self._offers.get(item.name, ()))
        ]

    def _is(self, offer: _Offer, item: Wanted) -> bool:
        if item.architecture not in ("", "any"):
            wanted = self._native if item.architecture == "native" else item.architecture
            possible = {offer.architecture, offer.package.architecture}
            if wanted not in possible and offer.package.multi_arch != "foreign":
                return False
        if item.version:
            return offer.own and offer.version == item.version
        if item.suite and offer.package.origins:
            return offer.own and any(
                item.suite in (origin.suite, origin.release.suite, origin.release.codename)
                or item.suite == origin.release.version
                for origin in offer.package.origins
            )
        return True

    def unmet(self) -> list[str]:
        """Dependencies that nothing in the set meets."""
        return [
            f"{package} needs {format_group(group)} ({field}), which is not there"
            for package in self._packages
            for field in ("Pre-Depends", "Depends")
            for group in package.relations(field)
            if not self._met(group, self._architecture(package))
        ]

    def _met(self, group: OrGroup, architecture: str) -> bool:
        return any(
            self._reaches(offer, relation, architecture) and _fits(offer.version, relation)
            for relation in group
            for offer in self._offers.get(relation.name, ())
        )

    def _reaches(self, offer: _Offer, relation: Relation, architecture: str) -> bool:
        """Whether a dependency may look at this package, as far as architectures go."""
        multi_arch = offer.package.multi_arch
        if relation.qualifier == "any":
            return multi_arch == "allowed" or offer.architecture == "any"
        if relation.qualifier is None:
            return offer.architecture == architecture or multi_arch == "foreign"
        wanted = self._native if relation.qualifier == "native" else relation.qualifier
        return offer.architecture == wanted

    def conflicting(self) -> list[str]:
        """Pairs of which one says that the other must not be there."""
        return [
            f"{package} cannot be with {offer.package}: {field}: {relation}"
            for package in self._packages
            for field in ("Conflicts", "Breaks")
            for group in package.relations(field)
            for relation in group
            for offer in self._offers.get(relation.name, ())
            if offer.package.name != package.name
            and self._is_meant(offer, relation.qualifier)
            and _fits(offer.version, relation)
        ]

    def _is_meant(self, offer: _Offer, qualifier: str | None) -> bool:
        if qualifier is None:
            return True
        if qualifier == "any":
            return offer.package.multi_arch == "allowed" or offer.architecture == "any"
        return offer.architecture == (self._native if qualifier == "native" else qualifier)


def _fits(offered: str, relation: Relation) -> bool:
    """Whether an offered version meets a relation; one without a version meets no version."""
    if not relation.operator:
        return True
    return bool(offered) and version.satisfies(offered, relation.operator, relation.version)
