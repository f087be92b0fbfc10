"""Work spread over processes, for what Python's threads would do one after the other."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Generator, Sequence
from multiprocessing import connection
from typing import Callable, TypeVar

from apt2ostree.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_forked(
    function: Callable[[Item], Result], items: Sequence[Item], processes: int
) -> Generator[Result, None, None]:
    """Yield the result of each item, in the order in which they come.

    The processes are forked, so that function and items need not be pickled; results and errors
    are. With the generator's end, or when it is closed, no process is left.

    Args:
        function: what to do with an item; it works on a copy of the caller's memory.
        items: each process gets every so manieth of them.
        processes: how many; with one, or one item, the caller does the work itself.

    Raises:
        UserError: a process was killed.
        Exception: what `function` raises.
    """
    if processes < 2 or len(items) < 2:
        yield from map(function, items)
        return
    context = multiprocessing.get_context("fork")
    running = {}
    try:
        for number in range(min(processes, len(items))):
            reading, writing = context.Pipe(duplex=False)
            process = context.Process(
                target=_work, args=(function, items[number::processes], writing), daemon=True
            )
            process.start()
            running[reading] = process
            writing.close()  # so that nobody but the process itself has this end
        waiting = list(running)
        while waiting:
            ready: connection.Connection
            for ready in connection.wait(waiting):  # type: ignore[assignment]
                try:
                    result, error = ready.recv()
                except EOFError:
                    waiting.remove(ready)
                    _check_end(running[ready])
                    continue
                if error is not None:
                    raise error
                yield result
    finally:
        for reading, process in running.items():
            process.terminate()
            process.join()
            reading.close()


def _work(
    function: Callable[[Item], Result], items: Sequence[Item], writing: connection.Connection
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller gets it too, and ends this
    with contextlib.suppress(BrokenPipeError):  # the caller was killed
        try:
            for item in items:
                writing.send((function(item), None))
        except BrokenPipeError:
            raise
        except Exception as error:
            writing.send((None, error))


def _check_end(process: multiprocessing.process.BaseProcess) -> None:
    process.join()
    if process.exitcode:
        raise UserError(
            f"a process that shared the work ended with {process.exitcode}: was it killed, or is "
            "there too little memory? Try again"
        )
