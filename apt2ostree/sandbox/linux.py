"""System calls of Linux that Python 3.9 has no function for.

Constants are those of the kernel's headers (`linux/sched.h`, `linux/mount.h`,
`linux/openat2.h`, `linux/prctl.h`). System calls from 424 on have one number everywhere.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x4_0000
MNT_DETACH = 0x2

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_IN_ROOT = 0x10

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_OPENAT2 = 437
_MOUNT_SETATTR = 442
_MOUNT_ATTR_RDONLY = 0x1
_AT_FDCWD = -100
_KEYCTL_JOIN_SESSION_KEYRING = 1

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """unshare(2): move the calling process into new namespaces."""
    _check(_libc.unshare(flags), None)


def mount(source: str, target: str, type_: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        type_.encode("ascii") or None,
        ctypes.c_ulong(flags),
        os.fsencode(data) or None,
    )
    _check(result, target)


def umount(target: str, flags: int = 0) -> None:
    """umount2(2)."""
    _check(_libc.umount2(os.fsencode(target), flags), target)


def pivot_root(new_root: str, put_old: str) -> None:
    """pivot_root(2)."""
    _check(_libc.pivot_root(os.fsencode(new_root), os.fsencode(put_old)), new_root)


def die_with_parent(signal: int) -> None:
    """prctl(2), PR_SET_PDEATHSIG: get `signal` when the parent ends, however it ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal), 0, 0, 0), None)


def forbid_tracing() -> None:
    """prctl(2), PR_SET_DUMPABLE: nobody but the machine's root may look into this process."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(0), 0, 0, 0), None)


def join_new_keyring(keyctl: int) -> None:
    """keyctl(2), KEYCTL_JOIN_SESSION_KEYRING: give up the caller's session keyring.

    Args:
        keyctl: the system call's number on this machine.
    """
    try:
        syscall(keyctl, _KEYCTL_JOIN_SESSION_KEYRING, None)
    except OSError as error:
        if error.errno != errno.ENOSYS:  # a kernel without keys
            raise


def set_read_only(target: str) -> None:
    """mount_setattr(2), MOUNT_ATTR_RDONLY: nobody can write through this mount any more."""
    attributes = struct.pack("=QQQQ", _MOUNT_ATTR_RDONLY, 0, 0, 0)
    result = _libc.syscall(
        _MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), 0, attributes, len(attributes)
    )
    _check(result, target)


def open_in_root(
    root: int, path: bytes, flags: int, mode: int = 0, resolve: int = RESOLVE_IN_ROOT
) -> int:
    """openat2(2): open a path as a process whose root is `root` would.

    Args:
        root: a descriptor of a directory.
        path: absolute or relative to the root; its symlinks do not lead out.
        flags: of open(2).
        mode: of what is made.
        resolve: RESOLVE_*: how the path is followed.
    """
    how = struct.pack("=QQQ", flags, mode, resolve)
    while True:
        descriptor: int = _libc.syscall(_OPENAT2, root, path, how, len(how))
        # Something was renamed meanwhile, and the kernel cannot tell whether `..` led out.
        if descriptor != -1 or ctypes.get_errno() != errno.EAGAIN:
            break
    _check(descriptor, path)
    return descriptor


def syscall(number: int, *arguments: object) -> int:
    """syscall(2): -1 becomes an `OSError`."""
    result: int = _libc.syscall(number, *arguments)
    _check(result, None)
    return result


def _check(result: int, path: str | bytes | None) -> None:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
