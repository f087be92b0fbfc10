"""An image, or a part of it, as a tar: the same bytes wherever it is made.

Names are `./usr/bin/x`, in the order of paths, every time is 0, owners are numbers, and
extended attributes are pax records `SCHILY.xattr.NAME`, as GNU tar and libarchive have them.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, Protocol, cast

from apt2ostree.ship.contents import Contents
from apt2ostree.tree import paths
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
    row_xattrs,
)


class Sink(Protocol):
    """Anything that takes bytes in order."""

    def write(self, data: bytes, /) -> object:
        """Take all of `data`."""
        ...


def write(
    file: Sink,
    directories: Mapping[str, Directory],
    contents: Contents,
    selection: Collection[str] | None = None,
    empty_files: Sequence[str] = (),
) -> None:
    """Write a tar.

    Args:
        file: where to.
        directories: of the image.
        contents: of its files.
        selection: paths to write; `None`: all.
        empty_files: further files, which come first.
    """
    with tarfile.open(fileobj=cast(BinaryIO, file), mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for path in empty_files:
            tar.addfile(tar_member(path, "0644", 0, 0, {}))
        for path in sorted(directories, key=components):
            directory = directories[path]
            if selection is None or path in selection:
                tar.addfile(_directory_member(path, directory))
            for name in sorted(directory.files):
                whole = paths.join(path, name)
                if selection is None or whole in selection:
                    _add_file(tar, whole, directory.files[name], contents)


def _add_file(tar: tarfile.TarFile, path: str, row: Row, contents: Contents) -> None:
    member = tar_member(path, row[MODE], row[UID], row[GID], row_xattrs(row))
    if row[TYPE] == "symlink":
        member.type = tarfile.SYMTYPE
        member.linkname = row[TARGET]
        tar.addfile(member)
    else:
        member.size = row[SIZE]
        tar.addfile(member, cast(BinaryIO, ContentReader(contents.chunks(row[CHECKSUM]))))


def _directory_member(path: str, directory: Directory) -> tarfile.TarInfo:
    xattrs = decode_xattrs(directory.xattrs)
    member = tar_member(path, directory.mode, directory.uid, directory.gid, xattrs)
    member.type = tarfile.DIRTYPE
    return member


def tar_member(
    path: str, mode: str, uid: int, gid: int, xattrs: Mapping[str, bytes]
) -> tarfile.TarInfo:
    """A member of a tar, a file as yet, whose time is 0."""
    member = tarfile.TarInfo(f"./{path}")
    member.mode, member.uid, member.gid = int(mode, 8), uid, gid
    member.pax_headers = {
        f"SCHILY.xattr.{name}": value.decode("utf-8", "surrogateescape")
        for name, value in sorted(xattrs.items())
    }
    return member


class ContentReader(io.RawIOBase):
    """Chunks as a file to read from, which is what tarfile wants."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks: Iterator[bytes] = iter(chunks)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; only at the end less."""
        parts = [self._rest]
        have = len(self._rest)
        while have < size or size < 0:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk)
            have += len(chunk)
        data = b"".join(parts)
        if size < 0:
            size = len(data)
        self._rest = data[size:]
        return data[:size]
