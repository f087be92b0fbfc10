"""Answering a sandboxed process's system calls in its stead: seccomp's user notification.

A filter (classic BPF) in the sandbox picks system calls by number; the kernel suspends the
caller and hands the call to the listener, which answers with a result or lets the kernel go
on. Sources: seccomp(2), seccomp_unotify(2), `linux/seccomp.h`, `linux/audit.h`, and the
kernel's system call tables.

Used for the calls that a user namespace with one uid refuses and that must be recorded
instead: extended attributes (capabilities, ACLs) and owners; and for those that create files,
so that it can be recorded for whom; and for groups. Calls that reach what is no namespace's are
not to be had: keys, and typing on the caller's terminal (keyrings(7), ioctl_tty(2)).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apt2ostree.errors import UserError
from apt2ostree.sandbox import linux, namespaces

_SET_MODE_FILTER = 1
_NEW_LISTENER = 1 << 3
_ALLOW = 0x7FFF_0000
_USER_NOTIF = 0x7FC0_0000
_ERRNO_ENOSYS = 0x0005_0000 | 38
_ERRNO_EPERM = 0x0005_0000 | 1
_CONTINUE = 1

# _IOWR('!', 0, struct seccomp_notif) and _IOWR('!', 1, struct seccomp_notif_resp)
_NOTIF_RECV = 0xC050_2100
_NOTIF_SEND = 0xC018_2101
_NOTIF = struct.Struct("=QIIiIQ6Q")
_RESPONSE = struct.Struct("=QqiI")

# _IOR('!', 2, __u64): the number that all kernels take
_NOTIF_ID_VALID = 0x8008_2102

# _IOW('!', 3, struct seccomp_notif_addfd)
_NOTIF_ADDFD = 0x4018_2103
_ADDFD = struct.Struct("=QIIII")

_LOAD_WORD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_ANY_BIT = 0x45
_RETURN = 0x06
_ARCH_OFFSET = 4
_ARGUMENTS_OFFSET = 16
_O_CREAT = 0o100
"""The same on every machine here."""

# getxattrat and its like (Linux 6.13), the same numbers everywhere: not to be had, so that
# libraries fall back to the calls below.
_XATTRAT = range(463, 467)
_TIOCSTI = 0x5412
_TIOCLINUX = 0x541C
_X86_64_ARCHITECTURE = 0xC000_003E
_X32 = 0x4000_0000
"""Added to the numbers of calls with 32-bit pointers on x86_64, which have no filter here."""

XATTR_CALLS = (
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "getxattr",
    "lgetxattr",
    "fgetxattr",
    "listxattr",
    "llistxattr",
    "flistxattr",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
)
"""Calls about extended attributes, in the order of their numbers on every machine; the C library's
functions have the same names."""


def _numbers(first_xattr: int, **others: int) -> dict[int, str]:
    numbers = {first_xattr + index: name for index, name in enumerate(XATTR_CALLS)}
    numbers.update({number: name for name, number in others.items()})
    return numbers


_GENERIC = _numbers(
    5, fchownat=54, fchown=55, openat=56, mkdirat=34, symlinkat=36, getgroups=158, setgroups=159
)
_32_BIT = {"lchown": 198, "fchown": 207, "chown": 212, "open": 5, "creat": 8}
_32_BIT |= {"mkdir": 39, "symlink": 83, "getgroups": 205, "setgroups": 206}
_I386 = _numbers(226, **_32_BIT, fchownat=298, openat=295, mkdirat=296, symlinkat=304)
_ARM = _numbers(226, **_32_BIT, fchownat=325, openat=322, mkdirat=323, symlinkat=331)
_X86_64 = _numbers(
    188, chown=92, fchown=93, lchown=94, fchownat=260, open=2, creat=85, openat=257,
    mkdir=83, mkdirat=258, symlink=88, symlinkat=266, getgroups=115, setgroups=116,
)  # fmt: skip

CREATING: Mapping[str, int] = {
    "creat": -1,
    "mkdir": -1,
    "mkdirat": -1,
    "open": 1,
    "openat": 2,
    "symlink": -1,
    "symlinkat": -1,
}
"""Calls that create files → the argument with the flags; without O_CREAT they do not."""

CALLS: Mapping[int, Mapping[int, str]] = {
    0xC000_003E: _X86_64,
    0x4000_0003: _I386,
    0xC000_00B7: _GENERIC,  # aarch64
    0x4000_0028: _ARM,
    0xC000_00F3: _GENERIC,  # riscv64
}
"""AUDIT_ARCH_* → number → name of the calls that are intercepted."""


@dataclass(frozen=True)
class Forbidden:
    """Numbers of calls that an architecture's programs do not get.

    Attributes:
        keys: add_key, request_key, keyctl.
        ioctl: of which two requests are refused.
    """

    keys: Sequence[int]
    ioctl: int


_FORBIDDEN: Mapping[int, Forbidden] = {
    0xC000_003E: Forbidden((248, 249, 250), 16),
    0x4000_0003: Forbidden((286, 287, 288), 54),
    0xC000_00B7: Forbidden((217, 218, 219), 29),
    0x4000_0028: Forbidden((309, 310, 311), 54),
    0xC000_00F3: Forbidden((217, 218, 219), 29),
}


@dataclass(frozen=True)
class Machine:
    """A machine whose kernel is known here.

    Attributes:
        seccomp: number of the call seccomp(2).
        architectures: AUDIT_ARCH_* of the programs it can run, its own first.
    """

    seccomp: int
    architectures: Sequence[int]

    @property
    def keyctl(self) -> int:
        """Number of the call keyctl(2)."""
        return _FORBIDDEN[self.architectures[0]].keys[2]


MACHINES: Mapping[str, Machine] = {
    "x86_64": Machine(317, (0xC000_003E, 0x4000_0003)),
    "aarch64": Machine(277, (0xC000_00B7, 0x4000_0028)),
    "riscv64": Machine(277, (0xC000_00F3,)),
}
"""`uname -m` → machine."""


def machine() -> Machine:
    """This machine.

    Raises:
        UserError: it is none of `MACHINES`.
    """
    name = platform.machine()
    if name not in MACHINES:
        raise UserError(
            f"images are configured on {', '.join(MACHINES)}, and this machine is {name}, whose "
            "system calls are not known here"
        )
    return MACHINES[name]


@dataclass(frozen=True)
class Call:
    """A system call that waits for an answer.

    Attributes:
        id: of the notification.
        pid: of the caller, as the listener sees it.
        name: `setxattr`, …
        arguments: six numbers; pointers are the caller's.
        process: a descriptor (O_PATH) of the caller's directory in /proc. Its number may come to
            be another process's, of the machine; this stays the caller's, or leads nowhere.
    """

    id: int
    pid: int
    name: str
    arguments: Sequence[int]
    process: int


def install(here: Machine) -> int:
    """Install the filter in this process and its descendants; return the listener.

    Needs CAP_SYS_ADMIN in the process's user namespace.

    Raises:
        UserError: the kernel does not allow it.
    """
    program = _program(here.architectures)
    instructions = ctypes.create_string_buffer(program)
    count = len(program) // 8
    fprog = struct.pack("@HxxxxxxP", count, ctypes.addressof(instructions))
    try:
        return linux.syscall(here.seccomp, _SET_MODE_FILTER, _NEW_LISTENER, fprog)
    except OSError as error:
        why = {
            errno.EBUSY: "whatever has started this one, a container engine perhaps, listens "
            "already, and the kernel allows one only",
            errno.EINVAL: "Linux 5.5 or newer with CONFIG_SECCOMP_FILTER is needed",
        }.get(error.errno or 0, "a seccomp filter or a security module forbids it")
        raise UserError(
            "the kernel lets nobody listen to the system calls of the sandbox (seccomp(2): "
            f"{error.strerror}): {why}. Without it, file capabilities and ACLs would be lost.\n"
            f"{namespaces.CHOICES}"
        ) from error


def receive(listener: int) -> Call:
    """Wait for the next call; its `process` is for the receiver to close.

    Raises:
        OSError: the caller was killed meanwhile (ENOENT).
    """
    buffer = bytearray(_NOTIF.size)
    fcntl.ioctl(listener, _NOTIF_RECV, buffer)
    id_, pid, _flags, number, architecture, _instruction, *arguments = _NOTIF.unpack(buffer)
    process = os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # If it still waits, then the number was still its own.
        fcntl.ioctl(listener, _NOTIF_ID_VALID, struct.pack("=Q", id_))
    except OSError:
        os.close(process)
        raise
    return Call(id_, pid, CALLS[architecture][number], arguments, process)


def answer(listener: int, call: Call, result: int) -> None:
    """Let the call return `result`; a negative one is an error's number.

    Raises:
        OSError: the caller was killed meanwhile (ENOENT).
    """
    value, error = (0, result) if result < 0 else (result, 0)
    fcntl.ioctl(listener, _NOTIF_SEND, _RESPONSE.pack(call.id, value, error, 0))


def let_continue(listener: int, call: Call) -> None:
    """Let the kernel carry the call out."""
    fcntl.ioctl(listener, _NOTIF_SEND, _RESPONSE.pack(call.id, 0, 0, _CONTINUE))


def add_descriptor(listener: int, call: Call, descriptor: int, close_on_exec: bool) -> int:
    """Give the caller a descriptor of ours; return its number there.

    Raises:
        OSError: the caller was killed meanwhile (ENOENT), or has too many (EMFILE).
    """
    flags = os.O_CLOEXEC if close_on_exec else 0
    data = bytearray(_ADDFD.pack(call.id, 0, descriptor, 0, flags))
    number: int = fcntl.ioctl(listener, _NOTIF_ADDFD, data)
    return number


def _program(architectures: Sequence[int]) -> bytes:
    """The filter: per architecture, one comparison per call."""
    program = _instruction(_LOAD_WORD, 0, 0, _ARCH_OFFSET)
    for architecture in architectures:
        block = _instruction(_LOAD_WORD, 0, 0, 0)
        if architecture == _X86_64_ARCHITECTURE:
            block += _instruction(_JUMP_ANY_BIT, 0, 1, _X32)
            block += _instruction(_RETURN, 0, 0, _ERRNO_ENOSYS)
        for number, name in CALLS[architecture].items():
            flags = CREATING.get(name, -1)
            body = b""
            if flags >= 0:
                # The lower half of the argument: all of these machines are little-endian.
                body += _instruction(_LOAD_WORD, 0, 0, _ARGUMENTS_OFFSET + 8 * flags)
                body += _instruction(_JUMP_ANY_BIT, 1, 0, _O_CREAT)
                body += _instruction(_RETURN, 0, 0, _ALLOW)
            body += _instruction(_RETURN, 0, 0, _USER_NOTIF)
            block += _instruction(_JUMP_EQUAL, 0, len(body) // 8, number) + body
        forbidden = _FORBIDDEN[architecture]
        for number in (*_XATTRAT, *forbidden.keys):
            block += _instruction(_JUMP_EQUAL, 0, 1, number)
            block += _instruction(_RETURN, 0, 0, _ERRNO_ENOSYS)
        block += _instruction(_JUMP_EQUAL, 0, 4, forbidden.ioctl)
        block += _instruction(_LOAD_WORD, 0, 0, _ARGUMENTS_OFFSET + 8)
        block += _instruction(_JUMP_EQUAL, 1, 0, _TIOCSTI)
        block += _instruction(_JUMP_EQUAL, 0, 1, _TIOCLINUX)
        block += _instruction(_RETURN, 0, 0, _ERRNO_EPERM)
        block += _instruction(_RETURN, 0, 0, _ALLOW)
        program += _instruction(_JUMP_EQUAL, 0, len(block) // 8, architecture) + block
    return program + _instruction(_RETURN, 0, 0, _ALLOW)


def _instruction(code: int, if_true: int, if_false: int, operand: int) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
