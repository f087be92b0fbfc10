"""From what an ``apt_lock`` target says to the content of its lockfile."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from apt2ostree.apt.archive import Archives, Index
from apt2ostree.apt.cache import Cache
from apt2ostree.apt.distributions import NamedSources
from apt2ostree.apt.index import MalformedIndexError, Package, parse_index
from apt2ostree.apt.lock_config import LockConfig
from apt2ostree.apt.lockfile import read_lock, render_lock
from apt2ostree.apt.preferences import Pin, Preferences, PreferencesError, parse_preferences
from apt2ostree.apt.resolver import UnsatisfiableError, resolve
from apt2ostree.apt.sources import Source, parse_sources
from apt2ostree.apt.summary import Summary, summarize
from apt2ostree.apt.universe import DuplicateError, Universe
from apt2ostree.errors import UserError

_log = logging.getLogger(__name__)


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


def make_update(config: LockConfig, archives: Archives, workspace: Path) -> Update:
    """Work out what a lockfile should hold, writing nothing.

    Raises:
        UserError: about the sources, an archive, the old lockfile, or packages that cannot be
            installed together.
    """
    old = read_lock(workspace / config.lockfile)
    indexes = archives.fetch(read_sources(config), config.architectures)
    try:
        new = select(config, _packages(indexes, archives.downloader.cache))
    except (MalformedIndexError, PreferencesError, DuplicateError, UnsatisfiableError) as error:
        raise UserError(f"{config.label}: {error}") from None
    snapshots = {index.origin: index.snapshot for index in indexes}
    content = render_lock(new, old, lambda origin: snapshots[origin])
    return Update(config, content, old, new)


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


def select(config: LockConfig, packages: Iterable[Package]) -> Sequence[Package]:
    """Choose the packages of a lock among all that the archives have."""
    pins = [pin for f in config.preferences for pin in parse_preferences(f.read(), f.name)]
    excluded = Pin(config.exclude, "version", "*", -1, "exclude") if config.exclude else None
    preferences = Preferences([excluded, *pins] if excluded else pins)
    universe = Universe(packages, config.architecture, config.foreign_architectures, preferences)
    if not config.resolve:
        return _named(config, universe)
    return resolve(universe, _wanted(config, universe), recommends=config.recommends).packages


def _packages(indexes: Sequence[Index], cache: Cache) -> Iterable[Package]:
    for index in indexes:
        yield from parse_index(index.read(cache), index.name, index.origin)


def _wanted(config: LockConfig, universe: Universe) -> list[str]:
    """The names that are wanted: the base system in the order of the indexes, then the user's."""
    base = [
        package.name
        for package in universe
        if config.is_base(package)
        and package.architecture in ("all", config.architecture)
        and universe.candidate(universe.node(package)) is package
    ]
    return list(dict.fromkeys([*base, *config.packages]))


def _named(config: LockConfig, universe: Universe) -> list[Package]:
    chosen = []
    for wanted in config.packages:
        name, _, architecture = wanted.partition(":")
        candidate = universe.candidate((name, architecture or config.architecture))
        if candidate is None:
            raise UserError(f"{config.label}: no archive has the package {wanted}")
        chosen.append(candidate)
    return chosen
