"""Process 1 of the sandbox: starts commands, one after the other, and reaps their remains.

It talks to the supervisor outside (`sandbox.py`) over a socket: a command comes in as JSON,
its standard streams beside it as descriptors; the wait status goes back. When the socket
closes it ends, and the kernel kills whatever is left in the namespace.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

from apt2ostree.configure import linux, mounts, seccomp
from apt2ostree.errors import UserError

MAX_MESSAGE = 1 << 17
MAX_DESCRIPTORS = 8
_MSG_CMSG_CLOEXEC = 0x4000_0000
_OPEN_FILES = 1024


def main(control: socket.socket, layout: mounts.Layout) -> None:
    """Enter the root, report, serve; does not return."""
    status = 1
    try:
        linux.die_with_parent(signal.SIGKILL)
        listeners = []
        try:
            linux.unshare(linux.CLONE_NEWNS)
            mounts.enter(layout)
            _close_others(control.fileno())
            listeners.append(seccomp.install(seccomp.machine()))
        except (OSError, UserError) as error:
            _send(control, {"error": str(error)})
        else:
            # Nothing of the supervisor's environment or limits is for what runs here.
            os.umask(0o022)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(_OPEN_FILES, hard), hard))
            _send(control, {"ready": True}, listeners)
            for listener in listeners:
                os.close(listener)
            _serve(control, _hide_root())
            status = 0
    except BaseException as error:  # the supervisor sees the socket close
        sys.stderr.write(f"sandbox: {error!r}\n")
        sys.stderr.flush()
    finally:
        os._exit(status)


def _close_others(keep: int) -> None:
    """Close every descriptor but the standard ones, which become /dev/null, and `keep`."""
    null = os.open("/dev/null", os.O_RDWR)
    for number in range(2):
        os.dup2(null, number)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.closerange(3, keep)
    os.closerange(keep + 1, min(limit, 1 << 16))


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


def _serve(control: socket.socket, root: int) -> None:
    while True:
        data, descriptors, _, _ = socket.recv_fds(
            control, MAX_MESSAGE, MAX_DESCRIPTORS, _MSG_CMSG_CLOEXEC
        )
        if not data:
            return
        message = json.loads(data)
        if "kill" in message:
            os.kill(message["kill"], signal.SIGTERM)
            _send(control, {"status": _reap(message["kill"])})
            continue
        pid = _start(message, descriptors, root)
        for descriptor in descriptors:
            os.close(descriptor)
        _send(control, {"pid": pid} if message["background"] else {"status": _reap(pid)})


def _start(message: dict[str, Any], descriptors: Sequence[int], root: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    arguments = message["arguments"]
    try:
        if not message["terminal"]:
            os.setsid()
        os.fchdir(root)
        os.chroot(".")
        # Descriptors come in ascending order from 3 on, so none is overwritten before its turn.
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        for name in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
            signal.signal(name, signal.SIG_DFL)
        os.execvpe(arguments[0], list(arguments), message["environment"])
    except OSError as error:
        os.write(2, f"{arguments[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _reap(wanted: int) -> int:
    """Wait for a child; others that end meanwhile are orphans, and nobody asks for them."""
    while True:
        pid, status = os.wait()
        if pid == wanted:
            return status
