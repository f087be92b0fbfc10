"""OSTree's object formats, serialised and parsed without libostree.

    content (`.file`)  header (uuuusa(ayay)): uid, gid, mode, rdev, symlink target, xattrs;
                       its checksum is that of the size-prefixed header and the content
    .dirtree           (a(say)a(sayay)): files with checksums, directories with the checksums
                       of their dirtree and dirmeta
    .dirmeta           (uuua(ayay)): uid, gid, mode, xattrs
    .commit            (a{sv}aya(say)sstayay): metadata, parent, related, subject, body, time,
                       root dirtree, root dirmeta

Numbers are big-endian; the checksum is SHA-256. Source: ostree-core.h of libostree.
"""

from __future__ import annotations

import hashlib
import stat
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apt2ostree.errors import UserError
from apt2ostree.ostree import gvariant

_FILE_FIELDS = struct.Struct(">IIII")
_DIR_FIELDS = struct.Struct(">III")
_HEADER_SIZE = struct.Struct(">II")
_NO_XATTRS: Mapping[str, bytes] = {}
_BYTES = [bytes([value]) for value in range(256)]
_ONE_BYTE_OFFSET = 256 - 1 - 32
"""A name, its NUL included, shorter than this has a framing offset of one byte."""


@dataclass(frozen=True)
class FileHeader:
    """What OSTree knows of a file or symlink besides its content.

    Attributes:
        uid: numeric owner.
        gid: numeric group.
        mode: type and permissions, as in `st_mode`.
        target: of a symlink; empty for a file.
        xattrs: extended attributes by full name.
    """

    uid: int
    gid: int
    mode: int
    target: str = ""
    xattrs: Mapping[str, bytes] = field(default_factory=lambda: _NO_XATTRS)

    @property
    def is_symlink(self) -> bool:
        """Whether this is a symlink, which has no content."""
        return stat.S_ISLNK(self.mode)


def file_header(header: FileHeader) -> bytes:
    """Serialise what precedes the content in a content object's stream, size prefix included."""
    fixed = _FILE_FIELDS.pack(header.uid, header.gid, header.mode, 0)
    data = gvariant.tuple_after(
        fixed, [gvariant.string(header.target), gvariant.xattrs(header.xattrs)]
    )
    return _HEADER_SIZE.pack(len(data), 0) + data


def archive_header(header: FileHeader, size: int) -> bytes:
    """Serialise what precedes the deflated content in a `.filez` object of an archive repo.

    Args:
        header: the file's metadata.
        size: bytes of the content, not compressed.
    """
    fixed = struct.pack(">Q", size) + _FILE_FIELDS.pack(header.uid, header.gid, header.mode, 0)
    data = gvariant.tuple_after(
        fixed, [gvariant.string(header.target), gvariant.xattrs(header.xattrs)]
    )
    # The tuple's alignment is 8 (its first member is a `t`) and it ends variable-sized,
    # so there is nothing to pad.
    return _HEADER_SIZE.pack(len(data), 0) + data


def parse_archive_header(data: bytes) -> tuple[FileHeader, int, int]:
    """Parse the start of a `.filez` object.

    Returns:
        The header, the size of the content when inflated, and where the deflated content starts.

    Raises:
        UserError: malformed.
    """
    end = header_size(data)
    body = data[8:end]
    start = 8 + _FILE_FIELDS.size
    if len(data) < end or len(body) < start + 1:
        raise UserError("broken OSTree object: the file header is cut off")
    uid, gid, mode, _rdev = _FILE_FIELDS.unpack_from(body, 8)
    target, attributes = gvariant.parse_tuple(body, 2, start=start)
    header = FileHeader(uid, gid, mode, _parse_string(target), parse_xattrs(attributes))
    return header, int.from_bytes(body[:8], "big"), end


def parse_file_header(data: bytes) -> tuple[FileHeader, int]:
    """Parse the start of a content object's stream; return its header and where content starts.

    Args:
        data: at least the header; `header_size` says how much that is.

    Raises:
        UserError: malformed.
    """
    end = header_size(data)
    body = data[8:end]
    if len(data) < end or len(body) < 17:
        raise UserError("broken OSTree object: the file header is cut off")
    uid, gid, mode, _rdev = _FILE_FIELDS.unpack_from(body)
    target, attributes = gvariant.parse_tuple(body, 2, start=_FILE_FIELDS.size)
    header = FileHeader(uid, gid, mode, _parse_string(target), parse_xattrs(attributes))
    return header, end


def header_size(data: bytes) -> int:
    """Bytes from the start of a content object's stream to its content."""
    if len(data) < 8:
        raise UserError("broken OSTree object: the file header is cut off")
    size, zero = _HEADER_SIZE.unpack_from(data)
    if zero:
        raise UserError("broken OSTree object: the file header is malformed")
    return int(size) + 8


def dirmeta(uid: int, gid: int, mode: int, xattrs: Mapping[str, bytes] = _NO_XATTRS) -> bytes:
    """Serialise a directory's metadata; `mode` has permission bits, the type is added."""
    fixed = _DIR_FIELDS.pack(uid, gid, stat.S_IFDIR | mode)
    return fixed + gvariant.xattrs(xattrs)


def parse_dirmeta(data: bytes) -> FileHeader:
    """Parse a dirmeta object."""
    if len(data) < _DIR_FIELDS.size:
        raise UserError("broken OSTree object: the dirmeta is cut off")
    uid, gid, mode = _DIR_FIELDS.unpack_from(data)
    return FileHeader(uid, gid, mode, xattrs=parse_xattrs(data[_DIR_FIELDS.size :]))


def dirtree(files: Sequence[tuple[str, str]], directories: Sequence[tuple[str, str, str]]) -> bytes:
    """Serialise a directory.

    Args:
        files: (name, checksum in hexadecimal) of files and symlinks, in any order.
        directories: (name, dirtree checksum, dirmeta checksum), in any order.

    Raises:
        UserError: a name that is not UTF-8, or none that a file may have.
    """
    # UTF-8 sorts by bytes as it does by code points, which is what str compares.
    file_items = [_file_item(name, checksum) for name, checksum in sorted(files)]
    directory_items = [
        gvariant.tuple_([_name(name), bytes.fromhex(tree), bytes.fromhex(meta)])
        for name, tree, meta in sorted(directories)
    ]
    return gvariant.tuple_([gvariant.array(file_items), gvariant.array(directory_items)])


def _file_item(name: str, checksum: str) -> bytes:
    """A `(say)`: `gvariant.tuple_` spelled out, because an image has one per file."""
    data = _name(name)
    end = len(data)
    item = data + bytes.fromhex(checksum)
    return item + (_BYTES[end] if end < _ONE_BYTE_OFFSET else gvariant.frame(end + 32, [end]))


def parse_dirtree(data: bytes) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    """Parse a dirtree object into (files, directories), as `dirtree` takes them."""
    file_items, directory_items = gvariant.parse_tuple(data, 2)
    files = []
    for item in gvariant.parse_array(file_items):
        name, checksum = gvariant.parse_tuple(item, 2)
        files.append((_parse_name(name), checksum.hex()))
    directories = []
    for item in gvariant.parse_array(directory_items):
        name, tree, meta = gvariant.parse_tuple(item, 3)
        directories.append((_parse_name(name), tree.hex(), meta.hex()))
    return files, directories


@dataclass(frozen=True)
class Commit:
    """A commit.

    Attributes:
        dirtree: checksum of the root directory.
        dirmeta: checksum of the root directory's metadata.
        timestamp: seconds since 1970.
        subject: one line.
        body: more lines, or empty.
        parent: checksum of the commit before, or empty.
        metadata: key → (GVariant type, serialised value).
    """

    dirtree: str
    dirmeta: str
    timestamp: int = 0
    subject: str = ""
    body: str = ""
    parent: str = ""
    metadata: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)

    def serialize(self) -> bytes:
        """Return the commit object."""
        metadata = gvariant.dictionary(self.metadata)
        parent = bytes.fromhex(self.parent)
        subject = gvariant.string(self.subject)
        body = gvariant.string(self.body)
        start = metadata + parent + subject + body
        ends = [
            len(metadata),
            len(metadata) + len(parent),
            len(metadata) + len(parent),  # `related` is always empty
            len(metadata) + len(parent) + len(subject),
            len(start),
        ]
        start += b"\0" * (-len(start) % 8) + struct.pack(">Q", self.timestamp)
        start += bytes.fromhex(self.dirtree)
        ends.append(len(start))
        start += bytes.fromhex(self.dirmeta)
        return start + gvariant.frame(len(start), ends[::-1])


def parse_commit(data: bytes) -> Commit:
    """Parse a commit object; its metadata is left out."""
    ends = gvariant.parse_frame(data, 6)
    metadata_end, parent_end, related_end, subject_end, body_end, tree_end = ends
    time_at = body_end + -body_end % 8
    meta_end = len(data) - 6 * gvariant.read_offset_size(len(data))
    if time_at + 8 > tree_end:
        raise UserError("broken OSTree object: the commit's framing offsets are malformed")
    return Commit(
        dirtree=data[time_at + 8 : tree_end].hex(),
        dirmeta=data[tree_end:meta_end].hex(),
        timestamp=int.from_bytes(data[time_at : time_at + 8], "big"),
        subject=_parse_string(data[related_end:subject_end]),
        body=_parse_string(data[subject_end:body_end]),
        parent=data[metadata_end:parent_end].hex(),
    )


def parse_xattrs(data: bytes) -> Mapping[str, bytes]:
    """Parse `a(ayay)` into name → value."""
    attributes = {}
    for item in gvariant.parse_array(data):
        name, value = gvariant.parse_tuple(item, 2)
        attributes[name.rstrip(b"\0").decode("utf-8", "surrogateescape")] = value
    return attributes


def checksum(data: bytes) -> str:
    """SHA-256 in hexadecimal: the name of a metadata object."""
    return hashlib.sha256(data).hexdigest()


def _parse_string(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "surrogateescape")


def _name(name: str) -> bytes:
    """A file name for a dirtree."""
    if not _is_name(name):
        raise UserError(f"{name!a} is no file name")
    return gvariant.string(name)


def _parse_name(data: bytes) -> str:
    """A file name out of a dirtree."""
    name = _parse_string(data)
    if not _is_name(name):
        raise UserError(f"broken OSTree object: {name!a} is no file name")
    return name


def _is_name(name: str) -> bool:
    """Whether it names a file in a directory: hostile names must not lead out of it."""
    return bool(name) and "/" not in name and name != "." and name != ".."
