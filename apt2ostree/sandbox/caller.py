"""A process whose system call waits for an answer: its memory, its paths, its descriptors.

Sources: seccomp_unotify(2), proc_pid_mem(5), proc_pid_root(5), path_resolution(7).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator

from apt2ostree.sandbox import linux
from apt2ostree.sandbox.seccomp import Call

AT_FDCWD = -100
PATH_MAX = 4096
_PAGE = 4096
_OWN_DESCRIPTOR = re.compile(rb"/(?:proc/(?:self|thread-self|(\d+))|dev)/fd/(\d+)")


def read_path(call: Call, argument: int) -> bytes:
    """The path that an argument points to."""
    return read_string(call, call.arguments[argument], PATH_MAX)


def open_descriptor(call: Call, number: int) -> int:
    """A descriptor (O_PATH) of what a descriptor of the process is open on."""
    path = "cwd" if signed(number) == AT_FDCWD else f"fd/{number}"
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC, dir_fd=call.process)
    except FileNotFoundError:
        raise OSError(errno.EBADF, "no such descriptor") from None


def open_path(call: Call, directory: int, path: bytes, follow: bool) -> int:
    """Open a path as the process would: from its root, its directories, its symlinks."""
    if not path:
        raise FileNotFoundError(errno.ENOENT, "empty path")
    own = _OWN_DESCRIPTOR.fullmatch(path)
    if own and follow:
        # A magic link, which RESOLVE_IN_ROOT does not follow. Another process's, by its number
        # in the sandbox, is not looked up: nobody sets attributes that way.
        return open_descriptor(call, int(own[2]))
    if not path.startswith(b"/"):
        place = "cwd" if directory == AT_FDCWD else f"fd/{directory}"
        path = os.fsencode(os.readlink(place, dir_fd=call.process)) + b"/" + path
    flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
    root = os.open("root", flags, dir_fd=call.process)
    try:
        flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
        return linux.open_in_root(root, path, flags)
    finally:
        os.close(root)


def give(call: Call, first: int, data: bytes) -> int:
    """Answer with `data` in the buffer that the arguments `first` and the next describe."""
    address, size = call.arguments[first], call.arguments[first + 1]
    if size:
        if size < len(data):
            return -errno.ERANGE
        write(call, address, data)
    return len(data)


def write(call: Call, address: int, data: bytes) -> None:
    """Write into the process's memory."""
    with _memory(call, os.O_WRONLY) as descriptor:
        if os.pwrite(descriptor, data, address) < len(data):
            raise OSError(errno.EFAULT, "bad address")


def read(call: Call, address: int, size: int) -> bytes:
    """Bytes of the process's memory."""
    with _memory(call, os.O_RDONLY) as descriptor:
        data = os.pread(descriptor, size, address)
    if len(data) < size:
        raise OSError(errno.EFAULT, "bad address")
    return data


def read_string(call: Call, address: int, limit: int) -> bytes:
    """A string that ends with NUL; read page by page, since the next may not be mapped."""
    data = b""
    with _memory(call, os.O_RDONLY) as descriptor:
        while len(data) < limit:
            at = address + len(data)
            part = os.pread(descriptor, min(_PAGE - at % _PAGE, limit - len(data)), at)
            end = part.find(b"\0")
            if end >= 0:
                return data + part[:end]
            if not part:
                break
            data += part
    raise OSError(errno.ENAMETOOLONG if len(data) >= limit else errno.EFAULT, "bad string")


@contextlib.contextmanager
def _memory(call: Call, flags: int) -> Iterator[int]:
    """The process's memory as a file; what it cannot do is a bad address."""
    descriptor = os.open("mem", flags | os.O_CLOEXEC, dir_fd=call.process)
    try:
        yield descriptor
    except (OSError, OverflowError):
        raise OSError(errno.EFAULT, "bad address") from None
    finally:
        os.close(descriptor)


def signed(argument: int) -> int:
    """An int argument out of a 64-bit register."""
    argument &= 0xFFFF_FFFF
    return argument - (1 << 32) if argument >> 31 else argument
