"""Bazel's persistent workers: one process that runs many actions.

Starting Python takes as long as unpacking a small package. A worker starts once and takes
requests on standard input, one JSON object per line, and answers them on standard output
(Bazel's "Creating persistent workers", JSON protocol). Requests with an id other than 0 may
overlap (multiplexing) and each runs in a thread of its own: hashing and decompressing
release the interpreter's lock.

An action is the same with and without a worker: both run the program's `main` on the same request
(see `request`), which comes in a file that the one argument, `@FILE`, names.
"""

from __future__ import annotations

import gc
import json
import sys
import threading
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Callable, TextIO

from apt2ostree import errors, messages, request
from apt2ostree.request import Request

Main = Callable[[Request], None]
"""A program: does what a request says, or raises a `UserError`."""

FLAG = "--persistent_worker"

_MUCH_GARBAGE = 50_000
"""Objects left by the actions since the last search for garbage that are worth another."""


def run(main: Main[Request], kind: type[Request]) -> None:
    """Run a program as Bazel asks: as a worker if `FLAG` is among the arguments, else once.

    Args:
        main: the program.
        kind: the dataclass that its requests are read into.
    """
    if FLAG in sys.argv[1:]:
        serve(main, kind, sys.stdin, sys.stdout)
    else:
        errors.run(lambda arguments: _run(main, kind, arguments, Path()))


def _run(
    main: Main[Request], kind: type[Request], arguments: Sequence[str], directory: Path
) -> int:
    """Run a program once; paths are relative to `directory`."""
    main(request.read(_text(arguments, directory), kind, directory, "the action's request"))
    return 0


def _text(arguments: Sequence[str], directory: Path) -> str | bytes:
    """The request: the file that `@FILE` names, or its lines, as Bazel gives them to workers."""
    if len(arguments) == 1 and arguments[0].startswith("@"):
        return (directory / arguments[0][1:]).read_bytes()
    return "\n".join(arguments)


def serve(
    main: Main[Request], kind: type[Request], requests: Iterable[str], responses: TextIO
) -> None:
    """Answer Bazel's requests until there are no more.

    Python's search for garbage in cycles would go through a hundred thousand living rows again
    and again while an image is composed: it waits until an action is done, and there may be much.
    """
    lock = threading.Lock()
    gc.freeze()
    gc.disable()

    def answer(work: dict[str, Any]) -> None:
        status, output = _work(main, kind, work)
        response = {
            "exitCode": status,
            "output": output,
            "requestId": work.get("requestId", 0),
        }
        with lock:
            responses.write(json.dumps(response) + "\n")
            responses.flush()
        if gc.get_count()[0] > _MUCH_GARBAGE:
            gc.collect()

    threads = []
    for line in requests:
        work = json.loads(line)
        if work.get("cancel"):
            continue  # Cancelling is not announced as supported; the answer comes anyway.
        if work.get("requestId", 0):
            threads.append(threading.Thread(target=answer, args=(work,)))
            threads[-1].start()
            threads = [thread for thread in threads if thread.is_alive()]
        else:
            answer(work)
    for thread in threads:
        thread.join()


def _work(main: Main[Request], kind: type[Request], work: dict[str, Any]) -> tuple[int, str]:
    """Run one action; return its exit status and what to show of it."""
    directory = Path(work.get("sandboxDir") or ".")
    with messages.kept() as said:
        try:
            status = _run(main, kind, work.get("arguments", []), directory)
        except (errors.UserError, OSError) as error:
            status = 1
            message = str(error)
            if directory != Path():
                message = message.replace(f"{directory}/", "")  # Told as Bazel knows them.
            messages.error(message)
        except BaseException:
            status = 1
            messages.say(traceback.format_exc().rstrip("\n"))
    return status, "".join(f"{line}\n" for line in said)
