"""Supplementary groups, which a user namespace with one uid refuses to set.

A process that sets its groups, as su(1) and everything that switches users does, is
remembered; asked for them, it and those that it starts get them back. Sources:
setgroups(2), getgroups(2), credentials(7), proc_pid_stat(5).
"""

from __future__ import annotations

import errno
import struct
from pathlib import Path

from apt2ostree.sandbox import caller
from apt2ostree.sandbox.seccomp import Call

CALLS = ("getgroups", "setgroups")
_MAX = 65536


class Groups:
    """Who is in which groups."""

    def __init__(self) -> None:
        self._set: dict[tuple[int, int], tuple[int, ...]] = {}

    def handle(self, call: Call) -> int:
        """What one of `CALLS` returns.

        Raises:
            OSError: with the number that the call fails with.
        """
        size, address = call.arguments[0] & 0xFFFF_FFFF, call.arguments[1]
        if call.name == "setgroups":
            if size > _MAX:
                return -errno.EINVAL
            data = caller.read(call, address, 4 * size) if size else b""
            _, started = _stat(call.pid)
            self._set[call.pid, started] = struct.unpack(f"={size}I", data)
            return 0
        groups = self._of(call.pid)
        if size:
            if size < len(groups):
                return -errno.EINVAL
            caller.write(call, address, struct.pack(f"={len(groups)}I", *groups))
        return len(groups)

    def _of(self, pid: int) -> tuple[int, ...]:
        """The groups that a process set, or the nearest above it that did."""
        while self._set and pid > 1:
            try:
                parent, started = _stat(pid)
            except OSError:
                break
            if (pid, started) in self._set:
                return self._set[pid, started]
            pid = parent
        return ()


def _stat(pid: int) -> tuple[int, int]:
    """Parent and start time of a process."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), int(fields[19])
