"""Does a lockfile still satisfy what its target says? Answered offline, from the lock alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from apt2ostree.apt.index import Package
from apt2ostree.apt.lock_config import LockConfig
from apt2ostree.apt.relations import parse_relations
from apt2ostree.apt.universe import Universe

_DEPENDENCIES = ("Pre-Depends", "Depends")
# What the resolver keeps a package for.
_REASONS = (*_DEPENDENCIES, "Recommends", "Suggests")


def check_lock(config: LockConfig, packages: Sequence[Package]) -> list[str]:
    """Return what is wrong with a lock, a line each; empty if nothing is."""
    universe = Universe(packages, config.architecture, config.foreign_architectures)
    problems = [
        *_foreign(config, packages),
        *_absent(config, universe),
        *_excluded(config, packages),
    ]
    if config.resolve:
        problems += [*_unmet(universe), *_conflicts(universe)]
    # An incomplete lock has nothing to say about what is too much in it.
    return problems or list(_unneeded(config, universe))


def _foreign(config: LockConfig, packages: Sequence[Package]) -> Iterator[str]:
    for package in packages:
        if package.architecture not in ("all", *config.architectures):
            yield (
                f"{package} is for another architecture than the target's: "
                f"{', '.join(config.architectures)}"
            )


def _absent(config: LockConfig, universe: Universe) -> Iterator[str]:
    for wanted in config.packages:
        if not any(True for _ in _wanted(universe, wanted)):
            yield f"{wanted} is wanted, and not in the lockfile"


def _excluded(config: LockConfig, packages: Sequence[Package]) -> Iterator[str]:
    for package in packages:
        if package.name in config.exclude:
            yield f"{package.name} is excluded, and in the lockfile"


def _wanted(universe: Universe, wanted: str) -> Iterator[Package]:
    """The locked packages that an item of `packages` can mean, as `apt-get install` takes it."""
    name, _, version = wanted.partition("/")[0].partition("=")
    relation = parse_relations(f"{name} (= {version})" if version else name)[0][0]
    for package in universe.related(relation):
        for architecture in universe.architectures:
            if universe.satisfies(package, relation, architecture):
                yield package
                break


def _unmet(universe: Universe) -> Iterator[str]:
    for package in universe:
        architecture = universe.architecture_of(package)
        for field in _DEPENDENCIES:
            for group in package.relations(field):
                if not any(
                    universe.satisfies(other, relation, architecture)
                    for relation in group
                    for other in universe.related(relation)
                ):
                    alternatives = " | ".join(map(str, group))
                    yield f"{package} needs {alternatives} ({field}), which the lockfile has not"


def _conflicts(universe: Universe) -> Iterator[str]:
    for package in universe:
        for other in universe.versions(package.name):
            if universe.clash_of_architectures(package, other):
                yield f"{package} and {other} cannot be installed together"
        for field in ("Conflicts", "Breaks"):
            for group in package.relations(field):
                for relation in group:
                    for other in universe.related(relation):
                        if universe.hits(package, relation, other):
                            yield f"{package} cannot be installed with {other}: {field} {relation}"


def _unneeded(config: LockConfig, universe: Universe) -> Iterator[str]:
    """Packages that nothing leads to from what is wanted: left over from another list."""
    reached: set[Package] = set()
    todo = [package for wanted in config.packages for package in _wanted(universe, wanted)]
    if config.resolve:
        todo += [package for package in universe if config.is_base(package)]
    while todo:
        package = todo.pop()
        if package in reached:
            continue
        reached.add(package)
        if config.resolve:
            todo += _reasons(universe, package)
    for package in universe:
        if package not in reached:
            yield f"{package} is in the lockfile, and nothing wanted needs it"


def _reasons(universe: Universe, package: Package) -> Iterator[Package]:
    architecture = universe.architecture_of(package)
    for field in _REASONS:
        for group in package.relations(field):
            for relation in group:
                for other in universe.related(relation):
                    if universe.satisfies(other, relation, architecture):
                        yield other
