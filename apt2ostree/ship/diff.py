"""What is different between two images: packages and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from apt2ostree.debian import version
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import Directory, Manifest, components


@dataclass(frozen=True)
class PackageChange:
    """A package that one image has otherwise than the other.

    Attributes:
        kind: `added`, `removed`, `upgraded` or `downgraded`.
        name: of the package.
        architecture: of the package.
        old: its version before; empty if added.
        new: its version now; empty if removed.
    """

    kind: str
    name: str
    architecture: str
    old: str = ""
    new: str = ""


@dataclass(frozen=True)
class FileFacts:
    """A file or directory.

    Attributes:
        type: `file`, `symlink` or `directory`.
        mode: permission bits, octal text.
        uid: owner.
        gid: group.
        size: in bytes; 0 for all but files.
        target: of a symlink.
        checksum: of the content object, so of the metadata too; empty for directories.
    """

    type: str
    mode: str
    uid: int
    gid: int
    size: int = 0
    target: str = ""
    checksum: str = ""


@dataclass(frozen=True)
class FileChange:
    """A path that is not the same in both.

    Attributes:
        kind: `added`, `removed` or `changed`.
        path: without a leading slash.
        old: before; `None` if added.
        new: now; `None` if removed.
        what: of a changed one: which of `type`, `mode`, `owner`, `size`, `target`, `content`.
    """

    kind: str
    path: str
    old: FileFacts | None
    new: FileFacts | None
    what: tuple[str, ...] = ()

    @property
    def growth(self) -> int:
        """Bytes that the image grew by this."""
        return (self.new.size if self.new else 0) - (self.old.size if self.old else 0)


@dataclass(frozen=True)
class Diff:
    """All differences, by name and by path."""

    packages: tuple[PackageChange, ...]
    files: tuple[FileChange, ...]

    @property
    def growth(self) -> int:
        """Bytes that the image grew."""
        return sum(change.growth for change in self.files)


def compare(old: Manifest, new: Manifest) -> Diff:
    """Compare two images."""
    return Diff(tuple(_packages(old, new)), tuple(_files(old, new)))


def _packages(old: Manifest, new: Manifest) -> list[PackageChange]:
    before = {record.key: record.version for record in old.packages}
    after = {record.key: record.version for record in new.packages}
    changes = []
    for name, architecture in sorted(before.keys() | after.keys()):
        key = name, architecture
        was, is_ = before.get(key, ""), after.get(key, "")
        if was != is_:
            changes.append(PackageChange(_kind(was, is_), name, architecture, was, is_))
    return changes


def _kind(old: str, new: str) -> str:
    if not old:
        return "added"
    if not new:
        return "removed"
    return "upgraded" if version.compare(old, new) < 0 else "downgraded"


def _files(old: Manifest, new: Manifest) -> list[FileChange]:
    before, after = _changed_facts(old, new), _changed_facts(new, old)
    changes = []
    for path in sorted(before.keys() | after.keys(), key=components):
        was, is_ = before.get(path), after.get(path)
        if was is None or is_ is None:
            changes.append(FileChange("added" if is_ else "removed", path, was, is_))
        elif was != is_:
            changes.append(FileChange("changed", path, was, is_, _what(was, is_)))
    return changes


def _changed_facts(one: Manifest, other: Manifest) -> dict[str, FileFacts]:
    """The facts of what `one` has and `other` has not in the same way."""
    facts: dict[str, FileFacts] = {}
    for path, directory in one.directories.items():
        twin = other.directories.get(path)
        own = _directory(directory)
        if path and (twin is None or _directory(twin) != own):
            facts[path] = own
        files: Mapping[str, list[object]] = twin.files if twin else {}
        for name, row in directory.files.items():
            if files.get(name) != row:
                facts[paths.join(path, name)] = _file(row)
    return facts


def _directory(directory: Directory) -> FileFacts:
    return FileFacts("directory", directory.mode, directory.uid, directory.gid)


def _file(row: list[object]) -> FileFacts:
    kind, mode, uid, gid, what, checksum, *_ = row
    assert isinstance(mode, str) and isinstance(uid, int) and isinstance(gid, int)
    if kind == "symlink":
        return FileFacts("symlink", mode, uid, gid, target=str(what), checksum=str(checksum))
    assert isinstance(what, int)
    return FileFacts("file", mode, uid, gid, what, checksum=str(checksum))


def _what(old: FileFacts, new: FileFacts) -> tuple[str, ...]:
    found = [name for name in ("type", "mode", "size", "target") if _differs(old, new, name)]
    if (old.uid, old.gid) != (new.uid, new.gid):
        found.append("owner")
    # The checksum covers the metadata; only when those agree does it speak of the content.
    return tuple(found) if found else ("content",)


def _differs(old: FileFacts, new: FileFacts, name: str) -> bool:
    return bool(getattr(old, name) != getattr(new, name))
