"""What an image and a directory of real root's differ in, path by path.

Type, mode, owner (by name, as each tree's own passwd and group have them), extended
attributes (capabilities and ACLs are such) and content, which is a symlink's target, too. A
list says which differences are allowed, a line each:

    KIND PATTERN  # why

KIND is `ours` or `theirs` for a path that only one has, or what differs: `type`, `mode`,
`owner`, `xattrs`, `content`, or `order` where the content has the same lines otherwise
ordered. In a pattern `*`, `?` and `[…]` stand for any text.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree.objects import FileHeader, file_header, header_size
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import (
    CHECKSUM,
    GID,
    MODE,
    TARGET,
    TYPE,
    UID,
    decode_xattrs,
    row_xattrs,
)

KINDS = ("ours", "theirs", "type", "mode", "owner", "xattrs", "content", "order")
_TYPES = {"directory": stat.S_IFDIR, "file": stat.S_IFREG, "symlink": stat.S_IFLNK}


@dataclass(frozen=True)
class Entry:
    """A path of a tree.

    Attributes:
        header: type, mode, owner, symlink target, attributes.
        owner: names of user and group.
        read: gives a file's content.
        checksum: OSTree's, of header and content, where it is known.
    """

    header: FileHeader
    owner: str
    read: Callable[[], bytes]
    checksum: str = ""


Tree = Mapping[str, Entry]


@dataclass(frozen=True)
class Difference:
    """Something that differs.

    Attributes:
        kind: one of `KINDS`.
        path: relative to the root.
        text: the two values.
    """

    kind: str
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind} {self.path}  # {self.text}"


@dataclass(frozen=True)
class Allowed:
    """A line of a list.

    Attributes:
        kind: one of `KINDS`.
        pattern: of paths.
        where: file and line.
    """

    kind: str
    pattern: str
    where: str

    def matches(self, difference: Difference) -> bool:
        """Whether it is this difference that is allowed."""
        same_kind = self.kind == difference.kind
        return same_kind and fnmatch.fnmatchcase(difference.path, self.pattern)


@dataclass(frozen=True)
class Verdict:
    """What comes of a comparison.

    Attributes:
        found: how many differences there are.
        unlisted: those that no line allows.
        stale: the lines that allow nothing, and where they are.
    """

    found: int
    unlisted: Sequence[str]
    stale: Sequence[str]


def judge(ours: Tree, theirs: Tree, allowed: Sequence[Allowed]) -> Verdict:
    """Compare two trees."""
    found = list(differences(ours, theirs))
    unlisted = [
        str(difference)
        for difference in found
        if not any(line.matches(difference) for line in allowed)
    ]
    stale = [
        f"{line.where}: {line.kind} {line.pattern}"
        for line in allowed
        if not any(line.matches(difference) for difference in found)
    ]
    return Verdict(len(found), unlisted, stale)


def read_list(path: Path) -> list[Allowed]:
    """Read a list of allowed differences.

    Raises:
        ValueError: a line is malformed or gives no reason.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        rule, _, reason = (part.strip() for part in line.partition("#"))
        if not rule:
            continue
        kind, _, pattern = rule.partition(" ")
        if kind not in KINDS or not pattern.strip():
            raise ValueError(f"{path}:{number}: expected KIND PATTERN, KIND one of {KINDS}")
        if not reason:
            raise ValueError(f"{path}:{number}: {rule}: expected a reason, after `#`")
        found.append(Allowed(kind, pattern.strip(), f"{path}:{number}"))
    return found


def of_image(image: BuiltImage) -> Tree:
    """The tree of an image."""
    texts = image.manifest.texts
    names = _Names(texts["etc/passwd"], texts["etc/group"])
    tree = {}
    for path, directory in image.manifest.directories.items():
        mode = stat.S_IFDIR | int(directory.mode, 8)
        xattrs = decode_xattrs(directory.xattrs)
        header = FileHeader(directory.uid, directory.gid, mode, xattrs=xattrs)
        tree[path] = Entry(header, names.of(header), bytes)
        for name, row in directory.files.items():
            target = row[TARGET] if row[TYPE] == "symlink" else ""
            mode = _TYPES[row[TYPE]] | int(row[MODE], 8)
            header = FileHeader(row[UID], row[GID], mode, target, row_xattrs(row))
            read = partial(_read_object, image, row[CHECKSUM])
            tree[paths.join(path, name)] = Entry(header, names.of(header), read, row[CHECKSUM])
    return tree


def _read_object(image: BuiltImage, checksum: str) -> bytes:
    for _, file, size in image.read_objects({f"{checksum}.file"}):
        data = file.read(size)
        return data[header_size(data) :]
    raise AssertionError(checksum)


def of_directory(root: Path) -> Tree:
    """The tree of a directory on the disk, of which this process may read everything."""
    names = _Names((root / "etc/passwd").read_text(), (root / "etc/group").read_text())
    tree = {}
    pending = [""]
    while pending:
        path = pending.pop()
        place = root / path
        status = place.lstat()
        xattrs = {
            name: os.getxattr(place, name, follow_symlinks=False)
            for name in os.listxattr(place, follow_symlinks=False)
        }
        target = str(place.readlink()) if stat.S_ISLNK(status.st_mode) else ""
        header = FileHeader(status.st_uid, status.st_gid, status.st_mode, target, xattrs)
        tree[path] = Entry(header, names.of(header), place.read_bytes)
        if stat.S_ISDIR(status.st_mode):
            pending += [paths.join(path, below.name) for below in place.iterdir()]
    return tree


class _Names:
    """The names of owners."""

    def __init__(self, passwd: str, group: str) -> None:
        self._users, self._groups = (
            {int(line.split(":")[2]): line.split(":")[0] for line in text.splitlines()}
            for text in (passwd, group)
        )

    def of(self, header: FileHeader) -> str:
        user = self._users.get(header.uid, str(header.uid))
        return f"{user}:{self._groups.get(header.gid, str(header.gid))}"


def accounts(passwd: str, group: str) -> list[str]:
    """What two files say of users and groups but for their numbers, sorted."""
    groups = [line.split(":") for line in group.splitlines()]
    names = {fields[2]: fields[0] for fields in groups}
    users = [line.split(":") for line in passwd.splitlines()]
    return sorted(
        [":".join([user[0], user[1], names[user[3]], *user[4:]]) for user in users]
        + [":".join(["group", fields[0], fields[1], fields[3]]) for fields in groups]
    )


def differences(ours: Tree, theirs: Tree) -> Iterator[Difference]:
    """Yield what differs."""
    for path in sorted({*ours, *theirs}):
        if path not in theirs:
            yield Difference("ours", path, _describe(ours[path]))
        elif path not in ours:
            yield Difference("theirs", path, _describe(theirs[path]))
        else:
            for kind, one, other in _of_entries(ours[path], theirs[path]):
                yield Difference(kind, path, f"{one}, there {other}")


def _of_entries(one: Entry, other: Entry) -> Iterator[tuple[str, object, object]]:
    ours, theirs = one.header, other.header
    if stat.S_IFMT(ours.mode) != stat.S_IFMT(theirs.mode):
        yield "type", _describe(one), _describe(other)
        return
    if ours.mode != theirs.mode:
        yield "mode", f"{stat.S_IMODE(ours.mode):04o}", f"{stat.S_IMODE(theirs.mode):04o}"
    if one.owner != other.owner:
        yield "owner", one.owner, other.owner
    if ours.xattrs != theirs.xattrs:
        yield "xattrs", ours.xattrs, theirs.xattrs
    if ours.target != theirs.target:
        yield "content", ours.target, theirs.target
    if stat.S_ISREG(ours.mode):
        data = other.read()
        if hashlib.sha256(file_header(ours) + data).hexdigest() != one.checksum:
            lines, their_lines = one.read().splitlines(), data.splitlines()
            kind = "order" if sorted(lines) == sorted(their_lines) else "content"
            yield kind, f"{len(lines)} lines", f"{len(their_lines)}"


def _describe(entry: Entry) -> str:
    mode = stat.filemode(entry.header.mode)
    return f"{mode} {entry.owner} {entry.header.target}".rstrip()
