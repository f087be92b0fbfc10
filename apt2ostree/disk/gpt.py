"""A partition table: GPT, with the protective MBR before it and the copy at the disk's end.

Source: UEFI specification 2.10, chapter 5. Sectors are of 512 bytes.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

SECTOR = 512
ALIGNMENT = 1 << 20
"""Bytes at multiples of which partitions begin."""
_ENTRIES = 128
_ENTRY = struct.Struct("<16s16sQQQ72s")
_TABLE_SECTORS = _ENTRIES * _ENTRY.size // SECTOR
_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")

ESP = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
ROOT_X86_64 = uuid.UUID("4f68bce3-e8cd-4db1-96e7-fbcaf984b709")
"""Types of partitions, as the Discoverable Partitions Specification has them."""


@dataclass(frozen=True)
class Partition:
    """A partition.

    Attributes:
        type: what it is for.
        id: its own, PARTUUID.
        name: PARTLABEL.
        size: in bytes, a multiple of `ALIGNMENT`.
    """

    type: uuid.UUID
    id: uuid.UUID
    name: str
    size: int


def starts(partitions: Sequence[Partition]) -> list[int]:
    """Where on the disk each begins, in bytes: one after the other."""
    found, at = [], ALIGNMENT
    for partition in partitions:
        assert partition.size % ALIGNMENT == 0, partition
        found.append(at)
        at += partition.size
    return found


def size(partitions: Sequence[Partition]) -> int:
    """Bytes of the disk that holds them."""
    return ALIGNMENT + sum(partition.size for partition in partitions) + ALIGNMENT


def write(disk: BinaryIO, disk_id: uuid.UUID, partitions: Sequence[Partition]) -> None:
    """Write the table at both ends of a disk, whose size it sets."""
    total = size(partitions)
    disk.truncate(total)
    last = total // SECTOR - 1
    entries = b"".join(
        _ENTRY.pack(
            partition.type.bytes_le,
            partition.id.bytes_le,
            start // SECTOR,
            (start + partition.size) // SECTOR - 1,
            0,
            partition.name.encode("utf-16-le"),
        )
        for partition, start in zip(partitions, starts(partitions))
    ).ljust(_ENTRIES * _ENTRY.size, b"\0")
    disk.seek(0)
    disk.write(_protective(last))
    disk.write(_header(1, last, 2, last, disk_id, entries) + entries)
    disk.seek((last - _TABLE_SECTORS) * SECTOR)
    disk.write(entries + _header(last, 1, last - _TABLE_SECTORS, last, disk_id, entries))


def _protective(last: int) -> bytes:
    """The MBR that shows programs without GPT a disk in use."""
    entry = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff" * 3, 1, min(last, 0xFFFFFFFF))
    return bytes(446) + entry + bytes(48) + b"\x55\xaa"


def _header(own: int, other: int, table: int, last: int, disk: uuid.UUID, entries: bytes) -> bytes:
    first_usable, last_usable = 2 + _TABLE_SECTORS, last - _TABLE_SECTORS - 1

    def pack(checksum: int) -> bytes:
        return _HEADER.pack(
            b"EFI PART",
            1 << 16,
            _HEADER.size,
            checksum,
            0,
            own,
            other,
            first_usable,
            last_usable,
            disk.bytes_le,
            table,
            _ENTRIES,
            _ENTRY.size,
            zlib.crc32(entries),
        )

    return pack(zlib.crc32(pack(0))).ljust(SECTOR, b"\0")
