"""Progress of long work on a terminal; nothing at all where the output is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
INTERVAL = 0.1
"""Seconds between two updates."""


def progress(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Yield `items` while a line on standard error counts them.

    Args:
        items: what is worked on, one after the other.
        total: how many they are.
        what: what they are called, in the plural.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    shown = 0.0
    try:
        for count, item in enumerate(items, 1):
            now = time.monotonic()
            if now - shown >= INTERVAL:
                shown = now
                sys.stderr.write(f"\r\033[K{count:,} of {total:,} {what}")
                sys.stderr.flush()
            yield item
    finally:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()


def format_size(size: float) -> str:
    """Bytes for people, in powers of 1000 as apt prints them: `1,234 B`, `12.3 MB`."""
    units = ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.0f} B" if units[0] == "B" else f"{size:.1f} {units[0]}"
