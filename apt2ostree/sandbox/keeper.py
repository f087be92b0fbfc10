"""Holding inodes: while one is open, the kernel gives its number to no other file.

A process may have few files open, a thousand often. So another one, which does nothing else, is
handed them, and forks more of its kind as they become many. They are outside the namespaces of
what they hold, where nobody inside can end them. Sources: getrlimit(2), unix(7), fork(2).
"""

from __future__ import annotations

import os
import signal
import socket

from apt2ostree.sandbox import linux

BATCH = 64
"""Descriptors in a message, and that this process holds itself until there are so many."""
MANY = 512
"""Descriptors of a process, at most."""


class Keeper:
    """Holds inodes until it is closed.

    To be made before this process enters namespaces.
    """

    def __init__(self) -> None:
        self._held: list[int] = []
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = os.fork()
        if self._process == 0:
            self._socket.close()
            _keep(theirs)
        theirs.close()

    def hold(self, descriptor: int) -> None:
        """Hold what a descriptor is open on, which its owner may close.

        Raises:
            OSError: the process that holds them was killed.
        """
        self._held.append(os.dup(descriptor))
        if len(self._held) == BATCH:
            socket.send_fds(self._socket, [b"\n"], self._held)
            if not self._socket.recv(1):
                raise BrokenPipeError
            self._let_go()

    def close(self) -> None:
        """Let go of everything."""
        self._socket.close()
        os.waitpid(self._process, 0)
        self._let_go()

    def _let_go(self) -> None:
        for descriptor in self._held:
            os.close(descriptor)
        self._held = []


def _keep(control: socket.socket) -> None:
    """Take descriptors until nobody is at the other end; does not return."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        linux.die_with_parent(signal.SIGKILL)
        held: list[int] = []
        while True:
            data, descriptors, flags, _ = socket.recv_fds(control, 1, BATCH)
            if not data or flags & socket.MSG_CTRUNC:  # too many for this process
                return
            held += descriptors
            if len(held) + BATCH > MANY:
                _hand_over(held)
                held = []
            control.send(b"\n")
    finally:
        os._exit(0)


def _hand_over(held: list[int]) -> None:
    """Leave descriptors to a new process, which ends with this one."""
    parent = os.getpid()
    if os.fork() == 0:
        linux.die_with_parent(signal.SIGKILL)
        while os.getppid() == parent:
            signal.pause()
        os._exit(0)
    for descriptor in held:
        os.close(descriptor)
