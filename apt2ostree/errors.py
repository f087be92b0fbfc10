"""The one exception that a user is meant to read."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Callable


class UserError(Exception):
    """Something that the user can mend: bad input, a missing file, a full disk.

    The message is the interface: it names the package, the path, the file and line as
    far as they are known, says what was expected, and what to do.
    """


def printable(text: str) -> str:
    """Escape what would steer a terminal: names in hostile packages may hold it."""
    return "".join(
        character if character.isprintable() or character == "\n" else ascii(character)[1:-1]
        for character in text
    )


class _Warnings(threading.local):
    """Where this thread's warnings go: a list, or standard error."""

    kept: list[str] | None = None


_warnings = _Warnings()


def warn(message: str) -> None:
    """Tell the user something that does not stop the work: a line on standard error."""
    if _warnings.kept is None:
        print(printable(f"warning: {message}"), file=sys.stderr)
    else:
        _warnings.kept.append(message)


@contextlib.contextmanager
def kept_warnings() -> Iterator[list[str]]:
    """Keep the warnings of this thread in a list instead of printing them."""
    before, _warnings.kept = _warnings.kept, []
    try:
        yield _warnings.kept
    finally:
        _warnings.kept = before


def heed_sigterm() -> None:
    """Let SIGTERM, with which what runs in the night is stopped, clean up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    raise KeyboardInterrupt


def run(main: Callable[[Sequence[str]], int]) -> None:
    """Run a tool's `main` on the command line's arguments and exit with its status.

    A `UserError` or an error of the operating system becomes one line on standard error
    and exit status 1; an interrupt becomes 130, as a shell reports SIGINT.
    """
    try:
        status = main(sys.argv[1:])
    except UserError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        status = 1
    except BrokenPipeError:
        # The reader of our output went away: nothing to say, nobody to say it to.
        status = 141
    except OSError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
