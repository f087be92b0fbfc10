"""From wanted packages to the set that apt would install, and why each is in it.

The answer is apt's for an empty system: `selection` follows dependencies, `repair` settles what
conflicts have broken, and what nothing wanted leads to is dropped. The order of the wanted
packages and of the sources matters. Every answer is verified by code of its own (`verify`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from apt2ostree.debian.index import Package
from apt2ostree.debian.relations import Relation, format_group
from apt2ostree.debian.verify import verify
from apt2ostree.debian.wanted import Wanted, parse_wanted
from apt2ostree.errors import UserError
from apt2ostree.lock.explain import explain_broken, explain_missing
from apt2ostree.lock.repair import repair
from apt2ostree.lock.selection import Dependency, Excluded, Selection
from apt2ostree.lock.suite_versions import is_in_suite, take_from_suites
from apt2ostree.lock.universe import Node, Universe

_FOLLOWED = ("Pre-Depends", "Depends", "Recommends", "Suggests")


class UnsatisfiableError(UserError):
    """The wanted packages cannot be installed together; the message explains why."""


@dataclass(frozen=True)
class Reason:
    """Why a package is in the resolution.

    `item` is the wanted item that names it, "" if none does. Otherwise `dependency` is the one
    that leads to it from a wanted package by the fewest steps, or None for an Essential or
    Important package that was left over while resolving, which apt keeps too.
    """

    item: str = ""
    dependency: Dependency | None = None

    def __str__(self) -> str:
        if self.item:
            return f"wanted as {self.item}"
        if self.dependency is None:
            return "essential"
        group = format_group(self.dependency.group)
        return f"{self.dependency.package}: {self.dependency.field}: {group}"


@dataclass(frozen=True)
class Resolution:
    """`packages` by name and architecture, the native one first, and the reason for each."""

    packages: tuple[Package, ...]
    reasons: Mapping[Package, Reason]

    def chain(self, package: Package) -> list[Package]:
        """The packages from `package` to the wanted one that leads to it."""
        chain = [package]
        while self.reasons[chain[-1]].dependency is not None:
            dependency = self.reasons[chain[-1]].dependency
            assert dependency is not None
            chain.append(dependency.package)
        return chain


def base_packages(
    universe: Universe, essential: bool = True, priorities: Sequence[str] = ("required",)
) -> list[str]:
    """The names of the candidates that are Essential or have one of the `priorities`.

    For the native architecture; Essential packages first, then each priority in the order
    given, each sorted by name, no name twice. Put them before the packages that are wanted.
    """
    candidates = sorted(
        (
            package
            for package in universe
            if (package.essential or package.priority in priorities)
            and universe.architecture_of(package) == universe.architecture
            and universe.candidate(universe.node(package)) is package
        ),
        key=lambda package: package.name,
    )
    names = [package.name for package in candidates if essential and package.essential]
    for priority in priorities:
        names += [package.name for package in candidates if package.priority == priority]
    return list(dict.fromkeys(names))


def resolve(
    universe: Universe,
    want: Sequence[str],
    *,
    recommends: bool = False,
    exclude: Iterable[str] = (),
    prefer: Iterable[Package] = (),
) -> Resolution:
    """Find the packages to install for `want`, as apt would on an empty system.

    Items of `want` are ``name``, ``name:architecture``, ``name=version`` or ``name/suite`` (see
    `wanted`); those of `exclude` are ``name`` (of any architecture) or ``name:architecture`` and
    are never installed. With `recommends` what packages recommend is installed too, where it
    can be. The versions in `prefer` are taken rather than those that pins choose.

    Raises UnsatisfiableError with an explanation if there is no answer, WantedError for an item
    that cannot be understood, and VerificationError if the answer found does not hold, which is
    a defect of this program.
    """
    selection = Selection(universe, recommends)
    _exclude(selection, exclude)
    for package in prefer:
        selection.choose(package)
    wanted = _find_all(selection, want)
    for package in wanted:
        selection.want(package)
    for package in wanted:
        selection.follow(package)
    if not repair(selection, {universe.node(package) for package in wanted}):
        raise UnsatisfiableError(explain_broken(selection, wanted))
    reasons = _reasons(selection, wanted)
    packages = sorted(
        reasons,
        key=lambda package: (
            package.name,
            universe.architectures.index(universe.architecture_of(package)),
        ),
    )
    verify(packages, want, universe.architecture, universe.architectures[1:])
    return Resolution(tuple(packages), reasons)


def choose(
    universe: Universe, want: Sequence[str], *, exclude: Iterable[str] = ()
) -> tuple[Package, ...]:
    """The packages that the items of `want` mean, alone, without what they depend on.

    Raises UnsatisfiableError and WantedError as `resolve` does.
    """
    selection = Selection(universe, recommends=False)
    _exclude(selection, exclude)
    return tuple(_find_all(selection, want))


def _exclude(selection: Selection, exclude: Iterable[str]) -> None:
    for item in exclude:
        name, _, architecture = item.partition(":")
        for package in selection.universe.versions(name, architecture):
            selection.discard(package, Excluded(package))


def _find_all(selection: Selection, want: Sequence[str]) -> dict[Package, str]:
    """The packages that the wanted items mean, in their order, each with its first item."""
    items = list(map(parse_wanted, want))
    _choose_versions(selection, items)
    wanted: dict[Package, str] = {}
    for item, package in _find(selection, items):
        wanted.setdefault(package, item.text)
    return wanted


def _find(selection: Selection, items: Sequence[Wanted]) -> list[tuple[Wanted, Package]]:
    """The wanted items with the package that each means; the error names all that mean none."""
    found = []
    missing = []
    for item in items:
        package = _named(selection, item) or _only_provider(selection, item)
        if package is None:
            missing.append(item)
        else:
            found.append((item, package))
    if missing:
        raise UnsatisfiableError(explain_missing(selection, list(dict.fromkeys(missing))))
    return found


def _choose_versions(selection: Selection, items: Sequence[Wanted]) -> None:
    """Make the versions that items ask for, by version or suite, the candidates."""
    asked: dict[Node, tuple[Wanted, Package]] = {}
    for item, package in _find(selection, [item for item in items if item.version or item.suite]):
        node = selection.universe.node(package)
        other, chosen = asked.setdefault(node, (item, package))
        if chosen is not package:
            raise UnsatisfiableError(
                f"{other.text} and {item.text} ask for two versions of {item.name}: "
                f"{chosen.version} and {package.version}"
            )
        selection.choose(package)
    take_from_suites(
        selection,
        [package for _, package in _find(selection, items)],
        {package: item.suite for item, package in asked.values() if item.suite},
    )


def _architectures(universe: Universe, item: Wanted) -> Sequence[str]:
    if item.architecture in ("", "any"):
        return universe.architectures
    return [universe.architecture if item.architecture == "native" else item.architecture]


def _named(selection: Selection, item: Wanted) -> Package | None:
    """The package of that name, of the first architecture that has one."""
    universe = selection.universe
    if item.architecture == "all":
        candidate = selection.candidate((item.name, universe.architecture))
        return candidate if candidate and candidate.architecture == "all" else None
    for architecture in _architectures(universe, item):
        if not item.version and not item.suite:
            candidate = selection.candidate((item.name, architecture))
            if candidate is not None:
                return candidate
        for package in universe.versions(item.name, architecture):
            if selection.is_discarded(package):
                continue
            if item.version and package.version == item.version:
                return package
            if item.suite and is_in_suite(package, item.suite):
                return package
    return None


def _only_provider(selection: Selection, item: Wanted) -> Package | None:
    """The package that provides the name, if there is just one; of the native architecture.

    A foreign architecture has only the names that its own packages speak of, as for apt, even if
    a package of the native one is Multi-Arch: foreign.
    """
    universe = selection.universe
    if item.version or item.suite or item.architecture == "all":
        return None
    architecture = _architectures(universe, item)[0]
    relation = Relation(item.name)
    providers = [
        package
        for package in universe.related(relation)
        if selection.is_candidate(package) and universe.satisfies(package, relation, architecture)
    ]
    if len({package.name for package in providers}) != 1:
        return None
    if architecture != universe.architecture and not universe.is_spoken_of(item.name, architecture):
        return None
    return min(
        providers,
        key=lambda package: universe.architectures.index(universe.architecture_of(package)),
    )


def _reasons(selection: Selection, wanted: Mapping[Package, str]) -> dict[Package, Reason]:
    """What is reachable from the wanted packages, with the shortest way to each.

    Apt keeps what it selected while resolving if a relation of a package that stays leads to
    it, Recommends and Suggests included, and what is Essential or Important.
    """
    universe = selection.universe
    reasons = {package: Reason(item) for package, item in wanted.items()}
    for package in selection:
        if universe.is_essential(package) or universe.is_important(package):
            reasons.setdefault(package, Reason())
    queue = list(reasons)
    for package in queue:
        for dependency, target in _reached(selection, package):
            if target not in reasons:
                reasons[target] = Reason("", dependency)
                queue.append(target)
    return reasons


def _reached(selection: Selection, package: Package) -> Iterator[tuple[Dependency, Package]]:
    universe = selection.universe
    architecture = universe.architecture_of(package)
    for field in _FOLLOWED:
        for group in package.relations(field):
            for relation in group:
                for target in universe.related(relation):
                    if target in selection and universe.satisfies(target, relation, architecture):
                        yield Dependency(package, field, group), target
