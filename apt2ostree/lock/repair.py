"""Repairing a selection that conflicts have left broken.

This is the second half of the resolver, and again what apt is seen to do: every package gets a
score, and from the highest score to the lowest each broken package either takes what it needs
or gives way. A package that is protected here (wanted by the user) never gives way, so what
nobody wanted is dropped, and another alternative is taken where there is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from apt2ostree.debian.index import Package
from apt2ostree.debian.relations import OrGroup, Relation
from apt2ostree.lock.selection import Selection
from apt2ostree.lock.universe import Node

_PRIORITY_SCORES = {"required": 3, "important": 2, "standard": 1, "optional": -1, "extra": -2}
_ESSENTIAL = 100
_ADD_ESSENTIAL = 5000
_ADD_PROTECTED = 10000
_ROUNDS = 10


def repair(selection: Selection, wanted: set[Node]) -> bool:
    """Repair a selection in place; False if something stays broken. `wanted` are never dropped."""
    if not any(selection.broken(package) for package in selection):
        return True
    _Repair(selection, wanted).run()
    return not any(selection.broken(package) for package in selection)


class _Repair:
    def __init__(self, selection: Selection, wanted: set[Node]) -> None:
        self._selection = selection
        self._universe = selection.universe
        self._scores = _scores(selection, wanted)
        self._initial = dict(self._scores)
        self._tried: set[Node] = set()
        self._changed = False

    def run(self) -> None:
        for number in range(_ROUNDS):
            self._changed = False
            self._round(number)
            if not self._changed:
                return

    def _round(self, number: int) -> None:
        """Visit what is broken, from the highest initial score on, each package once."""
        reached: tuple[int, Node] | None = None
        while True:
            ahead = sorted(
                (order, index, package)
                for index, package in enumerate(self._selection)
                for order in [self._order(package)]
                if reached is None or order > reached
            )
            broken = next((p for _, _, p in ahead if self._selection.broken(p)), None)
            if broken is None:
                return
            reached = self._order(broken)
            self._visit(broken, number)

    def _order(self, package: Package) -> tuple[int, Node]:
        node = self._universe.node(package)
        return -self._initial.get(node, 0), node

    def _score(self, package: Package) -> int:
        return self._scores.get(self._universe.node(package), 0)

    def _is_protected(self, package: Package) -> bool:
        return self._universe.node(package) in self._selection.protected

    def _visit(self, package: Package, number: int) -> None:
        """Settle the needs of a broken package, or give it up."""
        doomed: list[Package] = []
        architecture = self._universe.architecture_of(package)
        for dependency in self._selection.dependencies(package).hard:
            satisfied = self._selection.satisfied(dependency.group, architecture)
            if not satisfied and not self._settle(package, dependency.group):
                break
        else:
            for conflict in self._selection.conflicts(package):
                if not self._displace(package, conflict.other, doomed):
                    break
        if package not in self._selection:
            return
        for other in doomed:
            self._changed = True
            self._selection.drop(other)
            if number > 1:
                node = self._universe.node(other)
                self._scores[node] = max(self._score(other), self._score(package))

    def _displace(self, package: Package, other: Package, doomed: list[Package]) -> bool:
        """Decide which of two packages in conflict goes; False if it is `package`."""
        if self._score(package) <= self._score(other):
            if self._is_protected(package):
                return True
            self._selection.drop(package)
            self._changed = True
            return False
        if not self._is_protected(other):
            doomed.append(other)
        return True

    def _settle(self, package: Package, group: OrGroup) -> bool:
        """Find what meets a group of a package; False if the package was given up instead."""
        architecture = self._universe.architecture_of(package)
        if not self._is_protected(package):
            # A package that nobody wanted gives way, if anything at all could meet the group.
            self._selection.drop(package)
            self._changed = True
            return False
        for relation in group:
            for target in self._targets(relation, architecture):
                if self._reinstate(target):
                    node = self._universe.node(target)
                    self._scores[node] = min(self._score(target), self._score(package))
                    break
            if self._selection.satisfied(group, architecture):
                break
        return True

    def _targets(self, relation: Relation, architecture: str) -> Iterator[Package]:
        """The candidates of packages with a version that meets the relation.

        Those of the name itself in the order of the indexes, then its providers the latest first.
        """
        seen = set()
        related = list(self._universe.related(relation))
        named = [package for package in related if package.name == relation.name]
        providers = [package for package in related if package.name != relation.name]
        for package in (*named, *reversed(providers)):
            node = self._universe.node(package)
            if node not in seen and self._universe.satisfies(package, relation, architecture):
                seen.add(node)
                candidate = self._selection.candidate(node)
                if candidate is not None:
                    yield candidate

    def _reinstate(self, package: Package) -> bool:
        """Select a package after all, with what it needs; each package is tried once."""
        node = self._universe.node(package)
        if node in self._tried or node in self._selection.protected:
            return False
        self._tried.add(node)
        self._selection.select(package)
        for dependency in self._selection.dependencies(package).hard:
            if not self._reinstate_group(dependency.group, node[1]):
                self._selection.drop(package)
                return False
        self._changed = True
        return True

    def _reinstate_group(self, group: OrGroup, architecture: str) -> bool:
        if self._selection.satisfied(group, architecture):
            return True
        return any(
            self._reinstate(target)
            for relation in group
            for target in self._targets(relation, architecture)
            if self._universe.satisfies(target, relation, architecture)
        )


def _scores(selection: Selection, wanted: set[Node]) -> dict[Node, int]:
    """Score packages by their priority and by what needs them.

    Each relation that can be met gives its name a point, each conflict takes one; what a name
    has gained goes to its providers; what a package has goes to what it needs, one level deep,
    and from there to the providers again.
    """
    universe = selection.universe
    own: Counter[Node] = Counter()
    for package in selection:
        own[universe.node(package)] = _PRIORITY_SCORES.get(package.priority, 0) + (
            _ESSENTIAL if _is_vital(selection, package) else 0
        )
    direct = Counter(own)
    for package in selection:
        for target, points in _points(selection, package):
            direct[target] += points
    before = _share(selection, direct, own)
    scores = Counter(before)
    for package in selection:
        node = universe.node(package)
        if before[node] > 0:
            for target in _needed(selection, package):
                if target in own:
                    scores[target] += before[node]
    scores = _share(selection, scores, before)
    for package in selection:
        node = universe.node(package)
        scores[node] += _ADD_ESSENTIAL if _is_vital(selection, package) else 0
        scores[node] += _ADD_PROTECTED if node in wanted else 0
    return dict(scores)


def _is_vital(selection: Selection, package: Package) -> bool:
    universe = selection.universe
    return universe.is_essential(package) or universe.is_important(package)


def _needed(selection: Selection, package: Package) -> Iterator[Node]:
    """The names in a package's dependencies, as often as they occur."""
    architecture = selection.universe.architecture_of(package)
    dependencies = selection.dependencies(package)
    for dependency in (*dependencies.hard, *dependencies.soft):
        for relation in dependency.group:
            yield relation.name, relation.qualifier or architecture


def _points(selection: Selection, package: Package) -> Iterator[tuple[Node, int]]:
    """The points that a package gives to names in its relations that candidates could meet."""
    universe = selection.universe
    architecture = universe.architecture_of(package)
    dependencies = selection.dependencies(package)
    for dependency in (*dependencies.hard, *dependencies.soft):
        for relation in dependency.group:
            if selection.options((relation,), architecture):
                yield (relation.name, relation.qualifier or architecture), 1
    for _, relation in dependencies.negative:
        for other in (relation.qualifier,) if relation.qualifier else universe.architectures:
            if relation.name != package.name and selection.options((relation,), other):
                yield (relation.name, other), -1


def _share(selection: Selection, scores: Counter[Node], former: Counter[Node]) -> Counter[Node]:
    """Give providers what the names they provide have gained since `former`."""
    shared = Counter(scores)
    for package in selection:
        node = selection.universe.node(package)
        for name in {(p.name, p.qualifier or node[1]) for p in package.provided()}:
            shared[node] += max(0, scores[name] - former[name])
    return shared
