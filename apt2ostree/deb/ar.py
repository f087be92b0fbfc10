"""The `ar` archive that a .deb is (deb(5), ar(5)): a signature, then headers and members."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from apt2ostree.errors import UserError

SIGNATURE = b"!<arch>\n"
HEADER_SIZE = 60
_OLD_FORMAT = b"0.93"
_HEADER_END = b"`\n"


@dataclass
class Member:
    """One member, readable once and in order.

    Attributes:
        name: the member's name, without the padding and the slash some tools add.
        size: bytes of content, as the header says.
    """

    name: str
    size: int
    _file: BinaryIO
    _left: int

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; empty at the end of the member.

        Raises:
            UserError: the file ends before the member does.
        """
        wanted = min(size, self._left)
        if not wanted:
            return b""
        data = self._file.read(wanted)
        if not data:
            raise UserError(
                f"truncated: member {self.name!r} ends {self._left} bytes early; download it again"
            )
        self._left -= len(data)
        return data

    def skip(self) -> None:
        """Move to the end of the member."""
        while self.read(1 << 20):
            pass


def members(file: BinaryIO) -> Iterator[Member]:
    """Yield the members of an ar archive; what is not read of one is skipped.

    Args:
        file: the archive, at its start. It is only read forwards.

    Raises:
        UserError: not an ar archive, a broken header, or a truncated file.
    """
    start = file.read(len(SIGNATURE))
    if start.startswith(_OLD_FORMAT):
        raise UserError(
            "package format 0.939, which came before 2.0 in 1995: expected 2.0; have dpkg write it "
            "anew, with `dpkg-deb -R` and `dpkg-deb -b`"
        )
    if start != SIGNATURE:
        raise UserError("not a Debian package: it does not start with the ar signature '!<arch>'")
    while True:
        header = file.read(HEADER_SIZE)
        if not header:
            return
        if len(header) < HEADER_SIZE:
            raise UserError("truncated: the file ends inside an ar header; download it again")
        size_field = header[48:58].rstrip(b" ")
        if header[58:] != _HEADER_END or not size_field.isdigit():
            raise UserError("broken ar archive: a member header is malformed; download it again")
        size = int(size_field)
        name = header[:16].rstrip(b" ").rstrip(b"/").decode("ascii", "backslashreplace")
        member = Member(name, size, file, size)
        yield member
        member.skip()
        # Members start at even offsets; the padding of the last one may be missing.
        if size % 2:
            file.read(1)
