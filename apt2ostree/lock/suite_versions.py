"""Versions that come along when a package is wanted from a suite: ``name/suite``.

What such a package needs stays with the candidates where they do, and is taken from the suite
where they do not. The rule is apt's, found by watching what apt selects:

- A hard dependency is fine if a candidate meets it whose own hard dependencies are met by
  packages that were asked for.
- For any other, its alternatives that name a version are tried in their order: one of which the
  suite has a version that will do takes that version, and its dependencies are walked through in
  the same way. If they are all settled, so is this one, and what earlier alternatives took is
  given back; if not, an alternative that is not the last is given back itself.
- The first hard dependency that is not settled ends the walk, those above it included; what was
  taken so far stays taken. Where recommended packages are installed they are walked through too,
  and end nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from apt2ostree.debian.index import Package
from apt2ostree.debian.relations import Relation
from apt2ostree.lock.preferences import origin_in_release
from apt2ostree.lock.selection import Dependency, Selection
from apt2ostree.lock.steps import Steps, run
from apt2ostree.lock.universe import Node


def is_in_suite(package: Package, suite: str) -> bool:
    """Whether a version is in a suite, which is named as in ``name/suite``."""
    return any(
        origin.suite == suite or origin_in_release(origin, suite) for origin in package.origins
    )


def take_from_suites(
    selection: Selection, asked: Sequence[Package], suites: Mapping[Package, str]
) -> None:
    """Choose, in `selection`, the versions that come along with packages from suites.

    Args:
        selection: where the packages' own versions are chosen already.
        asked: all packages that were asked for, in whichever way.
        suites: the packages that were asked for from a suite, in their order, and which.
    """
    walk = _Walk(selection, {selection.universe.node(package) for package in asked})
    for package, suite in suites.items():
        run(walk.settle(package, suite))


class _Walk:
    def __init__(self, selection: Selection, asked: set[Node]) -> None:
        self._selection = selection
        self._universe = selection.universe
        self._asked = asked
        self._taken = set(selection.choices().values())

    def settle(self, package: Package, suite: str) -> Steps:
        """Walk through what a package needs; False if that had to stop."""
        dependencies = self._selection.dependencies(package)
        for dependency in dependencies.hard:
            if not self._is_fine(dependency) and not (yield self._take(dependency, suite)):
                return False
        for dependency in dependencies.soft if self._selection.recommends else ():
            if not self._is_fine(dependency):
                yield self._take(dependency, suite)
        return True

    def _is_fine(self, dependency: Dependency) -> bool:
        architecture = self._universe.architecture_of(dependency.package)
        options = self._selection.options(dependency.group, architecture)
        return any(map(self._needs_no_more, options))

    def _needs_no_more(self, package: Package) -> bool:
        architecture = self._universe.architecture_of(package)
        return all(
            any(
                self._universe.node(option) in self._asked
                for option in self._selection.options(dependency.group, architecture)
            )
            for dependency in self._selection.dependencies(package).hard
        )

    def _take(self, dependency: Dependency, suite: str) -> Steps:
        before = self._selection.choices()
        for relation in dependency.group:
            package = self._in_suite(relation, dependency, suite)
            if package is None:
                continue
            if package in self._taken:
                return True
            former, taken = self._selection.choices(), set(self._taken)
            self._selection.choose(package)
            self._taken.add(package)
            if (yield self.settle(package, suite)):
                self._give_back(before)
                return True
            self._taken = taken
            if relation is not dependency.group[-1]:
                self._give_back_one(package, former)
        return False

    def _give_back(self, before: dict[Node, Package]) -> None:
        """Undo the choices that are neither in `before` nor taken."""
        choices = self._selection.choices().items()
        self._selection.restore({n: p for n, p in choices if n in before or p in self._taken})

    def _give_back_one(self, package: Package, former: dict[Node, Package]) -> None:
        """Undo the choice of one package, to what it was in `former`."""
        node = self._universe.node(package)
        choices = self._selection.choices()
        choices.pop(node, None)
        self._selection.restore({**choices, **({node: former[node]} if node in former else {})})

    def _in_suite(self, relation: Relation, dependency: Dependency, suite: str) -> Package | None:
        """The version in the suite that a relation with a version means."""
        if not relation.operator:
            return None
        architecture = self._universe.architecture_of(dependency.package)
        for package in self._universe.versions(relation.name):
            if is_in_suite(package, suite) and self._universe.satisfies(
                package, relation, architecture
            ):
                return package
        return None
