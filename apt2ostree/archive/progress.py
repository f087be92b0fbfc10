"""Tell a person how far downloads are: bars on a terminal, lines in a log, nothing if quiet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from apt2ostree.messages import printable
from apt2ostree.progress import format_size


class Progress:
    """Hears of each download; this one keeps it to itself. Methods are called by many threads."""

    def begin(self, label: str, size: int | None) -> int:
        """A download of so many bytes (None: unknown) begins; returns a number for it."""
        del label, size
        return 0

    def advance(self, task: int, amount: int) -> None:
        """More bytes have come; a negative amount takes back those of a failed attempt."""

    def end(self, task: int, ok: bool) -> None:
        """The download is over."""


class LineProgress(Progress):
    """One line for each file that was downloaded, as apt writes them to a log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._tasks: list[tuple[str, int]] = []

    def begin(self, label: str, size: int | None) -> int:
        """Remember the label."""
        with self._lock:
            self._tasks.append((printable(label), 0))
            return len(self._tasks) - 1

    def advance(self, task: int, amount: int) -> None:
        """Count."""
        with self._lock:
            label, done = self._tasks[task]
            self._tasks[task] = (label, done + amount)

    def end(self, task: int, ok: bool) -> None:
        """Write the line; a failure is an error of its own, later, and an unchanged file none."""
        with self._lock:
            label, done = self._tasks[task]
            if ok and done:
                print(f"Get: {label} [{format_size(done)}]", file=self._stream, flush=True)


@contextmanager
def show_progress(stream: TextIO, quiet: bool = False) -> Iterator[Progress]:
    """Progress in the form that suits ``stream``, which is cleaned up at the end."""
    if quiet:
        yield Progress()
    elif stream.isatty():
        with _bars(stream) as progress:
            yield progress
    else:
        yield LineProgress(stream)


@contextmanager
def _bars(stream: TextIO) -> Iterator[Progress]:
    # Imported here so that a run in a log, or one that fails early, does not wait for it.
    from rich import progress as rich_progress
    from rich.console import Console

    display = rich_progress.Progress(
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.DownloadColumn(),
        rich_progress.TransferSpeedColumn(),
        console=Console(file=stream),
        transient=True,
    )

    class Bars(Progress):
        def begin(self, label: str, size: int | None) -> int:
            return int(display.add_task(_shortened(printable(label)), total=size))

        def advance(self, task: int, amount: int) -> None:
            display.advance(rich_progress.TaskID(task), amount)

        def end(self, task: int, ok: bool) -> None:
            display.remove_task(rich_progress.TaskID(task))

    with display:
        yield Bars()


def _shortened(label: str, width: int = 44) -> str:
    """The end of a URL, which tells one from another, beside a bar on a narrow terminal."""
    return label if len(label) <= width else "…" + label[1 - width :]
