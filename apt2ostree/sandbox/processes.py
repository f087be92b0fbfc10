"""The processes of the sandbox, seen from outside through /proc (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_COMMAND = 200
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """A process.

    Attributes:
        pid: as we see it, not as the sandbox does.
        parent: its parent's.
        state: one letter, as ps(1) shows it.
        started: seconds since boot.
        command: the command line.
    """

    pid: int
    parent: int
    state: str
    started: float
    command: str


def below(pid: int) -> list[Process]:
    """The descendants of a process, zombies left out, parents before children."""
    everything = list(_all())
    found: list[Process] = []
    parents = {pid}
    while True:
        following = [
            process
            for process in everything
            if process.parent in parents and process.pid not in parents and process not in found
        ]
        if not following:
            return [process for process in found if process.state != "Z"]
        found += following
        parents |= {process.pid for process in following}


def tree(root: int) -> str:
    """The descendants of a process as an indented list."""
    processes = below(root)
    lines: list[str] = []

    def add(parent: int, depth: int) -> None:
        for process in processes:
            if process.parent == parent:
                lines.append(f"{'  ' * depth}{process.pid} {process.state} {process.command}")
                add(process.pid, depth + 1)

    add(root, 1)
    return "\n".join(lines)


def _all() -> Iterator[Process]:
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                yield _read(path)
            except (OSError, ValueError, IndexError):
                continue  # it is gone


def _read(path: Path) -> Process:
    text = (path / "stat").read_text(encoding="utf-8", errors="replace")
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()
    raw = (path / "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ")
    command = raw.decode("utf-8", "backslashreplace") or f"[{name}]"
    command = "".join(c if c.isprintable() else " " for c in command)[:MAX_COMMAND]
    return Process(int(path.name), int(fields[1]), fields[0], int(fields[19]) / _TICKS, command)
