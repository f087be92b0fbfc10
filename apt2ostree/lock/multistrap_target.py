"""Targets that are described by a multistrap configuration: its meaning for lock and image."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from apt2ostree.archive.place import Place
from apt2ostree.errors import UserError
from apt2ostree.lock.input_file import InputFile, TextFile
from apt2ostree.lock.multistrap import DEFAULT_ARCHITECTURE, Configuration, Section, read_multistrap

Find = Callable[[str, "Place | None"], InputFile]
"""Gives a file by name; the place is that where it is asked for."""


@dataclass(frozen=True)
class MultistrapTarget:
    """What a configuration says to an ``apt_lock``; see its attributes for each.

    Attributes:
        warnings: what to tell the user: what the configuration says in vain.
    """

    architecture: str
    foreign_architectures: tuple[str, ...]
    packages: tuple[str, ...]
    sources: tuple[TextFile, ...]
    preferences: tuple[InputFile | TextFile, ...]
    recommends: bool
    include_essential: bool
    include_priority: tuple[str, ...]
    warnings: tuple[str, ...]


def read_target(files: Sequence[InputFile], architecture: str = "") -> MultistrapTarget:
    """Read a configuration.

    Args:
        files: the configuration, then the files that it names.
        architecture: the image's own; by default the configuration's.

    Raises:
        UserError: the configuration is malformed, or names a file that is not among ``files``.
    """
    find = _finder(files)
    said = read_multistrap(files[0].name, lambda name, asked_at: find(name, asked_at).read())
    native, warnings = _native(said, architecture)
    return MultistrapTarget(
        architecture=native,
        foreign_architectures=said.architectures(native)[1:],
        packages=said.packages,
        sources=tuple(_sources(said, said.bootstrap, native)),
        preferences=tuple(_preferences(said, find)),
        recommends=said.recommends,
        include_essential=said.required,
        include_priority=said.priorities,
        warnings=(*said.warnings, *warnings),
    )


def image_files(files: Sequence[InputFile], architecture: str = "") -> dict[str, str]:
    """Path in the image → content, of what multistrap writes besides packages.

    See :func:`read_target` for the arguments and errors.
    """
    find = _finder(files)
    said = read_multistrap(files[0].name, lambda name, asked_at: find(name, asked_at).read())
    result = said.image_files(_native(said, architecture)[0])
    for preferences in _preferences_file(said, find):
        name = posixpath.basename(preferences.name)
        result[f"etc/apt/preferences.d/{name}"] = preferences.read()
    return result


def _finder(files: Sequence[InputFile]) -> Find:
    by_name = {file.name: file for file in files}

    def find(name: str, asked_at: Place | None) -> InputFile:
        if name not in by_name:
            raise UserError(
                f"{asked_at}: there is no file {name} among those that the target names; add it "
                "to `includes` (of an apt_lock: `multistrap_files`)"
            )
        return by_name[name]

    return find


def _native(said: Configuration, architecture: str) -> tuple[str, list[str]]:
    native = architecture or said.architecture
    if native:
        return native, []
    # multistrap takes that of the machine it runs on; here no machine may decide.
    return DEFAULT_ARCHITECTURE, [f"{said.place}: no arch= in it; {DEFAULT_ARCHITECTURE} is taken"]


def _sources(said: Configuration, sections: Iterable[Section], native: str) -> list[TextFile]:
    return [
        TextFile(said.sources_text(section, native), section.place.path)
        for section in sections
        if section.uri
    ]


def _preferences_file(said: Configuration, find: Find) -> list[InputFile]:
    if said.preferences is None:
        return []
    name = posixpath.join(posixpath.dirname(said.place.path), said.preferences.text)
    return [find(posixpath.normpath(name), said.preferences.place)]


def _preferences(said: Configuration, find: Find) -> list[InputFile | TextFile]:
    text = said.preferences_text()
    return [*_preferences_file(said, find), *([TextFile(text, said.place.path)] if text else [])]
