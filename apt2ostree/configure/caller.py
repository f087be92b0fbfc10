"""A process whose system call waits for an answer: its memory, its paths, its descriptors.

Sources: seccomp_unotify(2), proc_pid_mem(5), proc_pid_root(5), path_resolution(7).
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from apt2ostree.configure import linux
from apt2ostree.configure.seccomp import Call

AT_FDCWD = -100
PATH_MAX = 4096
_PAGE = 4096
_OWN_DESCRIPTOR = re.compile(rb"/(?:proc/(?:self|thread-self|(\d+))|dev)/fd/(\d+)")


def read_path(call: Call, argument: int) -> bytes:
    """The path that an argument points to."""
    return read_string(call.pid, call.arguments[argument], PATH_MAX)


def open_descriptor(pid: int, number: int) -> int:
    """A descriptor (O_PATH) of what a descriptor of the process is open on."""
    if signed(number) == AT_FDCWD:
        return os.open(f"/proc/{pid}/cwd", os.O_PATH | os.O_CLOEXEC)
    try:
        return os.open(f"/proc/{pid}/fd/{number}", os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        raise OSError(errno.EBADF, "no such descriptor") from None


def open_path(pid: int, directory: int, path: bytes, follow: bool) -> int:
    """Open a path as the process would: from its root, its directories, its symlinks."""
    if not path:
        raise FileNotFoundError(errno.ENOENT, "empty path")
    own = _OWN_DESCRIPTOR.fullmatch(path)
    if own and follow:
        # A magic link, which RESOLVE_IN_ROOT does not follow. Another process's, by its number
        # in the sandbox, is not looked up: nobody sets attributes that way.
        return open_descriptor(pid, int(own[2]))
    if not path.startswith(b"/"):
        link = "cwd" if directory == AT_FDCWD else f"fd/{directory}"
        path = os.fsencode(Path(f"/proc/{pid}/{link}").readlink()) + b"/" + path
    root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
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
        write(call.pid, address, data)
    return len(data)


def write(pid: int, address: int, data: bytes) -> None:
    """Write into the process's memory."""
    descriptor = os.open(f"/proc/{pid}/mem", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, data, address)
    finally:
        os.close(descriptor)


def read(pid: int, address: int, size: int) -> bytes:
    """Bytes of the process's memory."""
    descriptor = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.pread(descriptor, size, address)
    finally:
        os.close(descriptor)
    if len(data) < size:
        raise OSError(errno.EFAULT, "bad address")
    return data


def read_string(pid: int, address: int, limit: int) -> bytes:
    """A string that ends with NUL; read page by page, since the next may not be mapped."""
    data = b""
    descriptor = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        while len(data) < limit:
            at = address + len(data)
            part = os.pread(descriptor, min(_PAGE - at % _PAGE, limit - len(data)), at)
            end = part.find(b"\0")
            if end >= 0:
                return data + part[:end]
            if not part:
                break
            data += part
    except OSError:
        raise OSError(errno.EFAULT, "bad address") from None
    finally:
        os.close(descriptor)
    raise OSError(errno.ENAMETOOLONG if len(data) >= limit else errno.EFAULT, "bad string")


def signed(argument: int) -> int:
    """An int argument out of a 64-bit register."""
    argument &= 0xFFFF_FFFF
    return argument - (1 << 32) if argument >> 31 else argument
