"""The sandbox seen from outside: starting it, running commands in it, watching them."""

from __future__ import annotations

import errno
import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Callable

from apt2ostree.configure import init, mounts, processes
from apt2ostree.configure.recorder import Recorder
from apt2ostree.errors import UserError

CHUNK = 1 << 16
WATCH_INTERVAL = 0.5
"""Seconds between two looks at the clock and the disk."""


@dataclass(frozen=True)
class Limits:
    """What a command may use.

    Attributes:
        seconds: without a sign of progress.
        disk_bytes: written by all commands together.
    """

    seconds: float = 1800
    disk_bytes: int = 16 << 30


class TimeLimit(UserError):
    """A command made no progress for too long; the message shows the processes."""


class DiskLimit(UserError):
    """The commands wrote more than they may."""


@dataclass(frozen=True)
class Command:
    """A program to run in the sandbox.

    Attributes:
        arguments: the first is the program, looked for in the environment's PATH.
        environment: all of it.
        on_output: gets standard output and error, as they come.
        on_status: if given, gets what the program writes to descriptor 3; that it writes there
            is the sign of progress that resets the clock.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    on_output: Callable[[bytes], None]
    on_status: Callable[[bytes], None] | None = None


@dataclass
class _Streams:
    """The reading ends of a running command's pipes."""

    callbacks: dict[int, Callable[[bytes], None]] = field(default_factory=dict)

    def close(self) -> None:
        for descriptor in self.callbacks:
            os.close(descriptor)


class Sandbox:
    """A running sandbox; the calling process is in namespaces of its own (`namespaces.enter`).

    Args:
        layout: its directories, with the overlay mounted.
        recorder: answers the calls that the kernel refuses.
        limits: what commands may use.
    """

    def __init__(self, layout: mounts.Layout, recorder: Recorder, limits: Limits) -> None:
        self._layout = layout
        self._recorder = recorder
        self._limits = limits
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._free = _free_bytes(layout.upper)
        self._listener = -1
        self.pid = os.fork()
        if self.pid == 0:
            self._control.close()
            init.main(theirs, layout)
        theirs.close()

    def __enter__(self) -> Sandbox:
        """Wait until the sandbox is ready.

        Raises:
            UserError: it could not be set up.
        """
        data, descriptors, _, _ = socket.recv_fds(self._control, init.MAX_MESSAGE, 1)
        message = json.loads(data) if data else {"error": "its first process ended"}
        if "error" in message:
            self.close()
            raise UserError(f"the sandbox could not be set up: {message['error']}")
        if descriptors:
            self._listener = descriptors[0]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill everything in the sandbox."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
            self._control.close()
            if self._listener >= 0:
                os.close(self._listener)

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], stdin: Path) -> int:
        """Start a program that stays; return its pid in the sandbox."""
        null = os.open("/dev/null", os.O_WRONLY)
        source = os.open(stdin, os.O_RDONLY)
        streams = [source, null, os.dup(null)]
        self._send(arguments, environment, streams, background=True)
        pid: int = self._receive()["pid"]
        return pid

    def stop(self, pid: int) -> None:
        """Ask a program that was started to end, and wait until it has."""
        self._control.send(json.dumps({"kill": pid}).encode("ascii"))
        self._wait(None)

    def run(self, command: Command) -> int:
        """Run a program to its end; return its exit status, 128 + N if signal N killed it.

        Raises:
            TimeLimit, DiskLimit: it was stopped.
        """
        streams = _Streams()
        ends = [os.open("/dev/null", os.O_RDONLY)]
        reading, writing = os.pipe()
        streams.callbacks[reading] = command.on_output
        ends += [writing, os.dup(writing)]
        if command.on_status:
            reading, writing = os.pipe()
            streams.callbacks[reading] = command.on_status
            ends.append(writing)
        try:
            self._send(command.arguments, command.environment, ends)
            status: int = self._wait(streams, command)["status"]
        finally:
            streams.close()
        return _exit_status(status)

    def run_interactively(self, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run a program on our own standard streams, the terminal; return its exit status."""
        streams = [os.dup(number) for number in range(3)]
        self._send(arguments, environment, streams, terminal=True)
        return _exit_status(self._wait(None)["status"])

    def left_running(self, expected: Sequence[str]) -> list[processes.Process]:
        """The processes in the sandbox whose command lines start with none of `expected`."""
        return [
            process
            for process in processes.below(self.pid)
            if not process.command.startswith(tuple(expected))
        ]

    def _send(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        descriptors: list[int],
        *,
        background: bool = False,
        terminal: bool = False,
    ) -> None:
        message = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "background": background,
            "terminal": terminal,
        }
        try:
            socket.send_fds(self._control, [json.dumps(message).encode("ascii")], descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _receive(self) -> dict[str, Any]:
        data = self._control.recv(init.MAX_MESSAGE)
        if not data:
            raise UserError("the sandbox's first process was killed: is the machine out of memory?")
        message: dict[str, Any] = json.loads(data)
        return message

    def _wait(self, streams: _Streams | None, command: Command | None = None) -> dict[str, Any]:
        """Serve pipes and intercepted calls until the sandbox answers."""
        progress = time.monotonic()
        looked = progress
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            if self._listener >= 0:
                selector.register(self._listener, selectors.EVENT_READ)
            for descriptor in streams.callbacks if streams else ():
                os.set_blocking(descriptor, False)
                selector.register(descriptor, selectors.EVENT_READ)
            while True:
                ended = False
                for key, _ in selector.select(WATCH_INTERVAL):
                    if key.fileobj is self._control:
                        ended = True
                    elif key.fd == self._listener:
                        self._recorder.serve(self._listener)
                    elif streams and not _pump(key.fd, streams.callbacks[key.fd]):
                        selector.unregister(key.fd)
                    elif streams and command and streams.callbacks[key.fd] is command.on_status:
                        progress = time.monotonic()
                if ended:
                    # What it wrote before it ended; a daemon may keep the pipes open for ever.
                    for descriptor, callback in streams.callbacks.items() if streams else ():
                        while _pump(descriptor, callback):
                            pass
                    return self._receive()
                now = time.monotonic()
                if command and now - looked >= WATCH_INTERVAL:
                    looked = now
                    self._check_time(now - progress)
                    self._check_disk()

    def _check_time(self, seconds: float) -> None:
        if seconds > self._limits.seconds:
            raise TimeLimit(
                f"no progress for {seconds:.0f} seconds (the limit is "
                f"{self._limits.seconds:.0f}); these processes were running and were killed:\n"
                f"{processes.tree(self.pid)}"
            )

    def _check_disk(self) -> None:
        # The file system's free space is cheap to ask for, but others use it too.
        if self._free - _free_bytes(self._layout.upper) > self._limits.disk_bytes:
            used = disk_usage(self._layout.upper)
            if used > self._limits.disk_bytes:
                raise DiskLimit(
                    f"{used:,} bytes written, more than the limit of "
                    f"{self._limits.disk_bytes:,}; stopped"
                )


def disk_usage(directory: Path) -> int:
    """Bytes that the files below a directory take on the disk."""
    total = 0
    for path, _, names in os.walk(directory):
        for name in names:
            try:
                total += Path(path, name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def _exit_status(status: int) -> int:
    """What a shell makes of a wait status."""
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _free_bytes(path: Path) -> int:
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def _pump(descriptor: int, callback: Callable[[bytes], None]) -> bool:
    """Pass on what a pipe holds; return whether there may be more."""
    try:
        data = os.read(descriptor, CHUNK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return False
        raise
    if data:
        callback(data)
    return bool(data)
