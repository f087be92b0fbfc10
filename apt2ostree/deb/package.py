"""Reading a .deb: its control files at once, its file system archive as a stream (deb(5))."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from apt2ostree.deb import ar, compression
from apt2ostree.deb.tar import TarReader
from apt2ostree.errors import UserError

MAX_CONTROL_SIZE = 64 << 20
"""Bytes that all control files of a package may have; the largest real ones have a few MiB."""


@dataclass(frozen=True)
class ControlFile:
    """A member of control.tar.

    Attributes:
        mode: its permission bits.
        data: its content.
    """

    mode: int
    data: bytes


class Deb:
    """A binary package, read once from start to end.

    Args:
        file: the package; it is only read forwards.
        zstd: see `compression.chunks`.

    Attributes:
        control: the files of control.tar by name, `control` among them.

    Raises:
        UserError: not a format-2 package, or its parts are missing, truncated or corrupt.
    """

    def __init__(self, file: BinaryIO, zstd: str | None = None) -> None:
        self._members = ar.members(file)
        self._zstd = zstd
        self._check_version()
        self.control: Mapping[str, ControlFile] = self._read_control()

    def data(self) -> Iterator[TarReader]:
        """Yield the reader of data.tar, once; after it, the rest of the package is checked.

        Written as a generator so that `for tar in deb.data():` cannot forget the check.
        """
        chunks = self._tar("data.tar")
        yield TarReader(chunks)
        # What follows the end of the archive is padding, but reading it verifies the
        # compressor's own checksum and that the package is whole.
        for _ in chunks:
            pass
        for _ in self._members:
            pass

    def _check_version(self) -> None:
        member = next(self._members, None)
        if member is None or member.name != "debian-binary":
            raise UserError("not a Debian package: its first member is not debian-binary")
        version = member.read(64).split(b"\n", 1)[0].decode("ascii", "backslashreplace")
        if not version.startswith("2."):
            raise UserError(f"package format {version!r}: expected 2.0")

    def _tar(self, prefix: str) -> Iterator[bytes]:
        """Find the next part and return its decompressed bytes."""
        for member in self._members:
            if member.name.startswith(prefix):
                return compression.chunks(member.name[len(prefix) :], member, self._zstd)
            if not member.name.startswith("_"):  # deb(5): these are to be ignored
                raise UserError(f"expected member {prefix}.*, found {member.name!r}")
        raise UserError(f"no {prefix}.* in it: the package is truncated, or no package")

    def _read_control(self) -> dict[str, ControlFile]:
        files: dict[str, ControlFile] = {}
        total = 0
        chunks = self._tar("control.tar")
        reader = TarReader(chunks)
        for member in reader:
            name = member.name[2:] if member.name.startswith("./") else member.name
            if member.type == "directory":
                continue
            if member.type != "file" or "/" in name or not name.strip("."):
                raise UserError(f"control.tar: {member.name!r} is not a plain file at the top")
            total += member.size
            if total > MAX_CONTROL_SIZE:
                raise UserError(f"control.tar: more than {MAX_CONTROL_SIZE >> 20} MiB of files")
            files[name] = ControlFile(member.mode, b"".join(reader.content()))
        for _ in chunks:
            pass
        if "control" not in files:
            raise UserError("control.tar has no file 'control'")
        return files
