"""Files that a target names, and texts that stand for files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from apt2ostree.errors import UserError


@dataclass(frozen=True)
class InputFile:
    """A file that the target names: where it is now, and what its user calls it."""

    path: Path
    name: str

    def read(self) -> str:
        """Return its text.

        Raises:
            UserError: if it is not there, or not UTF-8.
        """
        try:
            return self.path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self.name}: cannot be read: {error}") from None


@dataclass(frozen=True)
class TextFile:
    """A file that is nowhere: what another file comes to. `name` is the other file's."""

    text: str
    name: str

    def read(self) -> str:
        """Return the text."""
        return self.text
