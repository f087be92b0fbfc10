"""The sandbox seen from outside: starting it, running commands in it, watching them."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Callable

from apt2ostree.errors import UserError
from apt2ostree.sandbox import init, mounts, processes
from apt2ostree.sandbox.limits import Limits, TimeLimit, Watch
from apt2ostree.sandbox.recorder import Recorder

CHUNK = 1 << 16
WATCH_INTERVAL = 0.5
"""Seconds between two looks at the limits."""
_LAST_READS = 8
"""That empty what a command has written to before it ended: a pipe, a socket."""
_CREDENTIALS = struct.Struct("=iII")


@dataclass(frozen=True)
class Command:
    """A program to run in the sandbox.

    Attributes:
        arguments: the first is the program, looked for in the environment's PATH.
        environment: all of it.
        on_output: gets standard output and error, as they come.
        on_status: if given, gets what the program writes to descriptor 3; what others write
            there, as those that it starts, is left out.
        work: what is worked on; the limit of time is for each such piece, however often it is
            turned to.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    on_output: Callable[[bytes], None]
    on_status: Callable[[bytes], None] | None = None
    work: Callable[[], str] = str


@dataclass(frozen=True)
class Result:
    """How a command ended.

    Attributes:
        status: its exit status, 128 + N if signal N killed it.
        left: the processes that it left running, which were killed.
    """

    status: int
    left: Sequence[processes.Process] = ()


class Supervisor:
    """A running sandbox; the calling process is in namespaces of its own (`namespaces.enter`).

    Args:
        layout: its directories, with the overlay mounted.
        recorder: answers the calls that the kernel refuses.
        limits: what commands may use.
    """

    def __init__(self, layout: mounts.Layout, recorder: Recorder, limits: Limits) -> None:
        self._recorder = recorder
        self._limits = limits
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener = self._processes = -1
        self._staying = ""
        self._spent: dict[str, float] = {}
        self._pid = os.fork()
        if self._pid == 0:
            self._control.close()
            init.main(theirs, layout)
        theirs.close()
        try:
            self._watch = self._await_ready(layout)
        except BaseException:
            self.close()
            raise

    def _await_ready(self, layout: mounts.Layout) -> Watch:
        data, descriptors, _, _ = socket.recv_fds(self._control, init.MAX_MESSAGE, 2)
        message = json.loads(data) if data else {"error": "its first process ended"}
        if "error" in message:
            raise UserError(f"the sandbox could not be set up: {message['error']}")
        self._processes, self._listener = descriptors
        return Watch(self._limits, layout.upper, layout.volatile, self._processes)

    def __enter__(self) -> Supervisor:
        """Itself."""
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
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = 0
            self._control.close()
            for descriptor in (self._listener, self._processes):
                if descriptor >= 0:
                    os.close(descriptor)

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], streams: Sequence[int]
    ) -> None:
        """Start a program that stays.

        Args:
            arguments: of the program.
            environment: all of it.
            streams: descriptors to be its standard streams.
        """
        self._staying = arguments[0]
        self._send("start", arguments, environment, streams)
        self._wait()

    def stop(self) -> bool:
        """Ask the program that stays to end, and wait until it has; return whether it ran."""
        self._control.send(json.dumps({"stop": True}).encode("ascii"))
        return bool(self._wait(work=lambda: "the end").get("stopped"))

    def run(self, command: Command) -> Result:
        """Run a program to its end, and end what it leaves running.

        Raises:
            TimeLimit, SpaceLimit: it was stopped.
        """
        with _streams(command) as (streams, ends):
            self._send("run", command.arguments, command.environment, ends)
            for end in ends:
                os.close(end)
            ends.clear()
            answer = self._wait(streams, command.work)
        left: Sequence[processes.Process] = ()
        if answer.get("left"):
            left = [
                process
                for process in processes.below(self._pid)
                if self._staying not in process.command.split(" ")[:2]  # emulated, it is second
            ]
            self._control.send(json.dumps({"end": True}).encode("ascii"))
            self._wait(work=command.work)
        self._watch.check()
        return Result(_exit_status(answer), left)

    def run_interactively(self, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run a program on our own standard streams, the terminal; return its exit status."""
        self._send("run", arguments, environment, range(3), terminal=True)
        return _exit_status(self._wait())

    def _send(
        self,
        verb: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        descriptors: Sequence[int],
        *,
        terminal: bool = False,
    ) -> None:
        message = {
            verb: list(arguments),
            "environment": dict(environment),
            "limit": 2 * self._limits.processes,  # so that it is seen who wants more
            "terminal": terminal,
        }
        socket.send_fds(self._control, [json.dumps(message).encode("ascii")], list(descriptors))

    def _receive(self) -> dict[str, Any]:
        data = self._control.recv(init.MAX_MESSAGE)
        if not data:
            raise UserError("the sandbox's first process was killed: is the machine out of memory?")
        message: dict[str, Any] = json.loads(data)
        return message

    def _wait(
        self, streams: Sequence[_Stream] = (), work: Callable[[], str] | None = None
    ) -> dict[str, Any]:
        """Serve streams and intercepted calls until the sandbox answers.

        Args:
            streams: what a command writes to.
            work: if given, the limits are looked at.
        """
        looked = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._listener, selectors.EVENT_READ)
            for stream in streams:
                selector.register(stream.descriptor, selectors.EVENT_READ, stream)
            while True:
                ended = False
                for key, _ in selector.select(WATCH_INTERVAL):
                    if key.fd == self._listener:
                        self._recorder.serve(self._listener)
                    elif key.fileobj is self._control:
                        ended = True
                    elif not key.data.pump():
                        selector.unregister(key.fd)
                if ended:
                    # What was written before the end; a daemon may keep writing for ever.
                    for stream in streams:
                        for _ in range(_LAST_READS):
                            stream.pump()
                    return self._receive()
                now = time.monotonic()
                if work and now - looked >= WATCH_INTERVAL:
                    self._check_time(work(), now - looked)
                    self._watch.check()
                    looked = now

    def _check_time(self, work: str, seconds: float) -> None:
        """Add to the time that a piece of work has taken."""
        spent = self._spent[work] = self._spent.get(work, 0) + seconds
        if spent > self._limits.seconds:
            raise TimeLimit(
                f"no progress for {spent:.0f} seconds (the limit is "
                f"{self._limits.seconds:.0f}); these processes were running and were killed:\n"
                f"{processes.tree(self._pid)}"
            )


class _Stream:
    """The reading end of what a command writes to.

    Args:
        descriptor: the end; it becomes ours.
        callback: gets what was written.
    """

    def __init__(self, descriptor: int, callback: Callable[[bytes], None]) -> None:
        self.descriptor = descriptor
        self._callback = callback
        os.set_blocking(descriptor, False)

    def close(self) -> None:
        os.close(self.descriptor)

    def pump(self) -> bool:
        """Pass on what was written; return whether there may come more."""
        try:
            data = os.read(self.descriptor, CHUNK)
        except BlockingIOError:
            return True
        if data:
            self._callback(data)
        return bool(data)


class _Status(_Stream):
    """A socket on which one process tells something, and others, which have it too, do not.

    The first to write is `init`, as what becomes the command. Nobody inside can claim another
    process id than their own: unix(7), SCM_CREDENTIALS.
    """

    def __init__(self, reading: socket.socket, callback: Callable[[bytes], None]) -> None:
        reading.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket = reading
        self._pid = 0
        super().__init__(reading.fileno(), callback)

    def close(self) -> None:
        self._socket.close()

    def pump(self) -> bool:
        try:
            data, ancillary, _, _ = self._socket.recvmsg(
                CHUNK, socket.CMSG_SPACE(_CREDENTIALS.size), socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return True
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                pid, _, _ = _CREDENTIALS.unpack(value)
                self._pid = self._pid or pid
                if data and pid == self._pid:
                    self._callback(data)
        return bool(data)


@contextlib.contextmanager
def _streams(command: Command) -> Iterator[tuple[list[_Stream], list[int]]]:
    """Our ends of what a command reads and writes, and its own, which may be closed meanwhile."""
    ends = [os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)]
    reading, writing = os.pipe()
    streams = [_Stream(reading, command.on_output)]
    ends += [writing, os.dup(writing)]
    if command.on_status:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        streams.append(_Status(ours, command.on_status))
        ends.append(theirs.detach())
    try:
        yield streams, ends
    finally:
        for stream in streams:
            stream.close()
        for end in ends:
            os.close(end)


def _exit_status(answer: Mapping[str, Any]) -> int:
    """What a shell makes of a wait status."""
    status = int(answer["status"])
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
