"""Whether an initrd can do its work: start, load its modules, and make a deployment the root.

A script that fails halfway can leave an initrd behind that stops at "Failed to execute /init", and
nobody sees it before a device is to boot.
"""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterator, Mapping

from apt2ostree.device import cpio, elf
from apt2ostree.device.cpio import Entry
from apt2ostree.errors import UserError

_MAX_LINKS = 40
_NOWHERE = "/"
"""What is no path of an entry."""
_MODULE = (".ko", ".ko.gz", ".ko.xz", ".ko.zst")
_NAMES = ("usr/lib/ostree/ostree-prepare-root", "usr/bin/ostree-prepare-root")
"""Where ostree-prepare-root is: Debian's initrd of initramfs-tools or dracut, or one's own."""
_SHOWN = 10


def check(data: bytes, release: str, zstd: str | None = None) -> None:
    """Refuse an initrd that would not boot.

    Args:
        data: the whole file.
        release: of the kernel it is for.
        zstd: see `compression.chunks`.

    Raises:
        UserError: what is missing in it; or it cannot be read.
    """
    faults = list(_faults(cpio.read(data, zstd), release))
    if faults:
        more = [f"and {len(faults) - _SHOWN} more"] if faults[_SHOWN:] else []
        raise UserError("\n".join(["it would not boot:", *faults[:_SHOWN], *more]))


def _faults(entries: Mapping[str, Entry], release: str) -> Iterator[str]:
    init = find(entries, "init")
    if init is None or not init.mode & stat.S_IXUSR:
        yield "there is no program /init for the kernel to start"
    elif bytes(init.content[:2]) == b"#!":
        line = bytes(init.content[2:4096]).split(b"\n")[0].decode("utf-8", "replace")
        interpreter = line.split()[0] if line.split() else ""
        if find(entries, interpreter) is None:
            yield f"/init is a script for {interpreter}, which it lacks"
    if all(find(entries, name) is None for name in _NAMES):
        yield (
            "there is no ostree-prepare-root, which makes a deployment the root: a hook of "
            "initramfs-tools or a module of dracut did not run, or is switched off"
        )
    start = f"usr/lib/modules/{release}/"
    starts = (start, start[len("usr/") :])
    if not any(path.startswith(starts) and path.endswith(_MODULE) for path in entries):
        yield f"there is no module of the kernel {release}: no disk would be found"
    yield from _unmet(entries)


def _unmet(entries: Mapping[str, Entry]) -> Iterator[str]:
    """What programs need and the initrd lacks, and what the libraries need that they need.

    Libraries that no program is linked with may lack others: dracut copies some for dlopen(3)
    alone, and who opens them does without.
    """
    names: dict[str, str] = {}
    for path in entries:
        if find(entries, path):
            names.setdefault(path.rpartition("/")[2], path)
    needs = {}
    for path, entry in entries.items():
        if stat.S_ISREG(entry.mode) and bytes(entry.content[:4]) == elf.MAGIC:
            try:
                needs[path] = elf.needs(entry.content)
            except ValueError as error:
                yield f"/{path}: {error}"
    waiting = [path for path, need in needs.items() if need.interpreter]
    seen = set(waiting)
    while waiting:
        path = waiting.pop(0)
        need = needs[path]
        if need.interpreter and find(entries, need.interpreter) is None:
            yield f"/{path} is run by {need.interpreter}, which it lacks"
        for library in need.libraries:
            if library not in names:
                yield f"/{path} needs the library {library}, which it lacks"
                continue
            place = _real(entries, names[library])
            if place in needs and place not in seen:
                seen.add(place)
                waiting.append(place)


def find(entries: Mapping[str, Entry], path: str) -> Entry | None:
    """What is at a path, symlinks followed; `None` if nothing is, or they lead in a circle."""
    return entries.get(_real(entries, path))


def _real(entries: Mapping[str, Entry], path: str) -> str:
    """The path without symlinks; `_NOWHERE` if they lead in a circle."""
    here, to_go, links = "", path.split("/")[::-1], 0
    while to_go:
        part = to_go.pop()
        if part in ("", "."):
            continue
        here = posixpath.dirname(here) if part == ".." else posixpath.join(here, part)
        entry = entries.get(here)
        if entry is not None and entry.is_link:
            links += 1
            if links > _MAX_LINKS:
                return _NOWHERE
            target = entry.target
            here = "" if target.startswith("/") else posixpath.dirname(here)
            to_go += target.split("/")[::-1]
    return here
