"""What programs of an image may use, and who sees that they do not use more.

There is no control group to be had without privileges. So the supervisor looks: at the file
systems, at the number of processes, at what memory the machine has left. Sources: statvfs(3),
proc(5).
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.sandbox import memory
from apt2ostree.sandbox.tree import Tree

INODE = 1024
"""Bytes that a file counts for besides its content: what the kernel needs for it, about."""
_RESERVE = 256 << 20
"""Bytes of memory that the machine must have left, or a sixteenth of what it had."""


@dataclass(frozen=True)
class Limits:
    """What programs may use.

    Attributes:
        seconds: for one piece of work: see `Command.work`.
        disk_bytes: written by all together, be it to the image, to /tmp, /run or /dev/shm.
        processes: at one time.
    """

    seconds: float = 1800
    disk_bytes: int = 16 << 30
    processes: int = 2048


class TimeLimit(UserError):
    """A piece of work took too long; the message shows the processes."""


class SpaceLimit(UserError):
    """Programs wrote, forked or remembered more than they may."""


class Watch:
    """Compares what is used with the limits.

    Args:
        limits: see there.
        upper: where it goes what programs write to the image.
        volatile: where the rest goes.
        processes: a descriptor of the sandbox's /proc.

    Attributes:
        reserve: bytes of memory that the machine must have left.
    """

    def __init__(self, limits: Limits, upper: Path, volatile: Path, processes: int) -> None:
        self._limits = limits
        self._upper = upper
        self._places = (upper, volatile)
        self._processes = processes
        self._before = [_used(place) for place in self._places]
        self.reserve = min(_RESERVE, memory.available() // 16)

    def check(self) -> None:
        """Look.

        Raises:
            SpaceLimit: more is used than may be.
        """
        self._check_disk()
        count = sum(name.isdigit() for name in os.listdir(self._processes))
        if count > self._limits.processes:
            raise SpaceLimit(
                f"{count:,} processes, more than the limit of {self._limits.processes:,}; stopped"
            )
        left = memory.available()
        if left < self.reserve:
            raise SpaceLimit(
                f"the machine has {left:,} bytes of memory left, less than the "
                f"{self.reserve:,} that are kept for others; stopped"
            )

    def _check_disk(self) -> None:
        # What a file system has in use is cheap to ask for, but others may use it too.
        more = [_used(place) - before for place, before in zip(self._places, self._before)]
        if sum(more) <= self._limits.disk_bytes:
            return
        used = disk_usage(self._upper) + more[1]
        if used > self._limits.disk_bytes:
            raise SpaceLimit(
                f"{used:,} bytes written, more than the limit of "
                f"{self._limits.disk_bytes:,}; stopped"
            )


def disk_usage(directory: Path) -> int:
    """Bytes that the files below a directory take, which others write to meanwhile."""
    total = 0
    pending = [""]
    with Tree(directory) as tree:
        while pending:
            path = pending.pop()
            try:
                for entry in tree.scan(path):
                    status = entry.stat(follow_symlinks=False)
                    total += status.st_blocks * 512 + INODE
                    if stat.S_ISDIR(status.st_mode):
                        pending.append(f"{path}/{entry.name}" if path else entry.name)
            except OSError:  # it is gone, or something else now
                continue
    return total


def _used(place: Path) -> int:
    status = os.statvfs(place)
    blocks = (status.f_blocks - status.f_bfree) * status.f_frsize
    return blocks + (status.f_files - status.f_ffree) * INODE
