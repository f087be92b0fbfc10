"""The one exception that a user is meant to read."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Callable

from apt2ostree import messages


class UserError(Exception):
    """Something that the user can mend: bad input, a missing file, a full disk.

    The message is the interface: it names the package, the path, the file and line as
    far as they are known, says what was expected, and what to do.
    """


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
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # see early_interrupt
    try:
        status = main(sys.argv[1:])
    except BrokenPipeError:
        # The reader of our output went away: nothing to say, nobody to say it to.
        status = 141
    except (UserError, OSError) as error:
        messages.error(str(error))
        status = 1
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
