"""How much memory this process may use (proc(5), the kernel's cgroup-v2.rst)."""

from __future__ import annotations

from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def available() -> int:
    """Bytes that can be had without swapping, and within the limits of the control groups."""
    return min([_of_machine(), *_of_cgroups()])


def _of_machine() -> int:
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def _of_cgroups() -> list[int]:
    """What each control group that we are in has left; those without a limit are left out."""
    left = []
    for path in _own_cgroups():
        try:
            limit = (path / "memory.max").read_text(encoding="ascii").strip()
            used = int((path / "memory.current").read_text(encoding="ascii"))
            used -= _cached((path / "memory.stat").read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        if limit.isdigit():
            left.append(max(0, int(limit) - used))
    return left


def _cached(statistics: str) -> int:
    """Bytes that are kept of files and given up when somebody needs them."""
    pairs = (line.partition(" ") for line in statistics.splitlines())
    return sum(int(value) for name, _, value in pairs if name in ("active_file", "inactive_file"))


def _own_cgroups() -> list[Path]:
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    for line in lines:
        if line.startswith("0::/"):
            own = _CGROUPS / line[4:]
            return [own, *(path for path in own.parents if path.is_relative_to(_CGROUPS))]
    return []
