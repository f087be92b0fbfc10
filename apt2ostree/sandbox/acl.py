"""POSIX ACLs as extended attributes, and what they mean for a file's mode.

The value is a version (2) and entries of tag, permissions and id, little-endian. The group
bits of the mode are the ACL's mask, and an ACL that says no more than a mode is not stored.
Sources: acl(5), the kernel's `linux/posix_acl_xattr.h`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

ACCESS = "system.posix_acl_access"
DEFAULT = "system.posix_acl_default"
_USER_OBJ, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x04, 0x10, 0x20
_MINIMAL = {_USER_OBJ, _GROUP_OBJ, _OTHER}
_ENTRY = struct.Struct("<HHI")
_HEADER = 4


def apply_to_mode(mode: int, xattrs: Mapping[str, bytes]) -> int:
    """The mode that a file has once the access ACL in `xattrs` is set on it."""
    value = xattrs.get(ACCESS)
    if value is None:
        return mode
    permissions = dict(_entries(value))
    group = permissions.get(_MASK, permissions.get(_GROUP_OBJ, mode >> 3 & 7))
    owner = permissions.get(_USER_OBJ, mode >> 6 & 7)
    other = permissions.get(_OTHER, mode & 7)
    return mode & ~0o777 | owner << 6 | group << 3 | other


def after_chmod(value: bytes, mode: int) -> bytes:
    """The access ACL once chmod(2) has set `mode` on its file: the mask has the group's bits."""
    new = {_USER_OBJ: mode >> 6 & 7, _MASK: mode >> 3 & 7, _OTHER: mode & 7}
    entries = [
        _ENTRY.pack(tag, new.get(tag, permissions), id_)
        for tag, permissions, id_ in _ENTRY.iter_unpack(value[_HEADER:])
    ]
    return value[:_HEADER] + b"".join(entries)


def is_minimal(value: bytes) -> bool:
    """Whether an access ACL says no more than a mode does."""
    return {tag for tag, _ in _entries(value)} <= _MINIMAL


def without_trivial(xattrs: Mapping[str, bytes]) -> dict[str, bytes]:
    """Leave out the ACLs that the kernel would not store."""
    return {
        name: value
        for name, value in xattrs.items()
        if not (name == ACCESS and is_minimal(value))
        and not (name == DEFAULT and not list(_entries(value)))
    }


def _entries(value: bytes) -> Iterator[tuple[int, int]]:
    """(tag, permissions) of each entry; named users and groups among them."""
    for at in range(_HEADER, len(value) - _ENTRY.size + 1, _ENTRY.size):
        tag, permissions, _ = _ENTRY.unpack_from(value, at)
        yield tag, permissions & 7
