"""Laying trees over each other, as unpacking packages one after the other would.

Directories merge. A file that two packages ship is an error, unless both are equal, one
package Replaces the other (Policy §7.6.1), or the preinst of one of them diverts the other's
(dpkg-divert(1)). A path below something that another package
ships as a symlink to a directory lands in that directory, as it does when dpkg unpacks:
this is also what makes `/bin/sh` of an older package `/usr/bin/sh` in a merged /usr.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Callable

from apt2ostree.debian import version
from apt2ostree.debian.control import parse_stanza
from apt2ostree.debian.relations import RelationError, parse_relations
from apt2ostree.errors import UserError
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import TARGET, TYPE, Directory, PackageRecord, Row
from apt2ostree.tree.tree import ensure_directory

MAX_REPORTED = 10
"""Clashes that one error message lists."""
ASIDE = ".distrib"
"""What dpkg-divert(1) adds to the name of a file that another one takes the place of."""
MAX_LINKS = 40
"""Symlinks followed for one path, as Linux does before it says ELOOP."""


@dataclass(frozen=True)
class Source:
    """A tree to merge.

    Attributes:
        name: what errors call it: `package nginx 1.22.1-9`, `layer //image:files`.
        directories: its content.
        package: the package it is, if it is one.
        owner: of an image of several packages: the one that a path of it belongs to.
    """

    name: str
    directories: Mapping[str, Directory]
    package: PackageRecord | None = None
    owner: Callable[[str], PackageRecord | None] | None = None

    def package_of(self, path: str) -> PackageRecord | None:
        """The package that a path belongs to, if it is one's."""
        return self.owner(path) if self.owner else self.package


@dataclass
class Merged:
    """Trees laid over each other.

    Attributes:
        directories: the result.
        dropped: paths, as the source has them, that lost to a package which Replaces theirs,
            by the index of the losing source.
        diverted: see `Manifest.diverted`.
    """

    directories: dict[str, Directory]
    dropped: dict[int, list[str]]
    diverted: list[tuple[str, str, str]]


def merge(sources: Sequence[Source], conflicts: str = "error") -> Merged:
    """Lay `sources` over each other, in order: of a directory shipped twice, the first
    source's owner and mode count.

    Args:
        sources: the trees.
        conflicts: what becomes of a file that something besides packages has too, and
            differently: `"error"`, or `"replace"`: the later source's counts.

    Raises:
        UserError: clashes, all of them (up to a limit) with both sources and the path.
    """
    return _Merger(sources, conflicts).run()


class _Merger:
    def __init__(self, sources: Sequence[Source], conflicts: str) -> None:
        self._sources = sources
        self._conflicts = conflicts
        # An image has a root, even if nothing ships it.
        self._merged: dict[str, Directory] = {"": Directory(implicit=True)}
        self._owners: dict[str, list[int]] = {"": []}
        self._dropped: dict[int, list[str]] = {}
        self._diverted: dict[str, tuple[str, str, str]] = {}
        self._clashes: list[str] = []
        self._others_clash = False
        self._resolver = _Resolver(sources)

    def run(self) -> Merged:
        for index, source in enumerate(self._sources):
            for path, directory in source.directories.items():
                self._add_directory(index, path, directory)
        self._check_files_against_directories()
        if self._clashes:
            raise UserError(_clash_message(self._clashes, not self._others_clash))
        return Merged(self._merged, self._dropped, list(self._diverted.values()))

    def _add_directory(self, index: int, shipped_path: str, directory: Directory) -> None:
        path = self._resolver.resolve(shipped_path)
        known = self._merged.get(path)
        if known is None:
            if path and paths.parent(path) not in self._merged:
                ensure_directory(self._merged, paths.parent(path))
            self._merged[path] = replace(directory, files=dict(directory.files))
            self._owners[path] = [index]
            return
        self._owners.setdefault(path, []).append(index)
        if known.implicit and not directory.implicit:
            merged = replace(directory, files=known.files)
            self._merged[path] = known = merged
        elif not directory.implicit and self._sources[index].package is None:
            known = self._overlay_directory(index, path, known, directory)
        if known.files.keys().isdisjoint(directory.files):
            known.files.update(directory.files)
            return
        for name, row in directory.files.items():
            self._add_file(index, path, name, row, shipped_path)

    def _overlay_directory(
        self, index: int, path: str, known: Directory, directory: Directory
    ) -> Directory:
        """A layer's directory over one that is there: what the layer says of it counts."""
        if replace(known, files={}) == replace(directory, files={}):
            return known
        if self._conflicts != "replace":
            self._others_clash = True
            below = self._sources[self._owners[path][0]].name
            self._clashes.append(
                f"/{path} (owner or mode): {below} and {self._sources[index].name}"
            )
        merged = self._merged[path] = replace(directory, files=known.files)
        return merged

    def _add_file(self, index: int, path: str, name: str, row: Row, shipped_path: str) -> None:
        files = self._merged[path].files
        known = files.get(name)
        if known is None or known == row:
            files[name] = row
            return
        full = paths.join(path, name)
        if full in {aside for _, aside, _ in self._diverted.values()}:
            source = self._sources[index].name
            self._clashes.append(f"/{full}: a file that is diverted to there, and {source}")
            return
        self._check_own_paths(index, path, name, shipped_path)
        other, other_path = self._owner(path, name, index)
        new = self._sources[index].package
        old = self._sources[other].package_of(other_path)
        if new and old and replaces(new, old):
            files[name] = row
            self._dropped.setdefault(other, []).append(other_path)
        elif new and old and replaces(old, new):
            self._dropped.setdefault(index, []).append(paths.join(shipped_path, name))
        elif new and old and new.diverts != old.diverts and self._has_room(path, name):
            files[name], files[name + ASIDE] = (row, known) if new.diverts else (known, row)
            package = new if new.diverts else old
            self._diverted[full] = (full, full + ASIDE, package.name)
        elif self._conflicts == "replace" and not (new and old):
            files[name] = row
        else:
            old_name = self._sources[other].name
            self._others_clash |= not (new and old)
            if old and self._sources[other].package is None:
                old_name = f"package {old.name} of {old_name}"
            self._clashes.append(f"/{full}: {old_name} and {self._sources[index].name}")

    def _check_own_paths(self, index: int, path: str, name: str, shipped_path: str) -> None:
        """Refuse two paths of one source that symlinks make one, and that are different files."""
        source = self._sources[index]
        for other, directory in source.directories.items():
            is_there = (
                name in directory.files
                and self._merged[path].files[name] == (directory.files[name])
            )
            if is_there and other != shipped_path and self._resolver.resolve(other) == path:
                one, two = (paths.join(place, name) for place in (other, shipped_path))
                raise UserError(
                    f"{source.name}: /{one} and /{two} are one path in this image, where a symlink "
                    "leads from one to the other, and the package has a different file for each: "
                    "dpkg refuses it too. Have the package built for a merged /usr"
                )

    def _has_room(self, path: str, name: str) -> bool:
        """Whether the name that a diverted file gets is free."""
        taken = name + ASIDE in self._merged[path].files
        return not taken and paths.join(path, name) not in self._diverted

    def _owner(self, path: str, name: str, before: int) -> tuple[int, str]:
        """The source that a file in the merged tree came from, and the path it shipped."""
        for index in reversed(self._owners[path]):
            if index == before:
                continue
            for shipped_path, directory in self._sources[index].directories.items():
                if name in directory.files and self._resolver.resolve(shipped_path) == path:
                    shipped = paths.join(shipped_path, name)
                    if shipped not in self._dropped.get(index, ()):
                        return index, shipped
        raise AssertionError(f"nobody ships {path}/{name}")

    def _check_files_against_directories(self) -> None:
        for path in self._merged:
            above, name = paths.split(path)
            if path and name in self._merged[above].files:
                file_owner, _ = self._owner(above, name, -1)
                owners = self._owners.get(path) or self._below(path)
                parts = (self._sources[index] for index in (file_owner, owners[0]))
                self._others_clash |= any(part.package is None for part in parts)
                self._clashes.append(
                    f"/{path}: a {self._merged[above].files[name][TYPE]} of "
                    f"{self._sources[file_owner].name}, a directory of "
                    f"{self._sources[owners[0]].name}"
                )

    def _below(self, path: str) -> list[int]:
        return next(
            owners for other, owners in self._owners.items() if other.startswith(path + "/")
        )


class _Resolver:
    """Follows the symlinks of the merged tree in the directory part of paths."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._directories = set().union(*(source.directories for source in sources))
        self._links: dict[str, tuple[str, str]] = {}
        children: dict[str, set[str]] = {}
        for path in self._directories:
            if path:
                above, name = paths.split(path)
                children.setdefault(above, set()).add(name)
        for source in sources:
            for path, target in _directory_links(source, children):
                self._links.setdefault(path, (target, source.name))
        self._known: dict[str, str] = {"": ""}

    def resolve(self, path: str) -> str:
        """The path without symlinks at which `path`, a directory, ends up.

        Raises:
            UserError: a symlink on the way leads outside the image, in a circle, or to
                something that no source ships as a directory.
        """
        if not self._links or not path:
            return path
        known = self._known.get(path)
        if known is None:
            # Parents come before what they hold, so this does not go deep.
            above, name = paths.split(path)
            known = paths.join(self.resolve(above), name)
            if known in self._links:
                known = self._follow(known, path)
            self._known[path] = known
        return known

    def _follow(self, link: str, asked: str) -> str:
        """Where a symlink leads: its target walked down as the kernel would in the image."""
        here, to_go, links = link, [""], 0
        while to_go:
            part = to_go.pop()
            if part == ".." and not here:
                raise self._error(link, asked, "leads outside the image")
            here = paths.parent(here) if part == ".." else _down(here, part)
            if here in self._links:
                links += 1
                if links > MAX_LINKS:
                    raise self._error(link, asked, "leads in a circle")
                target, _ = self._links[here]
                here = "" if target.startswith("/") else paths.parent(here)
                to_go += target.split("/")[::-1]
        if here not in self._directories:
            raise self._error(link, asked, "is not a directory of any package")
        return here

    def _error(self, link: str, asked: str, why: str) -> UserError:
        target, owner = self._links[link]
        shippers = [
            source.name
            for source in self._sources
            if asked in source.directories and source.name != owner
        ]
        other = shippers[0] if shippers else "another tree"
        return UserError(
            f"/{link}: {owner} ships it as a symlink to {target!r}, which {why}, and {other} "
            f"ships files below it (/{asked}): leave one of the two out of the image"
        )


def _directory_links(source: Source, children: Mapping[str, set[str]]) -> Iterable[tuple[str, str]]:
    """(path, target) of the symlinks in `source` that some source has as a directory.

    Args:
        source: where to look.
        children: directory → the names of its subdirectories in all sources.
    """
    for path, directory in source.directories.items():
        names = children.get(path)
        if names and not names.isdisjoint(directory.files):
            for name in names.intersection(directory.files):
                row = directory.files[name]
                if row[TYPE] == "symlink":
                    yield paths.join(path, name), row[TARGET]


def _down(directory: str, part: str) -> str:
    return paths.join(directory, part) if part not in ("", ".") else directory


def replaces(winner: PackageRecord, loser: PackageRecord) -> bool:
    """Whether `winner` declares that its files may take the place of `loser`'s."""
    fields = parse_stanza(winner.control, f"control file of {winner.name}")
    try:
        groups = parse_relations(fields.get("Replaces", ""))
    except RelationError as error:
        raise UserError(f"package {winner.name}: Replaces: {error}") from error
    return any(
        relation.name == loser.name
        and (
            not relation.operator
            or version.satisfies(loser.version, relation.operator, relation.version)
        )
        for group in groups
        for relation in group
    )


def _clash_message(clashes: Sequence[str], packages_alone: bool) -> str:
    shown = "\n  ".join(clashes[:MAX_REPORTED])
    more = len(clashes) - MAX_REPORTED
    rest = f"\n  and {more} more" if more > 0 else ""
    if packages_alone:
        return (
            f"{len(clashes)} path(s) shipped by two packages, of which neither Replaces the other:"
            f"\n  {shown}{rest}\nLeave one package of each pair out of the image."
        )
    return (
        f"{len(clashes)} path(s) that two of the image's parts have, and differently:"
        f"\n  {shown}{rest}\nA layer's file takes the place of one "
        'below it with `overlay_conflicts = "replace"`; `remove` takes files and directories away '
        "before layers are laid on; of two packages neither Replaces the other, so leave one out."
    )
