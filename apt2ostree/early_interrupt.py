"""Imported first by what `bazel run` executes: Ctrl-C while the rest is imported says nothing.

Importing takes a second on a busy machine, and Python would answer with a traceback. Until
`errors.run` takes over, SIGINT ends the program as the kernel does; there is nothing to clean up.
"""

from __future__ import annotations

import signal

# Who is in the background and ignores it goes on to.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
