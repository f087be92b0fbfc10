"""What goes wrong with archives, their indexes and lockfiles, for a person to read."""

from __future__ import annotations

from dataclasses import dataclass


class AptError(Exception):
    """The input, an archive or the network is at fault; the text says which and what to do."""


@dataclass(frozen=True)
class Place:
    """A line of a file, the first being 1; printed as ``path:line``."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"
