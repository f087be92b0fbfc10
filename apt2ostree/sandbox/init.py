"""Process 1 of the sandbox: starts commands, one after the other, and reaps their remains.

It talks to the supervisor outside (`supervisor.py`) over a socket: a request comes in as JSON,
a command's standard streams beside it as descriptors; one answer goes back for each. When the
socket closes it ends, and the kernel kills whatever is left in the namespace. Nobody inside can
look into it: it was never executed there, and is not to be traced.

    {"run": [ARGUMENT, …], "environment": {…}, "terminal": BOOL, "limit": PROCESSES}
                         → {"status": WAIT STATUS, "left": BOOL: whether it left processes}
    {"start": …, as run} → {"pid": PID}: it stays, as the one that stays
    {"end": true}        → {"ended": true}: nothing runs but the one that stays
    {"stop": true}       → {"stopped": BOOL}: that has ended, too; or had before
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apt2ostree.errors import UserError
from apt2ostree.sandbox import linux, mounts, namespaces, seccomp

MAX_MESSAGE = 1 << 17
MAX_DESCRIPTORS = 8
STATUS = 3
"""The descriptor that a command may tell its progress on."""
_MSG_CMSG_CLOEXEC = 0x4000_0000
_OPEN_FILES = 1024
_GRACE = 1.0
"""Seconds that a command's remains may take to end by themselves."""
_LIKELIEST_VICTIM = "1000"
"""What of all the kernel is to kill when memory runs out: proc(5), oom_score_adj."""


def main(control: socket.socket, layout: mounts.Layout) -> None:
    """Enter the root, report, serve; does not return."""
    status = 1
    try:
        linux.die_with_parent(signal.SIGKILL)
        descriptors = []
        try:
            machine = seccomp.machine()
            _close_others(control.fileno())
            linux.join_new_keyring(machine.keyctl)
            linux.unshare(linux.CLONE_NEWNS)
            mounts.enter(layout)
            namespaces.enter_inner()
            Path("/proc/self/oom_score_adj").write_text(_LIKELIEST_VICTIM, encoding="ascii")
            processes = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            descriptors = [processes, seccomp.install(machine)]
            linux.forbid_tracing()
            linux.die_with_parent(signal.SIGKILL)  # forgotten with other credentials
        except (OSError, UserError) as error:
            _send(control, {"error": str(error)})
        else:
            # Nothing of the supervisor's environment or limits is for what runs here.
            os.umask(0o022)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(_OPEN_FILES, hard), hard))
            _send(control, {"ready": True}, descriptors)
            os.close(descriptors[1])
            _Server(control, processes).serve()
            status = 0
    except BaseException as error:  # the supervisor sees the socket close
        sys.stderr.write(f"sandbox: {error!r}\n")
        sys.stderr.flush()
    finally:
        os._exit(status)


def _close_others(keep: int) -> None:
    """Close every descriptor but standard error and `keep`; the other streams are /dev/null."""
    null = os.open("/dev/null", os.O_RDWR)
    for number in range(2):
        os.dup2(null, number)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != keep:
            with contextlib.suppress(OSError):  # the one that listed them
                os.close(int(name))


def _hide_root() -> int:
    """Move process 1 out of the root that the commands have; return that root.

    Programs that compare /proc/1/root with their own take this for a chroot (ischroot(1),
    systemctl(1)), as they do where debootstrap and its like run them, and leave process 1 alone.
    """
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    os.chroot(f"/{mounts.TOOLS}")
    return root


def _send(control: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    socket.send_fds(control, [json.dumps(message).encode("ascii")], list(descriptors))


class _Server:
    """Answers requests.

    Args:
        control: where they come from.
        processes: a descriptor of the sandbox's /proc.
    """

    def __init__(self, control: socket.socket, processes: int) -> None:
        self._control = control
        self._processes = processes
        self._root = _hide_root()
        self._staying = 0

    def serve(self) -> None:
        """Answer until nobody asks any more."""
        while True:
            data, descriptors, _, _ = socket.recv_fds(
                self._control, MAX_MESSAGE, MAX_DESCRIPTORS, _MSG_CMSG_CLOEXEC
            )
            if not data:
                return
            answer = self._answer(json.loads(data), descriptors)
            _send(self._control, answer)

    def _answer(self, request: dict[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
        if "run" in request:
            status = self._reap(_start(request["run"], request, descriptors, self._root))
            return {"status": status, "left": self._is_something_left()}
        if "start" in request:
            self._staying = _start(request["start"], request, descriptors, self._root)
            return {"pid": self._staying}
        if "end" in request:
            self._end_others()
            return {"ended": True}
        stopped = bool(self._staying)
        if stopped:
            os.kill(self._staying, signal.SIGTERM)
            os.kill(self._staying, signal.SIGCONT)
            self._reap(self._staying)
        return {"stopped": stopped}

    def _reap(self, wanted: int) -> int:
        """Wait for a child; others that end meanwhile are orphans, and nobody asks for them."""
        while True:
            pid, status = os.wait()
            if pid == self._staying:
                self._staying = 0
            if pid == wanted:
                return status

    def _others(self) -> list[int]:
        """The processes besides this one and the one that stays, once the dead are reaped."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, _ = os.waitpid(-1, os.WNOHANG)
                if pid == self._staying:
                    self._staying = 0
                if not pid:
                    break
        names = os.listdir(self._processes)
        return [
            int(name) for name in names if name.isdigit() and int(name) not in (1, self._staying)
        ]

    def _is_something_left(self) -> bool:
        deadline = time.monotonic() + _GRACE
        while self._others():
            if time.monotonic() > deadline:
                return True
            time.sleep(_GRACE / 50)
        return False

    def _end_others(self) -> None:
        """Kill them; all stand still first, so that none makes another meanwhile."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGSTOP)
        while True:
            others = self._others()
            if not others:
                break
            for pid in others:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_GRACE / 1000)
        if self._staying:
            os.kill(self._staying, signal.SIGCONT)


def _start(
    arguments: Sequence[str], request: dict[str, Any], descriptors: Sequence[int], root: int
) -> int:
    pid = os.fork()
    if pid:
        for descriptor in descriptors:
            os.close(descriptor)
        return pid
    try:
        if not request["terminal"]:
            os.setsid()
        os.fchdir(root)
        os.chroot(".")
        # Descriptors come in ascending order from 3 on, so none is overwritten before its turn.
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        if len(descriptors) > STATUS:
            os.write(STATUS, b"\n")  # who tells its progress from now on
        for name in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_DFL)
        _limit_processes(request["limit"])
        os.execvpe(arguments[0], list(arguments), request["environment"])
    except OSError as error:
        os.write(2, f"{arguments[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _limit_processes(limit: int) -> None:
    """Which the kernel does not do where the machine's root is ours: the supervisor counts, too."""
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
