"""Reading an initrd: archives of cpio, one after the other, the last of them compressed.

    070701 or 070702, then 13 numbers of 8 hexadecimal digits:
    inode mode uid gid links time size device(2) rdevice(2) name-size checksum
    name, NUL, padding to 4; content, padding to 4; ends with an entry TRAILER!!!

Source: "initramfs buffer format" of the kernel's documentation. What is compressed runs to the
end of the file, and holds archives again.
"""

from __future__ import annotations

import io
import stat
from dataclasses import dataclass

from apt2ostree.deb import compression
from apt2ostree.errors import UserError

_HEADER = 110
_MAGICS = (b"070701", b"070702")
_COMPRESSED = {
    b"\x1f\x8b": ".gz",
    b"\xfd7zXZ\x00": ".xz",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"BZh": ".bz2",
    b"\x5d\x00\x00": ".lzma",
}
_TRAILER = "TRAILER!!!"
_UNREADABLE = {b"\x02\x21\x4c\x18": "lz4", b"\x89LZO": "lzop"}


@dataclass(frozen=True)
class Entry:
    """A file in an initrd.

    Attributes:
        mode: type and permissions, as in `st_mode`.
        content: of a file; of a symlink the target.
    """

    mode: int
    content: memoryview

    @property
    def target(self) -> str:
        """Where a symlink leads; empty for anything else."""
        return bytes(self.content).decode("utf-8", "surrogateescape") if self.is_link else ""

    @property
    def is_link(self) -> bool:
        """Whether it is a symlink."""
        return stat.S_ISLNK(self.mode)


def read(data: bytes, zstd: str | None = None) -> dict[str, Entry]:
    """Read an initrd.

    Args:
        data: the whole file.
        zstd: see `compression.chunks`.

    Returns:
        Path, relative to the root, → entry; later archives' count more, as for the kernel.

    Raises:
        UserError: it is cut off, is not of cpio, or is compressed with something that cannot be
            read here.
    """
    entries: dict[str, Entry] = {}
    view, at = memoryview(data), 0
    while at < len(data):
        if data[at] == 0:
            at += 1
        elif data[at : at + 6] in _MAGICS:
            at = _archive(view, at, entries)
        else:
            entries.update(read(_decompress(data[at:], at, zstd), zstd))
            break
    return entries


def _archive(view: memoryview, at: int, entries: dict[str, Entry]) -> int:
    """Read one archive; return where it ends."""
    while True:
        header = bytes(view[at : at + _HEADER])
        if len(header) < _HEADER or header[:6] not in _MAGICS:
            raise UserError(f"its cpio archive is cut off or damaged at byte {at}")
        try:
            numbers = [int(header[start : start + 8], 16) for start in range(6, _HEADER, 8)]
        except ValueError:
            raise UserError(f"its cpio archive is damaged at byte {at}") from None
        mode, size, name_size = numbers[1], numbers[6], numbers[11]
        start = _aligned(at + _HEADER + name_size)
        raw = bytes(view[at + _HEADER : at + _HEADER + name_size - 1])
        name = raw.decode("utf-8", "surrogateescape")
        if start + size > len(view):
            raise UserError(f"its cpio archive is cut off in {name!a}")
        at = _aligned(start + size)
        if name == _TRAILER:
            return at
        name = "/".join(part for part in name.split("/") if part not in ("", "."))
        # Of hard links the last one brings the content.
        entries[name] = Entry(mode, view[start : start + size])


def _aligned(offset: int) -> int:
    return offset + -offset % 4


def _decompress(data: bytes, at: int, zstd: str | None) -> bytes:
    for magic, suffix in _COMPRESSED.items():
        if data.startswith(magic):
            try:
                return b"".join(compression.chunks(suffix, io.BytesIO(data), zstd))
            except UserError as error:
                why = str(error).replace("; download the package again", "")
                raise UserError(f"what is compressed at byte {at}: {why}") from error
    known = [name for magic, name in _UNREADABLE.items() if data.startswith(magic)]
    if known:
        raise UserError(
            f"it is compressed with {known[0]}, which cannot be read here: choose zstd or gzip, "
            "with COMPRESS in initramfs.conf(5) or compress in dracut.conf(5)"
        )
    raise UserError(f"neither an archive of cpio nor anything compressed at byte {at}")
