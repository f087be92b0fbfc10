"""Does a lockfile still satisfy what its target says? Answered offline, from the lock alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from apt2ostree.debian.index import Package
from apt2ostree.debian.relations import Relation
from apt2ostree.debian.verify import verify_lock
from apt2ostree.debian.wanted import parse_wanted
from apt2ostree.errors import UserError
from apt2ostree.lock.lock_config import LockConfig
from apt2ostree.lock.universe import Universe

# What the resolver keeps a package for.
_REASONS = ("Pre-Depends", "Depends", "Recommends", "Suggests")


def check_lock(config: LockConfig, packages: Sequence[Package]) -> list[str]:
    """Return what is wrong with a lock, a line each; empty if nothing is.

    Raises:
        UserError: if the lock or the target says something that cannot be understood.
    """
    try:
        problems = verify_lock(
            packages,
            config.packages,
            config.architecture,
            config.foreign_architectures,
            complete=config.resolve,
        )
        problems += _excluded(config, packages)
        # An incomplete lock has nothing to say about what is too much in it.
        return problems or list(_unneeded(config, packages))
    except UserError as error:
        raise UserError(f"{config.label}: {error}") from None


def _excluded(config: LockConfig, packages: Sequence[Package]) -> Iterator[str]:
    for package in packages:
        if {package.name, f"{package.name}:{package.architecture}"} & set(config.exclude):
            yield f"{package} is excluded, and in the lockfile"


def _unneeded(config: LockConfig, packages: Sequence[Package]) -> Iterator[str]:
    """Packages that nothing leads to from what is wanted: left over from another list."""
    universe = Universe(packages, config.architecture, config.foreign_architectures)
    reached: set[Package] = set()
    todo = [
        package
        for item in map(parse_wanted, config.packages)
        for package in universe.related(Relation(item.name))
    ]
    if config.resolve:
        todo += [package for package in universe if _is_base(config, universe, package)]
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


def _is_base(config: LockConfig, universe: Universe, package: Package) -> bool:
    """Whether it is there without being named; the resolver keeps all that are Essential."""
    if universe.is_essential(package) or universe.is_important(package):
        return True
    return package.priority in config.include_priority


def _reasons(universe: Universe, package: Package) -> Iterator[Package]:
    architecture = universe.architecture_of(package)
    for field in _REASONS:
        for group in package.relations(field):
            for relation in group:
                for other in universe.related(relation):
                    if universe.satisfies(other, relation, architecture):
                        yield other
