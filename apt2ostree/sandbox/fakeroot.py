"""fakeroot: what programs in the sandbox believe about owners, modes and device nodes.

`libfakeroot-sysv.so`, preloaded into every program of the image, answers stat(2) and
chown(2) from a database that the daemon `faked-sysv` keeps by device and inode. It is
loaded with the owners that the image's manifest has, and saved at the end. Both come from
the image's own suite, because the library is loaded by the image's C library. Sources:
fakeroot(1), faked(1), and the format that `fakeroot -s` writes.
"""

from __future__ import annotations

import re
import stat
import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.sandbox import mounts, seccomp
from apt2ostree.sandbox.recorder import Inode

DAEMON = "faked-sysv"
LIBRARY = "libfakeroot-sysv.so"
KEY = 1_061_000
"""Of the message queues; the sandbox has an IPC namespace of its own."""
_SAVED = "/proc/self/fd/1"
"""Where the daemon writes its database: to its standard output, at which nobody can put
anything else."""
_TYPES = {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO,
          stat.S_IFSOCK}  # fmt: skip
_MAX_ID = 0xFFFF_FFFF

HIDDEN = frozenset(
    [
        *seccomp.XATTR_CALLS,
        "acl_get_fd",
        "acl_get_file",
        "acl_set_fd",
        "acl_set_file",
        "getgroups",
        "initgroups",
        "setgroups",
    ]
)
"""Functions of the library that would swallow attributes, ACLs and groups; `recorder.py` takes
them, where it can."""

_LINE = re.compile(
    r"dev=([0-9a-f]{1,16}),ino=(\d{1,20}),mode=([0-7]{1,6}),uid=(\d{1,10}),gid=(\d{1,10}),"
    r"nlink=\d{1,20},rdev=(\d{1,20})"
)
_SHT_DYNSYM = 11


@dataclass(frozen=True)
class Status:
    """What fakeroot knows of an inode.

    Attributes:
        mode: type and permissions, as in `st_mode`.
        uid: owner.
        gid: group.
        rdev: of a device node.
    """

    mode: int
    uid: int
    gid: int
    rdev: int = 0


def environment() -> dict[str, str]:
    """What makes a program run under fakeroot; `$LIB` is its architecture's (ld.so(8))."""
    return {
        "FAKEROOTDONTTRYCHOWN": "1",
        "FAKEROOTKEY": str(KEY),
        "LD_PRELOAD": f"/{mounts.TOOLS}/$LIB/{LIBRARY}",
    }


def command() -> list[str]:
    """The daemon; the database to load is its standard input, the one to save its output."""
    return [
        f"/{mounts.TOOLS}/{DAEMON}", "--foreground", "--load", "--key", str(KEY),
        "--save-file", _SAVED,
    ]  # fmt: skip


def dump(statuses: Mapping[Inode, Status]) -> str:
    """The database as text."""
    return "".join(
        f"dev={device:x},ino={number},mode={status.mode:o},uid={status.uid},gid={status.gid},"
        f"nlink=1,rdev={status.rdev}\n"
        for (device, number), status in statuses.items()
    )


def parse(text: str) -> dict[Inode, Status]:
    """Read the database.

    Raises:
        UserError: a line is not of the form that fakeroot writes.
    """
    statuses = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        status = _status(*match.groups()[2:]) if match else None
        if not match or not status:
            raise UserError(
                f"fakeroot's database: {line[:200]!r} is no line that faked-sysv writes"
            )
        statuses[int(match[1], 16), int(match[2])] = status
    return statuses


def _status(mode: str, uid: str, gid: str, rdev: str) -> Status | None:
    """What a line says; `None` if there is no such file."""
    status = Status(int(mode, 8), int(uid), int(gid), int(rdev))
    if stat.S_IFMT(status.mode) not in _TYPES or max(status.uid, status.gid) > _MAX_ID:
        return None
    return status


def find(paths: Iterable[str]) -> dict[str, str]:
    """Which of the packages' paths are the daemon and the library, of one architecture or more.

    Returns:
        Where it goes below the directory that the sandbox sees → path in the package.

    Raises:
        UserError: one is missing.
    """
    found = {}
    names = set()
    for path in paths:
        directory, _, name = path.rpartition("/")
        if name == DAEMON:
            found[name] = path
        elif name == LIBRARY:
            # usr/lib/x86_64-linux-gnu/libfakeroot/…
            library = directory.removeprefix("usr/").rpartition("/")[0]
            found[f"{library}/{name}"] = path
        else:
            continue
        names.add(name)
    for name in (DAEMON, LIBRARY):
        if name not in names:
            raise UserError(
                f"the packages given as fakeroot hold no {name}; expected fakeroot and "
                "libfakeroot of the image's own suite and architecture: see the attribute "
                "`fakeroot` of ostree_image"
            )
    return found


def install(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write what the sandbox needs.

    Args:
        directory: what it sees as `/run/apt2ostree`.
        files: content of what `find` has found.
    """
    hidden = HIDDEN if seccomp.machine() else ()
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if name == DAEMON else hide_symbols(content, hidden))
        path.chmod(0o755)


def hide_symbols(library: bytes, names: Collection[str]) -> bytes:
    """Return a shared library that no longer defines some of its functions for others.

    Their symbols become local ones (STB_LOCAL), which the dynamic linker passes over. Source:
    elf(5).

    Raises:
        UserError: not a shared library.
    """
    data = bytearray(library)
    try:
        wide = {1: False, 2: True}[data[4]]
        order = {1: "<", 2: ">"}[data[5]]
        symbol = struct.Struct(order + ("IBBHQQ" if wide else "IIIBBH"))
        sections = list(_sections(data, wide, order))
        for type_, offset, size, link in sections:
            if type_ != _SHT_DYNSYM:
                continue
            strings = sections[link][1]
            for at in range(offset, offset + size, symbol.size):
                name_at = strings + symbol.unpack_from(data, at)[0]
                name = data[name_at : data.index(b"\0", name_at)].decode("ascii", "replace")
                if name in names:
                    data[at + (4 if wide else 12)] &= 0x0F
            return bytes(data)
    except (KeyError, IndexError, ValueError, struct.error):
        pass
    raise UserError(f"fakeroot's {LIBRARY} is no shared library")


def _sections(data: bytearray, wide: bool, order: str) -> Iterable[tuple[int, int, int, int]]:
    """(type, offset, size, link) of each section."""
    table = int(struct.unpack_from(order + ("Q" if wide else "I"), data, 40 if wide else 32)[0])
    entry, count = struct.unpack_from(order + "HH", data, 58 if wide else 46)
    header = struct.Struct(order + ("IIQQQQII" if wide else "IIIIIIII"))
    for index in range(count):
        _, type_, _, _, offset, size, link, _ = header.unpack_from(data, table + index * entry)
        yield type_, offset, size, link
