"""What a benchmark measures: time, memory, transfers and disk of a piece of work."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from apt2ostree import errors
from tests.support import servers

_SYNCING = {
    "x86_64": (0xC000_003E, (26, 74, 75, 162, 277, 306)),
    "aarch64": (0xC000_00B7, (81, 82, 83, 84, 227, 267)),
}
"""AUDIT_ARCH_*, and the numbers of msync, fsync, fdatasync, sync, sync_file_range and syncfs."""
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_MODE_FILTER = 2


@dataclass(frozen=True)
class Figures:
    """What one run took.

    Attributes:
        wall: seconds.
        processor: seconds, user and system, of all processes.
        peak: bytes of memory of the largest process.
        mirror: bytes downloaded from the packages' mirror.
        cache: bytes downloaded from the remote cache.
        disk: bytes that lie there afterwards.
    """

    wall: float
    processor: float
    peak: float
    mirror: float
    cache: float
    disk: float


def median(runs: Sequence[Figures]) -> Figures:
    """Of each figure."""
    return Figures(
        *(statistics.median(getattr(run, name) for run in runs) for name in vars(runs[0]))
    )


def sync_nothing() -> None:
    """From now on fsync(2) and its like do nothing in this process and in all that it starts.

    A seccomp filter (classic BPF, see seccomp(2)): those calls return 0. So no contender waits
    for the disk, whatever its options are.
    """
    if platform.machine() not in _SYNCING:
        print(f"the disk is synced: no numbers of system calls known for {platform.machine()}")
        return
    architecture, numbers = _SYNCING[platform.machine()]
    count = len(numbers)
    program = [
        (0x20, 0, 0, 4),  # load the architecture
        (0x15, 0, count + 1, architecture),
        (0x20, 0, 0, 0),  # load the call's number
        *((0x15, count - index, 0, number) for index, number in enumerate(numbers)),
        (0x06, 0, 0, 0x7FFF_0000),  # allow
        (0x06, 0, 0, 0x0005_0000),  # error number 0
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *row) for row in program))
    head = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((_PR_SET_NO_NEW_PRIVS, 1, 0), (_PR_SET_SECCOMP, _MODE_FILTER, head)):
        if libc.prctl(*arguments, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl failed")


def work(
    do: Callable[[], None],
    mirror: servers.Nginx,
    cache: servers.Nginx,
    directory: Path,
    mark: str = "",
) -> Figures:
    """Do something in a process of its own and measure it.

    Args:
        do: what.
        mirror: of packages.
        cache: remote cache.
        directory: whose size is measured.
        mark: what the command lines of daemons that work for it have in common; empty if none do.

    Raises:
        UserError: it failed.
    """
    for nginx in (mirror, cache):
        nginx.forget_transfers()
    before, _ = _daemons(mark)
    started = time.perf_counter()
    child = os.fork()
    if not child:
        try:
            do()
        except BaseException as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - started
    if status:
        raise errors.UserError("it failed, see above")
    after, peak = _daemons(mark)
    return Figures(
        wall=wall,
        processor=usage.ru_utime + usage.ru_stime + after - before,
        peak=max(peak, usage.ru_maxrss * 1024),
        mirror=_sent(mirror),
        cache=_sent(cache),
        disk=int(quiet("du", "-s", "--block-size=1", directory).split()[0]),
    )


def _sent(nginx: servers.Nginx) -> int:
    return sum(transfer.sent for transfer in nginx.transfers() if transfer.method == "GET")


def _daemons(mark: str) -> tuple[float, int]:
    """(seconds of processor time, largest peak of memory) of processes with a mark."""
    seconds, peak = 0.0, 0
    for process in Path("/proc").glob("[0-9]*") if mark else ():
        try:
            if mark.encode() not in (process / "cmdline").read_bytes():
                continue
            # Its own, and that of its children that have ended.
            times = (process / "stat").read_text().rpartition(")")[2].split()[11:15]
            status = (process / "status").read_text()
        except OSError:
            continue
        seconds += sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
        found = re.search(r"VmHWM:\s+(\d+)", status)
        peak = max(peak, int(found[1]) * 1024 if found else 0)
    return seconds, peak


def write_table(path: Path, name: str, table: str) -> None:
    """Put a table into a Markdown file, between the comments that name it.

    Args:
        path: relative to where the user stands; written anew if it has no such comments.
        name: of the table: the comments are `<!-- NAME -->` and `<!-- end of NAME -->`.
        table: its text.
    """
    path = Path(os.environ.get("BUILD_WORKING_DIRECTORY", ".")) / path
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, found, rest = (path.read_text("utf-8") if path.exists() else "").partition(start)
    _, _, after = rest.partition(end)
    text = f"{start}\n{table}\n\n{end}"
    path.write_text(before + text + after if found else text, encoding="utf-8")


def quiet(*command: str | Path) -> str:
    """Run a program; return what it printed.

    Raises:
        UserError: it failed; the text has its last words.
    """
    done = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
    )
    if done.returncode:
        raise errors.UserError(f"{command[0]} failed:\n{done.stdout[-3000:]}")
    return done.stdout
