"""Updating some packages of a lock, and of the others as few as can be.

What the lock has stays, unless it does not go together with what is updated: a dependency that no
version that stays meets, or a conflict, lets go of the packages on both sides of it, which are then
updated too, and so on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from apt2ostree.debian.index import Package
from apt2ostree.debian.relations import Relation
from apt2ostree.lock.universe import Node, Universe


def missing_from(packages: Iterable[Package], old: Iterable[Package]) -> list[Package]:
    """The locked packages of which an archive no longer has the version."""
    known = {str(package) for package in packages}
    return [package for package in old if str(package) not in known]


def kept(universe: Universe, old: Sequence[Package], only: Collection[str]) -> list[Package]:
    """The versions of a lock that stay.

    Args:
        universe: what the archives have, and the lock's own versions.
        old: the lock's packages.
        only: names of the packages that are to be updated.
    """
    versions = _Versions(universe, old, only)
    while True:
        loose = [node for node in versions.broken() if node in versions.held]
        if not loose:
            return list(versions.held.values())
        for node in loose:
            versions.held.pop(node, None)


class _Versions:
    """Which version of each package of a lock would be taken: `held`, or else the candidate."""

    def __init__(self, universe: Universe, old: Sequence[Package], only: Collection[str]) -> None:
        self._universe = universe
        self._nodes = [universe.node(package) for package in old]
        self.held: dict[Node, Package] = {}
        for package in old:
            if package.name not in only:
                for version in universe.versions(*universe.node(package)):
                    if version.version == package.version:
                        self.held[universe.node(package)] = version
        added = [(name, universe.architecture) for name in only]
        self._nodes += [node for node in added if node not in self._nodes]

    def broken(self) -> Iterator[Node]:
        """The packages on both sides of what does not go together."""
        for node in self._nodes:
            package = self._version(node)
            if package is None:
                continue
            for field in ("Pre-Depends", "Depends"):
                for group in package.relations(field):
                    names = {relation.name for relation in group}
                    if not any(self._meets(package, relation) for relation in group):
                        yield node
                        yield from (other for other in self._nodes if other[0] in names)
            for other in self._hit(package):
                yield node
                yield other

    def _version(self, node: Node) -> Package | None:
        return self.held.get(node) or self._universe.candidate(node)

    def _is_taken(self, package: Package) -> bool:
        return self._version(self._universe.node(package)) is package

    def _meets(self, package: Package, relation: Relation) -> bool:
        architecture = self._universe.architecture_of(package)
        return any(
            self._is_taken(other) and self._universe.satisfies(other, relation, architecture)
            for other in self._universe.related(relation)
        )

    def _hit(self, package: Package) -> Iterator[Node]:
        for field in ("Conflicts", "Breaks"):
            for group in package.relations(field):
                for relation in group:
                    for other in self._universe.related(relation):
                        node = self._universe.node(other)
                        if (
                            node in self._nodes
                            and self._is_taken(other)
                            and self._universe.hits(package, relation, other)
                        ):
                            yield node
