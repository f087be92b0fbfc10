"""A streaming reader of tar archives, for what dpkg and libarchive write and read.

Formats: v7, ustar (POSIX.1-1988), GNU (long names and links, base-256 numbers) and pax
(POSIX.1-2001, with SCHILY.xattr. records). Sources: tar(5) of libarchive, deb(5).

Names are decoded as UTF-8 with surrogate escapes, so that any bytes survive.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from apt2ostree.errors import UserError

BLOCK = 512
MAX_EXTENSION = 1 << 20
"""Bytes that a long name or a pax header may have; real ones have a few hundred."""

MAX_OWNER = 0xFFFFFFFE
"""The highest uid or gid; the number after it means "none" (chown(2))."""
MAX_XATTR_NAME = 255
MAX_XATTRS = 1 << 16
"""Bytes of all extended attributes of a file: what Linux allows for one (xattr(7))."""

_HEADER = struct.Struct("100s 8s 8s 8s 12s 12s 8s c 100s 6s 2s 32s 32s 8s 8s 155s 12x")
_NO_XATTRS: Mapping[str, bytes] = {}
_XATTR_RECORD = "SCHILY.xattr."
_TYPES = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "character device",
    b"4": "block device",
    b"5": "directory",
    b"6": "fifo",
}


@dataclass(frozen=True)
class Member:
    """One entry of a tar archive.

    Attributes:
        name: the path as stored, `./usr/bin/x` or `usr/bin/x`; directories keep no slash.
        type: `file`, `directory`, `symlink`, `hardlink`, `character device`,
            `block device` or `fifo`.
        mode: permission bits, with setuid, setgid and sticky.
        uid: numeric owner; names are ignored, as `ostree commit --tree=tar=` does.
        gid: numeric group.
        size: bytes of content; 0 for everything but a file.
        target: what a symlink or a hard link points to.
        device: (major, minor) of a device node.
        xattrs: extended attributes by full name.
    """

    name: str
    type: str
    mode: int
    uid: int
    gid: int
    size: int
    target: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: Mapping[str, bytes] = field(default_factory=lambda: _NO_XATTRS)


class TarReader:
    """Iterates over an archive; `content()` streams the current file.

    Args:
        chunks: the archive's bytes, in order.

    Raises:
        UserError: from iteration and from `content()`: a malformed or truncated archive,
            or a member type that a package may not have.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = b""
        self._position = 0
        self._content_left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[Member]:
        """Yield every member, skipping what is left of the one before."""
        long_name: str | None = None
        long_target: str | None = None
        pax: dict[str, bytes] = {}
        global_pax: dict[str, bytes] = {}
        while True:
            self._skip_content()
            header = self._read(BLOCK, "a header")
            if header is None or not header.strip(b"\0"):
                return
            kind = header[156:157]
            fields = _parse_header(header)
            size = _number(fields[4], "size")
            if kind in (b"L", b"K", b"x", b"g"):
                data = self._extension(size)
                if kind == b"L":
                    long_name = _text(data.rstrip(b"\0"))
                elif kind == b"K":
                    long_target = _text(data.rstrip(b"\0"))
                elif kind == b"x":
                    pax = _pax_records(data)
                else:
                    global_pax.update(_pax_records(data))
                continue
            member = _member(fields, kind, size, long_name, long_target, {**global_pax, **pax})
            long_name = long_target = None
            pax = {}
            self._content_left = member.size
            self._padding = -member.size % BLOCK
            yield member

    def content(self) -> Iterator[bytes]:
        """Yield the current file's content in chunks."""
        while self._content_left:
            data = self._some(self._content_left)
            self._content_left -= len(data)
            yield data

    def _skip_content(self) -> None:
        for _ in self.content():
            pass
        self._content_left = self._padding
        self._padding = 0
        for _ in self.content():
            pass

    def _extension(self, size: int) -> bytes:
        if size > MAX_EXTENSION:
            raise UserError(f"broken tar: an extended header claims {size} bytes")
        data = self._read(size, "an extended header")
        if data is None and size:
            raise UserError("truncated: the tar archive ends inside an extended header")
        self._content_left = -size % BLOCK
        return data or b""

    def _some(self, limit: int) -> bytes:
        """Return 1 to `limit` bytes."""
        if self._position == len(self._buffer):
            self._buffer = next(self._chunks, b"")
            self._position = 0
            if not self._buffer:
                raise UserError("truncated: the tar archive ends inside a file")
        if self._position == 0 and len(self._buffer) <= limit:
            self._position = len(self._buffer)
            return self._buffer
        data = self._buffer[self._position : self._position + limit]
        self._position += len(data)
        return data

    def _read(self, size: int, what: str) -> bytes | None:
        """Return exactly `size` bytes, or `None` at a clean end."""
        end = self._position + size
        if end <= len(self._buffer):
            data = self._buffer[self._position : end]
            self._position = end
            return data
        parts = [self._buffer[self._position :]]
        have = len(parts[0])
        self._buffer, self._position = b"", 0
        while have < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                if have:
                    raise UserError(f"truncated: the tar archive ends inside {what}")
                return None
            parts.append(chunk)
            have += len(chunk)
        joined = b"".join(parts)
        self._buffer, self._position = joined, size
        return joined[:size]


def _parse_header(header: bytes) -> tuple[bytes, ...]:
    """Split a header block into its fields, after checking its checksum."""
    stored = _number(header[148:156], "checksum")
    if stored != sum(header) - sum(header[148:156]) + 8 * 32:
        raise UserError("broken tar: a header's checksum is wrong; download the package again")
    fields: tuple[bytes, ...] = _HEADER.unpack(header)
    return fields


def _member(
    fields: tuple[bytes, ...],
    kind: bytes,
    size: int,
    long_name: str | None,
    long_target: str | None,
    pax: Mapping[str, bytes],
) -> Member:
    """Put a header and the extensions before it together."""
    name = long_name if long_name is not None else _name(fields)
    target = long_target if long_target is not None else _text(_c_string(fields[8]))
    name = _text(pax["path"]) if "path" in pax else name
    target = _text(pax["linkpath"]) if "linkpath" in pax else target
    if kind == b"S" or any(key.startswith("GNU.sparse.") for key in pax):
        raise UserError(
            f"{_text(pax.get('GNU.sparse.name', b'')) or name}: stored as a sparse file, which is "
            "not supported (nor by dpkg); pack the archive again without tar's --sparse"
        )
    type_ = _TYPES.get(kind)
    if type_ is None:
        raise UserError(
            f"{name}: tar member type {kind.decode('latin-1')!r} is not one that a package "
            "may hold (files, directories, links, devices, fifos)"
        )
    if type_ == "file" and name.endswith("/"):
        type_ = "directory"  # as v7 archives mark them
    size = _pax_number(pax, "size", size)
    return Member(
        name=name.rstrip("/") or name[:1],
        type=type_,
        mode=_number(fields[1], "mode") & 0o7777,
        uid=_owner(_pax_number(pax, "uid", _number(fields[2], "uid"))),
        gid=_owner(_pax_number(pax, "gid", _number(fields[3], "gid"))),
        size=size if type_ == "file" else 0,
        target=target if type_ in ("symlink", "hardlink") else "",
        device=(_number(fields[13], "device"), _number(fields[14], "device"))
        if type_.endswith("device")
        else (0, 0),
        xattrs=_xattrs(pax) if pax else _NO_XATTRS,
    )


def _name(fields: tuple[bytes, ...]) -> str:
    """The name of a header, with ustar's prefix where the magic is POSIX's, not GNU's."""
    name = _c_string(fields[0])
    prefix = _c_string(fields[15]) if fields[9] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name)


def _xattrs(pax: Mapping[str, bytes]) -> Mapping[str, bytes]:
    xattrs = {
        key[len(_XATTR_RECORD) :]: value
        for key, value in pax.items()
        if key.startswith(_XATTR_RECORD)
    }
    for name in xattrs:
        if not 0 < len(name) <= MAX_XATTR_NAME or "\0" in name:
            raise UserError(f"broken tar: {name[:40]!a} is no name of an extended attribute")
    if sum(len(value) for value in xattrs.values()) > MAX_XATTRS:
        raise UserError(f"extended attributes of more than {MAX_XATTRS} bytes")
    return xattrs


def _c_string(data: bytes) -> bytes:
    return data.split(b"\0", 1)[0]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _number(data: bytes, what: str) -> int:
    """A header's number: octal text, or GNU's base-256 where the top bit is set."""
    if data[:1] and data[0] & 0x80:
        if data[0] == 0xFF:
            raise UserError(f"broken tar: negative {what} in a header")
        return int.from_bytes(bytes([data[0] & 0x7F]) + data[1:], "big")
    text = data.strip(b" \0")
    if text.strip(b"01234567"):
        raise UserError(f"broken tar: {what} {text!r} in a header is no octal number")
    return int(text, 8) if text else 0


def _pax_number(pax: Mapping[str, bytes], key: str, default: int) -> int:
    if key not in pax:
        return default
    if not pax[key].isdigit() or len(pax[key]) > 20:
        raise UserError(f"broken tar: {key} {pax[key][:40]!r} in a pax header is no number")
    return int(pax[key])


def _owner(number: int) -> int:
    if number > MAX_OWNER:
        raise UserError(f"broken tar: owner {number}, and Linux has none above {MAX_OWNER}")
    return number


def _pax_records(data: bytes) -> dict[str, bytes]:
    """Parse `LENGTH KEY=VALUE\\n` records (POSIX.1-2001, pax)."""
    records: dict[str, bytes] = {}
    position = 0
    while position < len(data) and data[position] != 0:
        space = data.find(b" ", position, position + 20)
        length_field = data[position:space]
        if space < 0 or not length_field.isdigit():
            raise UserError("broken tar: a pax record without a length")
        end = position + int(length_field)
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not equals or end > len(data) or data[end - 1 : end] != b"\n" or end <= space:
            raise UserError("broken tar: a malformed pax record")
        records[_text(key)] = value
        position = end
    return records
