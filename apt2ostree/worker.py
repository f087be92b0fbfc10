"""Bazel's persistent workers: one process that runs many actions.

Starting Python takes as long as unpacking a small package. A worker starts once and takes
requests on standard input, one JSON object per line, and answers them on standard output
(Bazel's "Creating persistent workers", JSON protocol). Requests with an id other than 0 may
overlap (multiplexing) and each runs in a thread of its own: hashing and decompressing
release the interpreter's lock.

An action is the same with and without a worker: both run the tool's `main` on the same
arguments.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import threading
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Callable, NoReturn, TextIO

from apt2ostree import errors, messages

Main = Callable[[Sequence[str], Path], int]
"""A tool: arguments, and the directory that paths in them are relative to → exit status."""

FLAG = "--persistent_worker"

_MUCH_GARBAGE = 50_000
"""Objects left by the actions since the last search for garbage that are worth another."""


class ActionParser(argparse.ArgumentParser):
    """Reads an action's arguments, whose values may begin with a dash; never exits a worker."""

    def error(self, message: str) -> NoReturn:
        """Raise a `UserError`."""
        raise errors.UserError(f"arguments of the action: {message}")

    def _parse_optional(self, arg_string: str) -> Any:
        known = arg_string.partition("=")[0] in self._option_string_actions
        return super()._parse_optional(arg_string) if known else None


def run(main: Main) -> None:
    """Run a tool as Bazel asks: as a worker if `FLAG` is among the arguments, else once."""
    if FLAG in sys.argv[1:]:
        serve(main, sys.stdin, sys.stdout)
    else:
        errors.run(lambda arguments: main(expand(arguments, Path()), Path()))


def expand(arguments: Sequence[str], directory: Path) -> list[str]:
    """Replace `@FILE` by the file's lines, one argument each.

    Bazel expands the files for workers itself, and, like here, leaves `@@…`, labels, alone.
    """
    expanded: list[str] = []
    for argument in arguments:
        if argument.startswith("@") and not argument.startswith("@@"):
            text = (directory / argument[1:]).read_text(encoding="utf-8")
            expanded += text.splitlines()
        else:
            expanded.append(argument)
    return expanded


def serve(main: Main, requests: Iterable[str], responses: TextIO) -> None:
    """Answer requests until there are no more.

    Python's search for garbage in cycles would go through a hundred thousand living rows again
    and again while an image is composed: it waits until an action is done, and there may be much.
    """
    lock = threading.Lock()
    gc.freeze()
    gc.disable()

    def answer(request: dict[str, Any]) -> None:
        status, output = _work(main, request)
        response = {
            "exitCode": status,
            "output": output,
            "requestId": request.get("requestId", 0),
        }
        with lock:
            responses.write(json.dumps(response) + "\n")
            responses.flush()
        if gc.get_count()[0] > _MUCH_GARBAGE:
            gc.collect()

    threads = []
    for line in requests:
        request = json.loads(line)
        if request.get("cancel"):
            continue  # Cancelling is not announced as supported; the answer comes anyway.
        if request.get("requestId", 0):
            threads.append(threading.Thread(target=answer, args=(request,)))
            threads[-1].start()
            threads = [thread for thread in threads if thread.is_alive()]
        else:
            answer(request)
    for thread in threads:
        thread.join()


def _work(main: Main, request: dict[str, Any]) -> tuple[int, str]:
    """Run one action; return its exit status and what to show of it."""
    directory = Path(request.get("sandboxDir") or ".")
    with messages.kept() as said:
        try:
            status = main(expand(request.get("arguments", []), directory), directory)
        except (errors.UserError, OSError) as error:
            status = 1
            messages.error(str(error))
        except BaseException:
            status = 1
            messages.say(traceback.format_exc().rstrip("\n"))
    return status, "".join(f"{line}\n" for line in said)
