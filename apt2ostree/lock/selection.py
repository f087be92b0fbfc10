"""Selecting packages and, depth first, what they depend on.

This is the first half of the resolver. Its rules are apt's, found by watching what apt selects:

- All wanted packages are selected before the dependencies of any.
- Dependencies are followed depth first, Pre-Depends before Depends, then Recommends if asked
  for. A group that a selected package satisfies asks for nothing more.
- In a group the alternatives are tried in their order; for each, the package of that name comes
  before those that provide it, and providers are ranked (`Selection.ordered_options`).
- A package with a dependency that no candidate can satisfy is discarded before anything is done
  for it; one whose alternatives all fail is discarded then.
- A package takes away selected packages that it conflicts with, unless these are protected, in
  which case it is the one discarded. Protected are the wanted packages, the only options of a
  protected package's dependencies, and every package while its dependencies are followed. What
  a protected package conflicts with is discarded for good.

What is left broken (a package lost its dependency to a conflict, say) is for `repair`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Union

from apt2ostree.debian.index import Package
from apt2ostree.debian.relations import OrGroup, Relation
from apt2ostree.lock.steps import Steps, run
from apt2ostree.lock.universe import Node, Universe

_HARD = ("Pre-Depends", "Depends")
_NEGATIVE = ("Conflicts", "Breaks")
# Policy 2.5. Apt ranks a package that names no priority first.
PRIORITIES = {"": 0, "required": 1, "important": 2, "standard": 3, "optional": 4, "extra": 5}


@dataclass(frozen=True)
class Dependency:
    """One or-group of a field of a package."""

    package: Package
    field: str
    group: OrGroup


@dataclass(frozen=True)
class Conflict:
    """`package` cannot be installed with `other`, because `owner` (one of the two) says so.

    `relation` is None where the reason is that they are one package for two architectures.
    """

    package: Package
    other: Package
    owner: Package
    field: str
    relation: Relation | None


@dataclass(frozen=True)
class Excluded:
    """A package that the user has excluded."""

    package: Package


Cause = Union[Dependency, Conflict, Excluded]
"""Why a package's candidate is out."""


class Dependencies:
    """The parsed relationship fields of one package."""

    __slots__ = ("hard", "negative", "package", "soft")

    def __init__(self, package: Package) -> None:
        self.package = package
        self.hard = [Dependency(package, f, g) for f in _HARD for g in package.relations(f)]
        self.soft = [Dependency(package, "Recommends", g) for g in package.relations("Recommends")]
        self.negative = [
            (field, relation)
            for field in _NEGATIVE
            for group in package.relations(field)
            for relation in group
        ]


class Selection:
    """The state of resolving: what is selected, protected and discarded."""

    def __init__(self, universe: Universe, recommends: bool = False) -> None:
        self.universe = universe
        self.recommends = recommends
        self.protected: set[Node] = set()
        # Why a package's candidate is out: the dependency or conflict that nothing resolves.
        self.discarded: dict[Node, Cause] = {}
        # Those of them that a protected package's conflict has put out.
        self.banned: set[Node] = set()
        # The conflict with something protected for which a package was last passed over.
        self.refused: dict[Node, Conflict] = {}
        # The dependency for which a package was last selected.
        self.pulled: dict[Node, Dependency] = {}
        self._chosen: dict[Node, Package] = {}
        self._selected: dict[Node, Package] = {}
        self._following: set[Node] = set()
        self._dependencies: dict[Package, Dependencies] = {}

    # What is known

    def __contains__(self, package: Package) -> bool:
        return self._selected.get(self.universe.node(package)) is package

    def __iter__(self) -> Iterator[Package]:
        return iter(list(self._selected.values()))

    def dependencies(self, package: Package) -> Dependencies:
        """The package's relationship fields, parsed once."""
        known = self._dependencies.get(package)
        if known is None:
            known = self._dependencies[package] = Dependencies(package)
        return known

    def candidate(self, node: Node) -> Package | None:
        """The version that may be selected: the one asked for, else the pins' choice."""
        if node in self.discarded:
            return None
        return self._chosen.get(node) or self.universe.candidate(node)

    def is_candidate(self, package: Package) -> bool:
        """Whether this version may be selected."""
        return self.candidate(self.universe.node(package)) is package

    def is_discarded(self, package: Package) -> bool:
        """Whether no version of the package may be selected any more."""
        return self.universe.node(package) in self.discarded

    def options(self, group: OrGroup, architecture: str) -> list[Package]:
        """The candidates that satisfy a group, each once."""
        found: dict[Package, None] = {}
        for relation in group:
            found.update(dict.fromkeys(self._candidates(relation, architecture)))
        return list(found)

    def ordered_options(self, group: OrGroup, architecture: str) -> Iterator[Package]:
        """The candidates that satisfy a group, in the order in which they are tried.

        For each alternative: the package of that name (of any architecture) first; then what is
        Essential, what is Important, the native architecture, the higher priority; of equals,
        the one that the indexes mention last.
        """
        for relation in group:
            yield from self._ranked(self._candidates(relation, architecture), relation)

    def _candidates(self, relation: Relation, architecture: str) -> list[Package]:
        return [
            package
            for package in self.universe.related(relation)
            if self.is_candidate(package)
            and self.universe.satisfies(package, relation, architecture)
        ]

    def satisfied(self, group: OrGroup, architecture: str) -> bool:
        """Whether a selected package satisfies a group."""
        return any(
            package in self and self.universe.satisfies(package, relation, architecture)
            for relation in group
            for package in self.universe.related(relation)
        )

    def conflicts(self, package: Package) -> list[Conflict]:
        """The selected packages that this package's own fields exclude, each once."""
        found: dict[Package, Conflict] = {}
        for other, field, relation in self.excluded(package):
            if other in self and other not in found:
                found[other] = Conflict(package, other, package, field, relation)
        return list(found.values())

    def excluded(self, package: Package) -> Iterator[tuple[Package, str, Relation | None]]:
        """All versions of other packages that this package's own fields exclude."""
        for field, relation in self.dependencies(package).negative:
            for other in self.universe.related(relation):
                if self.universe.hits(package, relation, other):
                    yield other, field, relation
        if len(self.universe.architectures) > 1:
            for other in self.universe.versions(package.name):
                if self.universe.clash_of_architectures(package, other):
                    yield other, "Multi-Arch", None

    def unsatisfied(self, package: Package) -> list[Dependency]:
        """The package's own hard dependencies that nothing selected satisfies."""
        architecture = self.universe.architecture_of(package)
        return [
            dependency
            for dependency in self.dependencies(package).hard
            if not self.satisfied(dependency.group, architecture)
        ]

    def broken(self, package: Package) -> bool:
        """Whether a dependency of the package is unmet or a conflict of its own is present."""
        return bool(self.unsatisfied(package) or self.conflicts(package))

    # What is done

    def choose(self, package: Package) -> None:
        """Make a version its package's candidate, whatever the pins say."""
        self._chosen[self.universe.node(package)] = package

    def choices(self) -> dict[Node, Package]:
        """The versions that were chosen, to be given to `restore`."""
        return dict(self._chosen)

    def restore(self, choices: dict[Node, Package]) -> None:
        """Undo all choices but these."""
        self._chosen = dict(choices)

    def want(self, package: Package) -> None:
        """Select a package that the user wants: it is protected from the start."""
        self.select(package)
        self.protected.add(self.universe.node(package))

    def select(self, package: Package) -> None:
        """Select a package without looking at its dependencies."""
        self._selected[self.universe.node(package)] = package

    def drop(self, package: Package) -> None:
        """Take a package out of the selection; it may come back."""
        self._selected.pop(self.universe.node(package), None)

    def discard(self, package: Package, cause: Cause) -> None:
        """Take a package out for good, and remember why."""
        self.drop(package)
        self.discarded.setdefault(self.universe.node(package), cause)

    def follow(self, package: Package) -> bool:
        """Select a package with all it needs; False if it had to be discarded."""
        return run(self._follow(package))

    def _follow(self, package: Package) -> Steps:
        node = self.universe.node(package)
        wanted = package in self
        if not wanted and not self.is_candidate(package):
            return False
        hopeless = self._hopeless(package)
        if hopeless:
            if not wanted:
                self.discard(package, hopeless)
            return False
        conflict = self._make_room(package)
        if conflict:
            self.refused[node] = conflict
            return False
        self.select(package)
        self._following.add(node)
        failed = yield from self._follow_dependencies(package)
        self._following.discard(node)
        if failed and not wanted:
            self.discard(package, failed)
        return failed is None

    def _hopeless(self, package: Package) -> Dependency | None:
        """The first dependency that no candidate satisfies, nor did before a ban."""
        architecture = self.universe.architecture_of(package)
        for dependency in self.dependencies(package).hard:
            if not any(
                (self.is_candidate(option) or self._was_banned(option))
                and self.universe.satisfies(option, relation, architecture)
                for relation in dependency.group
                for option in self.universe.related(relation)
            ):
                return dependency
        return None

    def _was_banned(self, package: Package) -> bool:
        node = self.universe.node(package)
        chosen = self._chosen.get(node) or self.universe.candidate(node)
        return node in self.banned and chosen is package

    def _make_room(self, package: Package) -> Conflict | None:
        """Drop what the package conflicts with; return the conflict that cannot be dropped."""
        for conflict in self.conflicts(package):
            if self._is_protected(conflict.other):
                return conflict
        for conflict in self.conflicts(package):
            self.drop(conflict.other)
        if self.universe.node(package) in self.protected:
            self._ban(package)
        return None

    def _ban(self, package: Package) -> None:
        """Discard what a protected package conflicts with."""
        for other, field, relation in self.excluded(package):
            if self.is_candidate(other) and not self._is_protected(other):
                self.discard(other, Conflict(other, package, package, field, relation))
                self.banned.add(self.universe.node(other))

    def _is_protected(self, package: Package) -> bool:
        node = self.universe.node(package)
        return node in self.protected or node in self._following

    def _follow_dependencies(self, package: Package) -> _Follow:
        node = self.universe.node(package)
        dependencies = self.dependencies(package)
        for dependency in dependencies.hard:
            if node in self.protected:
                options = self.options(dependency.group, node[1])
                if len(options) == 1:
                    self._protect(options[0])
            if self.satisfied(dependency.group, node[1]):
                continue
            if not (yield self._follow_one(dependency, node[1])):
                return dependency
        for dependency in dependencies.soft if self.recommends else ():
            if not self.satisfied(dependency.group, node[1]):
                yield self._follow_one(dependency, node[1])
        return None

    def _follow_one(self, dependency: Dependency, architecture: str) -> Steps:
        """Select the first option of a dependency that can be."""
        for option in self.ordered_options(dependency.group, architecture):
            if (yield self._follow(option)):
                self.pulled[self.universe.node(option)] = dependency
                return True
        return False

    def _protect(self, package: Package) -> None:
        """Protect a package and, if it is selected already, the only options of its needs."""
        pending = [package]
        while pending:
            package = pending.pop()
            node = self.universe.node(package)
            if node in self.protected:
                continue
            self.protected.add(node)
            if package in self:
                self._ban(package)
                for dependency in self.dependencies(package).hard:
                    options = self.options(dependency.group, node[1])
                    if len(options) == 1:
                        pending.append(options[0])

    def _ranked(self, packages: list[Package], relation: Relation) -> Iterator[Package]:
        universe = self.universe
        if len(packages) < 2:
            yield from packages
            return

        def rank(package: Package) -> tuple[object, ...]:
            return (
                package.name != relation.name and not relation.qualifier,
                not universe.is_essential(package),
                not universe.is_important(package),
                universe.architectures.index(universe.architecture_of(package)),
                PRIORITIES.get(package.priority, len(PRIORITIES)),
            )

        # Looking up mentions takes time: only where ranks are equal, and that far.
        for _, equals in groupby(sorted(packages, key=rank), rank):
            tied = list(equals)
            if len(tied) > 1:
                tied.sort(key=lambda package: universe.mentions.first(package.name), reverse=True)
            yield from tied


_Follow = Generator[Steps, "bool | None", "Dependency | None"]
