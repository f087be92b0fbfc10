"""Work spread over processes, for what Python's threads would do one after the other."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Generator, Iterator, Sequence
from multiprocessing import connection
from typing import Callable, TypeVar

from apt2ostree.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")


def available() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # As on macOS.


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
    running: dict[connection.Connection, multiprocessing.process.BaseProcess] = {}
    try:
        for number in range(min(processes, len(items))):
            with _held_signals() as before:  # or one could come when it is started and not noted
                reading, writing = context.Pipe(duplex=False)
                process = context.Process(
                    target=_work,
                    args=(function, items[number::processes], writing, [*running, reading], before),
                    daemon=True,
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
        for reading, worker in running.items():
            worker.terminate()
            worker.join()
            reading.close()


def _work(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    writing: connection.Connection,
    callers: Sequence[connection.Connection],
    mask: set[signal.Signals | int],
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller gets it too, and ends this
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # whatever the caller does at that
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    for reading in callers:
        reading.close()  # or this would wait for ever when the caller is gone
    with contextlib.suppress(BrokenPipeError):  # the caller was killed
        try:
            for item in items:
                writing.send((function(item), None))
        except BrokenPipeError:
            raise
        except Exception as error:
            writing.send((None, error))


@contextlib.contextmanager
def _held_signals() -> Iterator[set[signal.Signals | int]]:
    """Let Ctrl-C and SIGTERM wait until the block's end; yield the signals held before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _check_end(process: multiprocessing.process.BaseProcess) -> None:
    process.join()
    if process.exitcode:
        raise UserError(
            f"a process that shared the work ended with {process.exitcode}: was it killed, or is "
            "there too little memory? Try again"
        )
