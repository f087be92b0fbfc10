"""Writing an image out as the overlay's lower directory.

Every file is ours on the disk, without setuid bits: who owns what, and which attributes it
has, goes into fakeroot's database and the recorder, by inode. All times are one and the
same, so that nothing that looks at them can differ.

"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.ostree import objects, objects_tar
from apt2ostree.ostree.objects_tar import Location
from apt2ostree.sandbox.fakeroot import Status
from apt2ostree.sandbox.recorder import Inode
from apt2ostree.sandbox.tree import Tree
from apt2ostree.tree.manifest import (
    CHECKSUM,
    GID,
    MODE,
    SIZE,
    TARGET,
    TYPE,
    UID,
    Directory,
    Row,
    components,
    decode_xattrs,
    has_xattrs,
    row_xattrs,
)

CHUNK = 1 << 20
_BLOCK = 4096
_SET_ID = stat.S_ISUID | stat.S_ISGID


@dataclass
class Special:
    """What the disk does not hold.

    Attributes:
        statuses: owners and modes that differ from root's and the disk's.
        xattrs: extended attributes.
    """

    statuses: dict[Inode, Status] = field(default_factory=dict)
    xattrs: dict[Inode, Mapping[str, bytes]] = field(default_factory=dict)

    def moved_to(self, device: int) -> Special:
        """The same inodes as another device shows them."""
        return Special(
            {(device, number): status for (_, number), status in self.statuses.items()},
            {(device, number): xattrs for (_, number), xattrs in self.xattrs.items()},
        )


def size(directories: Mapping[str, Directory]) -> int:
    """Bytes that a tree takes on a disk, files that are equal counted each."""
    return sum(
        int(row[SIZE]) + _BLOCK
        for directory in directories.values()
        for row in directory.files.values()
        if row[TYPE] == "file"
    )


def index(tars: Iterable[Path]) -> dict[str, Location]:
    """Where every object of the tars is."""
    return {name: location for path in tars for name, location in objects_tar.index(path)}


def read_content(location: Location, name: str) -> bytes:
    """The content of an object that fits in memory, verified.

    Raises:
        UserError: it is not what its name says.
    """
    with location.path.open("rb") as file:
        return b"".join(_content(file.fileno(), location, name))


def write(
    directories: Mapping[str, Directory], locations: Mapping[str, Location], root: Tree, time: int
) -> Special:
    """Write a tree below `root`, which exists and is empty.

    Args:
        directories: the tree.
        locations: where its objects are.
        root: where it goes.
        time: modification time of everything, in seconds since 1970.

    Returns:
        What the disk does not hold.

    Raises:
        UserError: an object is missing, or is not what its name says.
    """
    special = Special()
    ordered = sorted(directories, key=components)
    places: dict[str, list[tuple[str, Row]]] = {}
    before = os.umask(0)
    try:
        for path in ordered:
            if path:
                with root.above(path) as (above, name):
                    os.mkdir(name, 0o700, dir_fd=above)
            with root.opened(path) as directory:
                for name, row in directories[path].files.items():
                    if row[TYPE] == "symlink":
                        _write_symlink(directory, name, row, special)
                    elif row[TYPE] == "file":
                        place = f"{path}/{name}" if path else name
                        places.setdefault(f"{row[CHECKSUM]}.file", []).append((place, row))
        _write_files(places, locations, root, special, time)
        for path in reversed(ordered):
            with root.opened(path, os.O_RDONLY | os.O_DIRECTORY) as directory:
                _finish_directory(directory, directories[path], special, time)
    finally:
        os.umask(before)
    return special


def _write_files(
    places: Mapping[str, Sequence[tuple[str, Row]]],
    locations: Mapping[str, Location],
    root: Tree,
    special: Special,
    time: int,
) -> None:
    missing = [name for name in places if name not in locations]
    if missing:
        raise UserError(
            f"/{places[missing[0]][0][0]}: its object {missing[0]} is in none of the objects tars "
            f"({len(missing)} are missing); build the image again"
        )
    by_tar: dict[Path, list[str]] = {}
    for name in places:
        by_tar.setdefault(locations[name].path, []).append(name)
    for tar, names in by_tar.items():
        with tar.open("rb", buffering=0) as file:
            for name in sorted(names, key=lambda name: locations[name].offset):
                for path, row in places[name]:
                    content = _content(file.fileno(), locations[name], name)
                    _write_file(root, path, row, content, special, time)


def _content(descriptor: int, location: Location, name: str) -> Iterator[bytes]:
    """The content in an object's stream; verified when it is through."""
    at, left = location.offset, location.size
    digest = hashlib.sha256()
    first = True
    while left or first:
        data = os.pread(descriptor, min(left, CHUNK), at)
        if not data:
            raise UserError(f"{location.path}: truncated; build it again")
        digest.update(data)
        at += len(data)
        left -= len(data)
        yield data[objects.header_size(data) :] if first else data
        first = False
    if digest.hexdigest() != name.partition(".")[0]:
        raise UserError(
            f"{location.path}: object {name} has the checksum {digest.hexdigest()}: a file of the "
            "build was changed, or a cache gave a wrong one; build it again"
        )


def _write_file(
    root: Tree, path: str, row: Row, content: Iterator[bytes], special: Special, time: int
) -> None:
    mode = int(row[MODE], 8)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = root.open(path, flags, mode & 0o7777 & ~_SET_ID)
    try:
        for data in content:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        os.utime(descriptor, (time, time))
        if mode & _SET_ID or row[UID] or row[GID] or has_xattrs(row):
            _note(os.fstat(descriptor), stat.S_IFREG | mode, row[UID], row[GID], special)
            _note_xattrs(os.fstat(descriptor), row_xattrs(row), special)
    finally:
        os.close(descriptor)


def _write_symlink(directory: int, name: str, row: Row, special: Special) -> None:
    os.symlink(row[TARGET], name, dir_fd=directory)
    if row[UID] or row[GID] or has_xattrs(row):
        status = os.lstat(name, dir_fd=directory)
        _note(status, stat.S_IFLNK | 0o777, row[UID], row[GID], special)
        _note_xattrs(status, row_xattrs(row), special)


def _finish_directory(descriptor: int, directory: Directory, special: Special, time: int) -> None:
    mode = int(directory.mode, 8)
    # setgid stays: the kernel hands it down to new subdirectories.
    os.fchmod(descriptor, mode & ~stat.S_ISUID)
    os.utime(descriptor, (time, time))
    if mode & stat.S_ISUID or directory.uid or directory.gid or directory.xattrs:
        status = os.fstat(descriptor)
        _note(status, stat.S_IFDIR | mode, directory.uid, directory.gid, special)
        _note_xattrs(status, decode_xattrs(directory.xattrs), special)


def _note(status: os.stat_result, mode: int, uid: int, gid: int, special: Special) -> None:
    special.statuses[status.st_dev, status.st_ino] = Status(mode, uid, gid)


def _note_xattrs(status: os.stat_result, xattrs: Mapping[str, bytes], special: Special) -> None:
    if xattrs:
        special.xattrs[status.st_dev, status.st_ino] = xattrs


def add_directories(root: Tree, names: Iterable[str]) -> None:
    """Make directories in the root that the sandbox needs and the image may lack."""
    for name in names:
        if not root.exists(name):
            with root.above(name) as (above, last):
                os.mkdir(last, 0o755, dir_fd=above)


def find(root: Tree, wanted: set[int]) -> Iterator[tuple[int, str]]:
    """Yield (inode number, path) of the files of a tree that are wanted."""
    pending = [""]
    while pending:
        path = pending.pop()
        for entry in root.scan(path):
            below = f"{path}/{entry.name}" if path else entry.name
            if entry.inode() in wanted:
                yield entry.inode(), below
            if entry.is_dir(follow_symlinks=False):
                pending.append(below)
