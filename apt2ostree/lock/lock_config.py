"""What an ``apt_lock`` target says: the JSON file that the rule writes for its tool."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from apt2ostree import messages
from apt2ostree.archive.distributions import NamedSources
from apt2ostree.errors import UserError
from apt2ostree.lock.input_file import InputFile, TextFile
from apt2ostree.lock.multistrap_target import read_target


@dataclass(frozen=True)
class LockConfig:
    """The attributes of an ``apt_lock`` target; see the rule for the meaning of each.

    Attributes:
        label: the target, for messages.
        lockfile: path of the lockfile, relative to its repository.
        packages: what is wanted, in the order that counts.
        sources: sources files, and releases by name, in the order that counts.
        architecture: the image's own.
        foreign_architectures: further ones of which packages may be installed.
        recommends: whether Recommends are followed.
        include_essential: whether packages marked Essential are wanted too.
        include_priority: packages of these priorities are wanted too.
        exclude: packages that must not be in the lock.
        preferences: files with pins (apt_preferences(5)).
        resolve: whether dependencies are followed at all.
        keyrings: public keys.
        snapshots: patterns of snapshot services by prefix of an archive's URI.
        repository: canonical name of the lockfile's repository; empty: the main one.
        package_file: the BUILD file beside the lockfile, its name relative to the repository; of
            another repository than the main one.
    """

    label: str
    lockfile: str
    packages: tuple[str, ...]
    sources: tuple[InputFile | TextFile | NamedSources, ...]
    architecture: str
    foreign_architectures: tuple[str, ...] = ()
    recommends: bool = False
    include_essential: bool = True
    include_priority: tuple[str, ...] = ("required",)
    exclude: tuple[str, ...] = ()
    preferences: tuple[InputFile | TextFile, ...] = ()
    resolve: bool = True
    keyrings: tuple[Path, ...] = ()
    snapshots: Mapping[str, str] = field(default_factory=dict)
    repository: str = ""
    package_file: InputFile | None = None

    @property
    def architectures(self) -> tuple[str, ...]:
        """The image's architecture and the foreign ones."""
        return (self.architecture, *self.foreign_architectures)


def read_config(path: Path, runfiles: Path) -> LockConfig:
    """Read a configuration, whose files are below ``runfiles``.

    Raises:
        UserError: if it is not one, or names a multistrap configuration that cannot be used.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
        config = _config(value, runfiles)
        multistrap = [_file(item, runfiles) for item in value.get("multistrap", ())]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not the configuration of an apt_lock: {error!r}") from None
    return with_multistrap(config, multistrap) if multistrap else config


def with_multistrap(config: LockConfig, files: Sequence[InputFile]) -> LockConfig:
    """Add what a multistrap configuration says, and warn of what it says in vain.

    Args:
        config: the target's other attributes.
        files: the configuration, then the files that it names.

    Raises:
        UserError: the configuration cannot be used.
    """
    said = read_target(files, config.architecture)
    for warning in said.warnings:
        messages.warning(warning)
    foreign = (*said.foreign_architectures, *config.foreign_architectures)
    return replace(
        config,
        architecture=said.architecture,
        foreign_architectures=tuple(dict.fromkeys(foreign)),
        packages=(*said.packages, *config.packages),
        sources=(*said.sources, *config.sources),
        preferences=(*said.preferences, *config.preferences),
        recommends=config.recommends or said.recommends,
        include_essential=config.include_essential and said.include_essential,
        include_priority=said.include_priority,
    )


def _config(value: dict[str, Any], runfiles: Path) -> LockConfig:
    known = {field.name for field in fields(LockConfig)}
    arguments: dict[str, Any] = {
        name: tuple(item) if isinstance(item, list) else item
        for name, item in value.items()
        if name in known
    }
    arguments["sources"] = tuple(_source(source, runfiles) for source in value["sources"])
    arguments["preferences"] = tuple(_file(f, runfiles) for f in value.get("preferences", ()))
    arguments["keyrings"] = tuple(runfiles / keyring for keyring in value.get("keyrings", ()))
    package_file = value.get("package_file")
    arguments["package_file"] = _file(package_file, runfiles) if package_file else None
    return LockConfig(**arguments)


def _source(value: dict[str, Any], runfiles: Path) -> InputFile | NamedSources:
    return NamedSources.from_json(value) if "distribution" in value else _file(value, runfiles)


def _file(value: dict[str, str], runfiles: Path) -> InputFile:
    return InputFile(runfiles / value["path"], value["name"])
