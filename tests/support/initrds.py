"""Initrds made by hand, and programs for them."""

from __future__ import annotations

import struct
from collections.abc import Mapping

KERNEL = "6.1.0-1-amd64"
_NAMES_AT = 0x200


def cpio(entries: Mapping[str, tuple[int, bytes]]) -> bytes:
    """An archive of cpio's `newc`: path → mode, with the type, and content."""
    parts = []
    for number, (name, (mode, data)) in enumerate([*entries.items(), ("TRAILER!!!", (0, b""))]):
        raw = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + raw
        parts.append(header + bytes(-len(header) % 4) + data + bytes(-len(data) % 4))
    return b"".join(parts)


def elf(interpreter: str = "", *libraries: str) -> bytes:
    """A 64-bit program, as far as its headers tell what it needs."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in libraries)
    offsets = [names.index(name.encode() + b"\0") for name in libraries]
    dynamic = b"".join(struct.pack("<qQ", 1, offset) for offset in offsets)
    dynamic += struct.pack("<qQqQ", 5, _NAMES_AT, 0, 0)
    path = interpreter.encode() + b"\0"
    body = names + path + dynamic
    at = _NAMES_AT + len(names)
    segments = [(1, _NAMES_AT, _NAMES_AT, len(body)), (2, at + len(path), 0, len(dynamic))]
    if interpreter:
        segments.append((3, at, 0, len(path)))
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQ", 3, 62, 1, 0, 64, 0)
    header += struct.pack("<IHHHHHH", 0, 64, 56, len(segments), 0, 0, 0)
    table = b"".join(
        struct.pack("<IIQQQQQQ", type_, 4, offset, address, 0, size, size, 1)
        for type_, offset, address, size in segments
    )
    return (header + table).ljust(_NAMES_AT, b"\0") + body


def whole() -> dict[str, tuple[int, bytes]]:
    """What an initrd has that boots."""
    return {
        "init": (0o100755, b"#!/bin/sh -e\n"),
        "bin": (0o120777, b"usr/bin"),
        "lib": (0o120777, b"usr/lib"),
        "usr/bin/dash": (0o100755, elf("/lib/ld.so.2", "libc.so.6")),
        "usr/bin/sh": (0o120777, b"dash"),
        "usr/lib/ld.so.2": (0o100755, elf()),
        "usr/lib/libc.so.6": (0o100755, elf("", "ld.so.2")),
        "usr/lib/ostree/ostree-prepare-root": (0o100755, elf("/lib/ld.so.2", "libc.so.6")),
        f"usr/lib/modules/{KERNEL}/kernel/ext4.ko.xz": (0o100644, b"module"),
    }
