"""What the sandbox cannot store: extended attributes and owners, recorded by inode.

With one uid mapped the kernel refuses ACLs that name groups, trusted and security
attributes, and owners. The calls are answered here as if they had worked, and what they
were to set is kept; reading gives it back. Attributes in the name space `user.` are left to
the kernel.

Each recorded inode is held, so that its number cannot come to name another file: `keeper.py`.
Sources: xattr(7), setxattr(2), getxattr(2), listxattr(2), chown(2).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field

from apt2ostree.sandbox import acl, caller, creator, groups, seccomp
from apt2ostree.sandbox.creator import Owner
from apt2ostree.sandbox.keeper import Keeper
from apt2ostree.sandbox.seccomp import Call
from apt2ostree.sandbox.tree import link

_XATTR_CREATE = 1
_XATTR_REPLACE = 2
_AT_SYMLINK_NOFOLLOW = 0x100
_AT_EMPTY_PATH = 0x1000
_NAME_MAX = 255
_VALUE_MAX = 1 << 16

Inode = tuple[int, int]
"""(device, inode number), as stat(2) gives them."""


@dataclass
class Record:
    """What was set on an inode.

    Attributes:
        xattrs: name → value.
        uid: owner set by a program outside fakeroot's reach, or `None`.
        gid: group, likewise.
        acl_mode: the mode that setting an access ACL gave the file, or `None`.
    """

    xattrs: dict[str, bytes] = field(default_factory=dict)
    uid: int | None = None
    gid: int | None = None
    acl_mode: int | None = None


class Recorder:
    """Answers the intercepted calls; see the module's description.

    Args:
        known: the attributes that files have to begin with.
        keeper: holds the inodes of the others.
    """

    def __init__(self, known: Mapping[Inode, Mapping[str, bytes]], keeper: Keeper) -> None:
        self._records: dict[Inode, Record] = {
            inode: Record(xattrs=dict(xattrs)) for inode, xattrs in known.items()
        }
        self._groups = groups.Groups()
        self._keeper = keeper

    def records(self) -> Mapping[Inode, Record]:
        """What is recorded."""
        return self._records

    def serve(self, listener: int) -> None:
        """Receive one call and answer it."""
        try:
            call = seccomp.receive(listener)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                return
            raise
        try:
            try:
                result = self._handle(listener, call)
            except OSError as error:
                result = -(error.errno or errno.EIO)
            if result is None:
                seccomp.let_continue(listener, call)
            else:
                seccomp.answer(listener, call, result)
        except OSError as error:
            if error.errno != errno.ENOENT:  # the caller is gone
                raise
        finally:
            os.close(call.process)

    def _handle(self, listener: int, call: Call) -> int | None:
        if call.name in seccomp.CREATING:
            return creator.handle(listener, call, self._note_creator)
        if call.name in groups.CALLS:
            return self._groups.handle(call)
        if call.name.endswith("xattr"):
            return self._handle_xattr(call)
        return self._handle_chown(call)

    def _handle_xattr(self, call: Call) -> int | None:
        verb = call.name[1:] if call.name[0] in "lf" and call.name[1:] in _VERBS else call.name
        name = ""
        if verb != "listxattr":
            raw = caller.read_string(call, call.arguments[1], _NAME_MAX + 1)
            name = raw.decode("utf-8", "surrogateescape")
            if name.startswith("user."):
                return None
        target = self._open_target(call)
        try:
            if verb == "setxattr":
                return self._set(target, name, call)
            if verb == "removexattr":
                return self._remove(target, name)
            if verb == "getxattr":
                record = self._records.get(_inode(target))
                if record is None or name not in record.xattrs:
                    return -errno.ENODATA
                return caller.give(call, 2, record.xattrs[name])
            return self._list(target, call)
        finally:
            os.close(target)

    def _set(self, target: int, name: str, call: Call) -> int:
        size, flags = call.arguments[3], call.arguments[4]
        if size > _VALUE_MAX:
            return -errno.E2BIG
        value = caller.read(call, call.arguments[2], size)
        if name == acl.ACCESS:
            if not _is_acl(value):
                return -errno.EINVAL
            known = self._records.get(_inode(target))
            if acl.is_minimal(value) and not (known and name in known.xattrs):
                # As on a file system without ACLs, where programs (cp -p) call chmod(2), which
                # fakeroot sees.
                return -errno.EOPNOTSUPP
        record = self._record(target)
        if flags & _XATTR_CREATE and name in record.xattrs:
            return -errno.EEXIST
        if flags & _XATTR_REPLACE and name not in record.xattrs:
            return -errno.ENODATA
        record.xattrs[name] = value
        if name == acl.ACCESS:
            record.acl_mode = acl.apply_to_mode(os.fstat(target).st_mode, {name: value})
            os.chmod(link(target), stat.S_IMODE(record.acl_mode))
        return 0

    def _remove(self, target: int, name: str) -> int:
        record = self._records.get(_inode(target))
        if record is None or record.xattrs.pop(name, None) is None:
            return -errno.ENODATA
        return 0

    def _list(self, target: int, call: Call) -> int | None:
        record = self._records.get(_inode(target))
        if record is None or not record.xattrs:
            return None
        names = set(record.xattrs)
        names.update(name for name in os.listxattr(link(target)) if name.startswith("user."))
        data = b"".join(name.encode("utf-8", "surrogateescape") + b"\0" for name in sorted(names))
        return caller.give(call, 1, data)

    def _handle_chown(self, call: Call) -> int:
        first = 2 if call.name == "fchownat" else 1
        uid, gid = (argument & 0xFFFF_FFFF for argument in call.arguments[first : first + 2])
        target = self._open_target(call)
        try:
            record = self._record(target)
        finally:
            os.close(target)
        if uid != 0xFFFF_FFFF:
            record.uid = uid
        if gid != 0xFFFF_FFFF:
            record.gid = gid
        return 0

    def _note_creator(self, made: int, owner: Owner) -> None:
        if stat.S_ISLNK(os.fstat(made).st_mode):  # can hold no attribute
            record = self._record(made)
            record.uid, record.gid = owner.uid, owner.gid
        else:
            creator.note(made, owner)

    def _record(self, target: int) -> Record:
        inode = _inode(target)
        record = self._records.get(inode)
        if record is None:
            self._keeper.hold(target)
            record = self._records[inode] = Record()
        return record

    def _open_target(self, call: Call) -> int:
        """A descriptor (O_PATH) of the file that a call is about."""
        if call.name in ("fchown", "fsetxattr", "fgetxattr", "flistxattr", "fremovexattr"):
            return caller.open_descriptor(call, call.arguments[0])
        follow = call.name[0] != "l" or call.name == "listxattr"
        directory = caller.AT_FDCWD
        path_at = 0
        if call.name == "fchownat":
            directory = caller.signed(call.arguments[0])
            path_at = 1
            flags = call.arguments[4]
            follow = not flags & _AT_SYMLINK_NOFOLLOW
            if flags & _AT_EMPTY_PATH and not caller.read_string(
                call, call.arguments[1], caller.PATH_MAX
            ):
                return caller.open_descriptor(call, directory)
        path = caller.read_string(call, call.arguments[path_at], caller.PATH_MAX)
        return caller.open_path(call, directory, path, follow)


def _is_acl(value: bytes) -> bool:
    return len(value) > 4 and len(value) % 8 == 4


_VERBS = ("setxattr", "getxattr", "listxattr", "removexattr")


def _inode(descriptor: int) -> Inode:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
