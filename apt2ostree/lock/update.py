"""From what an ``apt_lock`` target says to the content of its lockfile."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from apt2ostree import messages
from apt2ostree.archive.archive import Archives, Index
from apt2ostree.archive.cache import Cache
from apt2ostree.archive.distributions import NamedSources
from apt2ostree.archive.sources import Source, parse_sources
from apt2ostree.debian.index import Package, Unusable, parse_index
from apt2ostree.errors import UserError
from apt2ostree.lock.conservative import kept, missing_from
from apt2ostree.lock.lock_config import LockConfig
from apt2ostree.lock.lockfile import archive_date, read_old_lock, render_lock
from apt2ostree.lock.preferences import Preferences, parse_preferences
from apt2ostree.lock.resolver import UnsatisfiableError, base_packages, choose, resolve
from apt2ostree.lock.summary import Summary, summarize
from apt2ostree.lock.universe import Universe

_MAX_TOLD = 20
"""Stanzas that are passed over and told one by one."""


@dataclass(frozen=True)
class Update:
    """A lockfile as it should be.

    Attributes:
        config: the target.
        content: what the lockfile should hold.
        old: the packages that it holds now.
        new: those that it should hold.
    """

    config: LockConfig
    content: bytes
    old: Sequence[Package]
    new: Sequence[Package]

    @property
    def summary(self) -> Summary:
        """What changes."""
        return summarize(self.config.lockfile, self.old, self.new)


def make_update(
    config: LockConfig,
    archives: Archives,
    directory: Path,
    allow_older: bool = False,
    only: Collection[str] = (),
) -> Update:
    """Work out what a lockfile should hold, writing nothing.

    Args:
        config: what the target says.
        archives: fetches what its sources offer.
        directory: what the path of the lockfile is relative to.
        allow_older: take archives that are older than the lock, too.
        only: names of packages to update, and of the others as few as can be; none: all.

    Raises:
        UserError: about the sources, an archive, the old lockfile, or packages that cannot be
            installed together.
    """
    old = read_old_lock(directory / config.lockfile)
    indexes = archives.fetch(read_sources(config), config.architectures)
    if not allow_older:
        _forbid_older(indexes, old)
    unusable: list[Unusable] = []
    try:
        packages = list(_packages(indexes, archives.downloader.cache, unusable))
        chosen = select(config, packages, old, only)
    except UnsatisfiableError as error:
        told = [one.reason for one in unusable if _is_named(one, str(error))]
        raise UserError("\n".join([f"{config.label}: {error}", *told])) from None
    except UserError as error:
        raise UserError(f"{config.label}: {error}") from None
    _judge(unusable, chosen.packages)
    snapshots = {index.origin: index.snapshot for index in indexes}
    dates = {index.origin: index.date for index in indexes}
    content = render_lock(
        chosen.packages, old, lambda origin: snapshots.get(origin, ""), chosen.automatic, dates.get
    )
    return Update(config, content, old, chosen.packages)


def _forbid_older(indexes: Iterable[Index], old: Iterable[Package]) -> None:
    """Refuse an archive that is older than the state of it that the lock knows."""
    newest: dict[tuple[str, str], tuple[datetime, Package]] = {}
    for package in old:
        date = archive_date(package)
        for origin in package.origins if date else ():
            place = origin.uri, origin.suite
            if date and (place not in newest or newest[place][0] < date):
                newest[place] = date, package
    for index in indexes:
        known = newest.get((index.origin.uri, index.origin.suite))
        if known and index.date and index.date < known[0]:
            raise UserError(
                f"{index.origin.uri} {index.origin.suite} is older than what the lock was made "
                f"from: its Release file is of {index.date:%Y-%m-%d %H:%M:%S} UTC, and "
                f"{known[1].where} has {known[1]}, which came with one of "
                f"{known[0]:%Y-%m-%d %H:%M:%S} UTC. The mirror is behind, or somebody is passing "
                "off old data as new. Use another mirror, or wait; --allow-older takes it"
            )


def read_sources(config: LockConfig) -> list[Source]:
    """Read the target's sources, those in files and those by name."""
    sources: list[Source] = []
    for source in config.sources:
        if isinstance(source, NamedSources):
            text = source.deb822(config.architecture)
            name = f"{source.distribution}_sources({source.suite!r})"
        else:
            text, name = source.read(), source.name
        sources += parse_sources(text, name, config.architecture)
    if not sources:
        raise UserError(f"{config.label}: its sources name no archive that is enabled")
    return sources


@dataclass(frozen=True)
class Choice:
    """The packages of a lock, and those of them that are there for others alone."""

    packages: Sequence[Package]
    automatic: frozenset[Package] = frozenset()


def select(
    config: LockConfig,
    packages: Sequence[Package],
    old: Sequence[Package] = (),
    only: Collection[str] = (),
) -> Choice:
    """Choose the packages of a lock among all that the archives have.

    Args:
        config: what the target says.
        packages: what the archives have.
        old: what the lock has, for `only`.
        only: see `make_update`.
    """
    if only:
        packages = [*packages, *missing_from(packages, old)]
    pins = [pin for file in config.preferences for pin in parse_preferences(file.read(), file.name)]
    universe = Universe(
        packages, config.architecture, config.foreign_architectures, Preferences(pins)
    )
    if not config.resolve:
        return Choice(choose(universe, config.packages, exclude=config.exclude))
    base = base_packages(universe, config.include_essential, config.include_priority)
    excluded = set(config.exclude)
    want = [*(name for name in base if name not in excluded), *config.packages]
    prefer = kept(universe, old, only) if only else []
    found = resolve(
        universe, want, recommends=config.recommends, exclude=config.exclude, prefer=prefer
    )
    for name in only:
        if name not in {package.name for package in (*found.packages, *old)}:
            raise UserError(f"--only {name}: neither the lockfile nor its update has the package")
    automatic = (package for package, reason in found.reasons.items() if reason.dependency)
    for package in found.packages:
        if universe.disagreement(package):
            messages.warning(universe.disagreement(package))
    return Choice(found.packages, frozenset(automatic))


def _judge(unusable: Sequence[Unusable], packages: Sequence[Package]) -> None:
    """Warn of stanzas that no package could be made of; refuse if one might have been chosen."""
    chosen = {package.name for package in packages}
    for one in unusable:
        if not one.is_passed_over and chosen.intersection(one.names):
            raise UserError(one.reason)
    for one in unusable[:_MAX_TOLD]:
        messages.warning(f"{one.reason}; the stanza is passed over, nothing chosen needs it")
    if unusable[_MAX_TOLD:]:
        messages.warning(f"and {len(unusable) - _MAX_TOLD} more such stanzas")


def _is_named(one: Unusable, text: str) -> bool:
    names = "|".join(map(re.escape, filter(None, one.names)))
    return bool(names and re.search(rf"(?<![\w+.-])(?:{names})(?![\w+.-])", text))


def _packages(
    indexes: Sequence[Index], cache: Cache, unusable: list[Unusable]
) -> Iterable[Package]:
    for index in indexes:
        packages = parse_index(index.read(cache), index.name, index.origin, unusable)
        messages.debug(f"{index.origin}: {len(packages)} packages")
        yield from packages
