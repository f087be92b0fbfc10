"""What an ``apt_lock`` target says: the JSON file that the rule writes for its tool."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from apt2ostree.apt.distributions import NamedSources
from apt2ostree.errors import UserError


@dataclass(frozen=True)
class InputFile:
    """A file that the target names: where it is now, and what its user calls it."""

    path: Path
    name: str

    def read(self) -> str:
        """Return its text.

        Raises:
            UserError: if it is not there, or not UTF-8.
        """
        try:
            return self.path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self.name}: cannot be read: {error}") from None


@dataclass(frozen=True)
class LockConfig:
    """The attributes of an ``apt_lock`` target; see the rule for the meaning of each.

    Attributes:
        label: the target, for messages.
        lockfile: path of the lockfile, relative to the workspace.
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
    """

    label: str
    lockfile: str
    packages: tuple[str, ...]
    sources: tuple[InputFile | NamedSources, ...]
    architecture: str
    foreign_architectures: tuple[str, ...] = ()
    recommends: bool = False
    include_essential: bool = True
    include_priority: tuple[str, ...] = ("required",)
    exclude: tuple[str, ...] = ()
    preferences: tuple[InputFile, ...] = ()
    resolve: bool = True
    keyrings: tuple[Path, ...] = ()
    snapshots: Mapping[str, str] = field(default_factory=dict)

    @property
    def architectures(self) -> tuple[str, ...]:
        """The image's architecture and the foreign ones."""
        return (self.architecture, *self.foreign_architectures)


def read_config(path: Path, runfiles: Path) -> LockConfig:
    """Read a configuration, whose files are below ``runfiles``.

    Raises:
        UserError: if it is not one.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
        return _config(value, runfiles)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not the configuration of an apt_lock: {error!r}") from None


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
    return LockConfig(**arguments)


def _source(value: dict[str, Any], runfiles: Path) -> InputFile | NamedSources:
    return NamedSources.from_json(value) if "distribution" in value else _file(value, runfiles)


def _file(value: dict[str, str], runfiles: Path) -> InputFile:
    return InputFile(runfiles / value["path"], value["name"])
