"""What a tool says to its user: the one way to standard error, line by line.

An error stops the work, a warning does not; a note says what was done and could surprise; what
only those who look for a fault want to read is shown when they ask for it. All of it goes
through `printable`, because names in hostile packages and archives end up in it.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Collection, Iterator

_hidden: Collection[str] = ("debug",)


class _Kept(threading.local):
    """Where this thread's lines go instead of standard error."""

    lines: list[str] | None = None


_kept = _Kept()


def printable(text: str) -> str:
    """Escape what would steer a terminal; lines stay lines."""
    return "".join(
        character if character.isprintable() or character == "\n" else ascii(character)[1:-1]
        for character in text
    )


def say(text: str) -> None:
    """Say something as it is."""
    line = printable(text)
    if _kept.lines is None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    else:
        _kept.lines.append(line)


def error(text: str) -> None:
    """Say why the work stops."""
    _say("error", text)


def warning(text: str) -> None:
    """Say what should be looked at, and does not stop the work."""
    _say("warning", text)


def note(text: str) -> None:
    """Say what was done and could surprise."""
    _say("note", text)


def debug(text: str) -> None:
    """Say what helps to find a fault."""
    _say("debug", text)


def choose(verbose: bool = False, quiet: bool = False) -> None:
    """Set what is said at all: what `debug` says if `verbose`, what `note` says unless `quiet`."""
    global _hidden
    _hidden = [*([] if verbose else ["debug"]), *(["note"] if quiet else [])]


@contextlib.contextmanager
def kept() -> Iterator[list[str]]:
    """Keep what this thread says in a list, a message an item, instead of printing it."""
    before, _kept.lines = _kept.lines, []
    try:
        yield _kept.lines
    finally:
        _kept.lines = before


def _say(kind: str, text: str) -> None:
    if kind not in _hidden:
        say(f"{kind}: {text}")
