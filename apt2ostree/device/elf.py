"""What a program needs to start: its interpreter and its libraries, out of its ELF headers.

Source: elf(5). Sizes and offsets below are those of the two classes, 32 and 64 bit.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAGIC = b"\x7fELF"
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB = 0, 1, 5


@dataclass(frozen=True)
class Needs:
    """What a program or a library needs.

    Attributes:
        interpreter: the path of the dynamic linker; empty for a library or a static program.
        libraries: names, as in DT_NEEDED.
    """

    interpreter: str = ""
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Segment:
    type: int
    offset: int
    address: int
    size: int


def needs(data: bytes | memoryview) -> Needs:
    """Read the headers of an ELF file.

    Args:
        data: the whole file, which begins with `MAGIC`.

    Raises:
        ValueError: it is cut off or malformed.
    """
    try:
        return _needs(data)
    except (struct.error, IndexError, KeyError) as error:
        raise ValueError(f"a damaged ELF file: {error}") from error


def _needs(data: bytes | memoryview) -> Needs:
    wide = {1: False, 2: True}[data[4]]
    order = {1: "<", 2: ">"}[data[5]]
    segments = _segments(data, wide, order)
    interpreter = ""
    entries: list[tuple[int, int]] = []
    for segment in segments:
        if segment.type not in (_PT_DYNAMIC, _PT_INTERP):
            continue
        content = bytes(data[segment.offset : segment.offset + segment.size])
        if len(content) < segment.size:
            raise ValueError("a damaged ELF file: it is cut off")
        if segment.type == _PT_INTERP:
            interpreter = content.rstrip(b"\0").decode()
        else:
            form = struct.Struct(order + ("qQ" if wide else "iI"))
            whole = len(content) - len(content) % form.size
            entries = [(tag, value) for tag, value in form.iter_unpack(content[:whole])]
    if (_DT_NULL, 0) in entries:
        entries = entries[: entries.index((_DT_NULL, 0))]
    table = [value for tag, value in entries if tag == _DT_STRTAB]
    names = [value for tag, value in entries if tag == _DT_NEEDED]
    if not names:
        return Needs(interpreter)
    start = _offset(segments, table[0])
    return Needs(interpreter, tuple(_text(data, start + name) for name in names))


def _segments(data: bytes | memoryview, wide: bool, order: str) -> list[_Segment]:
    at, size, count = (
        struct.unpack_from(order + "Q", data, 32)[0] if wide else _word(data, order, 28),
        *struct.unpack_from(order + "HH", data, 54 if wide else 42),
    )
    found = []
    for start in range(at, at + size * count, size):
        if wide:
            type_, _, offset, address, _, length = struct.unpack_from(order + "IIQQQQ", data, start)
        else:
            type_, offset, address, _, length = struct.unpack_from(order + "IIIII", data, start)
        found.append(_Segment(type_, offset, address, length))
    return found


def _word(data: bytes | memoryview, order: str, at: int) -> int:
    return int(struct.unpack_from(order + "I", data, at)[0])


def _offset(segments: list[_Segment], address: int) -> int:
    """Where in the file something is that is at an address in memory."""
    for segment in segments:
        if segment.type == _PT_LOAD and 0 <= address - segment.address < segment.size:
            return segment.offset + address - segment.address
    raise IndexError(f"address {address:#x} is in no segment")


def _text(data: bytes | memoryview, start: int) -> str:
    end = start
    while data[end]:
        end += 1
    return bytes(data[start:end]).decode("utf-8", "surrogateescape")
