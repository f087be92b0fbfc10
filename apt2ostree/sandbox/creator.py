"""Who makes a file: calls that create one are carried out here for users other than root.

Within the sandbox all is done by one real user, and fakeroot only remembers whom a file was
given to, not who made it. A process that has switched its user passes that on, from fakeroot,
in its environment: FAKEROOTFUID and FAKEROOTFGID. For such a process the file is made here,
in its stead and its directories, and the owner noted in an extended attribute of the file,
where it follows every rename. Not noticed is what a process makes between switching its user
and executing another program. Sources: open(2), mkdir(2), symlink(2), seccomp_unotify(2),
credentials(7), and libfakeroot's environment as a process under it shows it.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from apt2ostree.sandbox import caller, seccomp
from apt2ostree.sandbox.seccomp import Call
from apt2ostree.sandbox.tree import link

ATTRIBUTE = "user.apt2ostree.creator"
"""`UID:GID` of who made the file."""
_UID = re.compile(rb"\0FAKEROOTFUID=(\d{1,10})(?:\0|\Z)")
_GID = re.compile(rb"\0FAKEROOTFGID=(\d{1,10})(?:\0|\Z)")
_NUMBER = re.compile(rb"\d{1,10}")
MAX_ID = 2**32 - 2
"""The greatest uid and gid: credentials(7); the next means none."""
_ENVIRONMENT_MAX = 1 << 18
_UMASK = re.compile(r"^Umask:\s*([0-7]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Owner:
    """Who makes a file.

    Attributes:
        uid: numeric user.
        gid: numeric group.
    """

    uid: int
    gid: int


@dataclass(frozen=True)
class _Request:
    """What a call asks for.

    Attributes:
        directory: descriptor that `path` is relative to.
        path: as the process gave it.
        flags: of open(2).
        mode: likewise.
        target: of a symlink.
    """

    directory: int
    path: bytes
    flags: int = 0
    mode: int = 0
    target: bytes = b""


def handle(listener: int, call: Call, note_creator: Callable[[int, Owner], None]) -> int | None:
    """Make the file that a call is to make, if its process is not root's.

    Args:
        listener: where the call waits.
        call: one of `seccomp.CREATING`.
        note_creator: gets a descriptor of what was made, and who made it.

    Returns:
        What the call returns; `None` if the kernel is to carry it out, which also finds what is
        wrong with it.

    Raises:
        OSError: the process is gone, or has too many files open.
    """
    owner = owner_of(call)
    if owner is None:
        return None
    try:
        request = _request(call)
        above, _, name = request.path.rpartition(b"/")
        if name in (b"", b".", b"..") or request.flags & os.O_DIRECTORY:
            return None
        place = above or (b"/" if request.path.startswith(b"/") else b".")
        parent = caller.open_path(call, request.directory, place, True)
    except OSError:
        return None
    try:
        with _umask(0):
            made = _make(call, request, name, parent)
    except OSError:
        return None
    finally:
        os.close(parent)
    try:
        note_creator(made, owner)
        if not call.name.startswith(("open", "creat")):
            return 0
        return seccomp.add_descriptor(listener, call, made, bool(request.flags & os.O_CLOEXEC))
    finally:
        os.close(made)


def owner_of(call: Call) -> Owner | None:
    """The user that a process was executed as under fakeroot; `None` for root."""
    # Asked for every file that is made: no more than has to be is done.
    try:
        descriptor = os.open("environ", os.O_RDONLY | os.O_CLOEXEC, dir_fd=call.process)
    except OSError:
        return None
    try:
        environment = b"\0" + os.read(descriptor, _ENVIRONMENT_MAX)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    if b"\0FAKEROOTF" not in environment:
        return None
    uid, gid = _UID.search(environment), _GID.search(environment)
    if not uid and not gid:
        return None
    return _owner(uid[1] if uid else b"0", gid[1] if gid else b"0")


def read_note(made: int) -> Owner | None:
    """Who made a file or directory, a descriptor of which is given, if it was not root."""
    try:
        uid, _, gid = os.getxattr(link(made), ATTRIBUTE).partition(b":")
    except OSError:
        return None
    return _owner(uid, gid)


def _owner(uid: bytes, gid: bytes) -> Owner | None:
    """The owner of these numbers; `None` if they are no users' and groups'."""
    if not (_NUMBER.fullmatch(uid) and _NUMBER.fullmatch(gid)):
        return None
    if max(int(uid), int(gid)) > MAX_ID:
        return None
    return Owner(int(uid), int(gid))


def note(made: int, owner: Owner) -> None:
    """Note on a file or directory who made it."""
    value = f"{owner.uid}:{owner.gid}".encode("ascii")
    os.setxattr(link(made), ATTRIBUTE, value)


def _request(call: Call) -> _Request:
    arguments = call.arguments
    string = caller.read_path
    if call.name == "open":
        return _Request(caller.AT_FDCWD, string(call, 0), arguments[1], arguments[2])
    if call.name == "creat":
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
        return _Request(caller.AT_FDCWD, string(call, 0), flags, arguments[1])
    directory = caller.signed(arguments[0])
    if call.name == "openat":
        return _Request(directory, string(call, 1), arguments[2], arguments[3])
    if call.name == "mkdir":
        return _Request(caller.AT_FDCWD, string(call, 0).rstrip(b"/"), mode=arguments[1])
    if call.name == "mkdirat":
        return _Request(directory, string(call, 1).rstrip(b"/"), mode=arguments[2])
    if call.name == "symlink":
        return _Request(caller.AT_FDCWD, string(call, 1), target=string(call, 0))
    assert call.name == "symlinkat"
    directory = caller.signed(arguments[1])
    return _Request(directory, string(call, 2), target=string(call, 0))


def _make(call: Call, request: _Request, name: bytes, parent: int) -> int:
    """Make the file; return a descriptor of it.

    Raises:
        OSError: it is there already, for one.
    """
    mode = request.mode & 0o7777 & ~_umask_of(call)
    if call.name.startswith("symlink"):
        os.symlink(request.target, name, dir_fd=parent)
    elif call.name.startswith("mkdir"):
        os.mkdir(name, mode & 0o1777, dir_fd=parent)
    else:
        flags = caller.signed(request.flags) | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, mode, dir_fd=parent)
    return os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)


def _umask_of(call: Call) -> int:
    descriptor = os.open("status", os.O_RDONLY | os.O_CLOEXEC, dir_fd=call.process)
    with open(descriptor, encoding="ascii", errors="replace") as file:
        match = _UMASK.search(file.read())
    return int(match[1], 8) if match else 0o022


@contextlib.contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
