"""The objects tar: OSTree objects in one plain tar, each under its checksum.

    objects/ab/cdef….file       a content object's stream: header and bytes as OSTree hashes them
    objects/ab/cdef….dirtree    and .dirmeta, .commit: metadata objects, as they are

So every member verifies itself with `sha256sum`. The bytes are a function of the objects
and their order alone: no time, no owner, no compression. Ends, as POSIX wants, with two
zero blocks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from apt2ostree.errors import UserError
from apt2ostree.ostree.objects import FileHeader, checksum, file_header

BLOCK = 512
SMALL = 1 << 20
"""Content up to this many bytes is gathered in memory and written in one go."""


def _template() -> bytearray:
    header = bytearray(BLOCK)
    header[100:108] = b"0000644\0"
    header[108:116] = header[116:124] = b"0000000\0"
    header[136:148] = b"00000000000\0"
    header[148:156] = b" " * 8
    header[156:157] = b"0"
    header[257:265] = b"ustar\00000"
    return header


_TEMPLATE = _template()


def object_path(name: str) -> str:
    """`CHECKSUM.TYPE` → `objects/ab/cdef….TYPE`."""
    return f"objects/{name[:2]}/{name[2:]}"


def _tar_header(name: str, size: int) -> bytes:
    header = _TEMPLATE[:]
    path = object_path(name).encode("ascii")
    header[: len(path)] = path
    if size < 1 << 33:
        header[124:136] = b"%011o\0" % size
    else:  # GNU's base-256, for sizes that eleven octal digits cannot hold
        header[124:136] = b"\x80" + size.to_bytes(11, "big")
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


class ObjectsWriter:
    """Writes an objects tar; each object once, in the order of the calls.

    Args:
        file: a new file, opened for reading and writing, seekable.
        known: `CHECKSUM.TYPE` of objects that other tars hold and this one need not.
    """

    def __init__(self, file: BinaryIO, known: Iterable[str] = ()) -> None:
        self._file = file
        self._written: set[str] = set(known)

    def add_file(self, header: FileHeader, size: int, content: Iterable[bytes]) -> str:
        """Add a content object and return its checksum.

        Args:
            header: metadata of the file or symlink.
            size: bytes of `content`.
            content: the bytes, streamed.
        """
        prefix = file_header(header)
        if size <= SMALL:
            data = b"".join([prefix, *content])
            name = checksum(data)
            self._add_whole(f"{name}.file", data)
            return name
        return self._add_stream(prefix, size, content)

    def add_metadata(self, type_: str, data: bytes) -> str:
        """Add a `dirtree`, `dirmeta` or `commit` object and return its checksum."""
        name = checksum(data)
        self._add_whole(f"{name}.{type_}", data)
        return name

    def close(self) -> None:
        """Write the end of the archive; the file stays open."""
        self._file.write(bytes(2 * BLOCK))

    def _add_whole(self, name: str, data: bytes) -> None:
        if name in self._written:
            return
        self._written.add(name)
        self._file.write(b"".join([_tar_header(name, len(data)), data, bytes(-len(data) % BLOCK)]))

    def _add_stream(self, prefix: bytes, size: int, content: Iterable[bytes]) -> str:
        """The name is the checksum, so the header is filled in when the content is through."""
        start = self._file.tell()
        digest = hashlib.sha256(prefix)
        self._file.write(bytes(BLOCK) + prefix)
        for chunk in content:
            digest.update(chunk)
            self._file.write(chunk)
        name = digest.hexdigest()
        total = len(prefix) + size
        self._file.write(bytes(-total % BLOCK))
        end = self._file.tell()
        self._file.seek(start)
        if f"{name}.file" in self._written:
            self._file.truncate()
            return name
        self._written.add(f"{name}.file")
        self._file.write(_tar_header(f"{name}.file", total))
        self._file.seek(end)
        return name


@dataclass(frozen=True)
class Location:
    """Where an object's bytes are in an objects tar.

    Attributes:
        path: the tar.
        offset: of the object's first byte.
        size: in bytes.
    """

    path: Path
    offset: int
    size: int


def index(path: Path) -> Iterator[tuple[str, Location]]:
    """Yield `CHECKSUM.TYPE` and the location of every object in a tar.

    Only headers are read. Contents are not verified here: whoever uses an object checks it
    against its name.

    Raises:
        UserError: not an objects tar, or truncated.
    """
    end_of_file = path.stat().st_size
    with path.open("rb", buffering=0) as file:
        offset = 0
        while True:
            file.seek(offset)
            header = file.read(BLOCK)
            if len(header) < BLOCK:
                raise UserError(f"{path}: truncated objects tar; build it again")
            if not header.strip(b"\0"):
                return
            name = header[:100].rstrip(b"\0").decode("ascii", "backslashreplace")
            size = _parse_size(header[124:136])
            parts = name.split("/")
            valid = len(parts) == 3 and parts[0] == "objects" and len(parts[1]) == 2
            if not valid or size is None or offset + BLOCK + size > end_of_file:
                raise UserError(
                    f"{path}: not an objects tar, or a truncated one, at byte {offset}; "
                    "build it again"
                )
            yield parts[1] + parts[2], Location(path, offset + BLOCK, size)
            offset += BLOCK + size + -size % BLOCK


def _parse_size(data: bytes) -> int | None:
    if data[0] == 0x80:
        return int.from_bytes(data[1:], "big")
    text = data.rstrip(b"\0 ")
    return int(text, 8) if text.isdigit() and not text.strip(b"01234567") else None
