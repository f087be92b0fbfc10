"""A program in a throw-away copy of an image, on the user's terminal.

The sandbox is the one that configures images: no network, nothing of the host to be seen.
Owners are right if the image brings its fakeroot along, as a configured one does; else every
file seems to be root's.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from apt2ostree.device import layout as device_layout
from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.sandbox import emulation, materialize
from apt2ostree.sandbox.environment import ENVIRONMENT
from apt2ostree.sandbox.fakeroot_packages import FakerootPackages
from apt2ostree.sandbox.limits import Limits
from apt2ostree.sandbox.root import Content, Root

_SHELLS = ("bin/bash", "bin/sh")


def run(image: BuiltImage, program: Sequence[str], scratch: Path, terminal: str) -> int:
    """Run a program in the image; return its exit status, 128 + N if signal N killed it.

    Args:
        image: the image.
        program: with its arguments; empty: a shell.
        scratch: a directory to make and remove, on a disk with room for the image.
        terminal: type of the user's terminal (environ(7), TERM).

    Raises:
        UserError: the machine allows no namespaces.
    """
    # In a child, so that this process stays in the host's namespaces.
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            # Ctrl-C is for the program inside.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            status = _run(image, program, scratch, terminal)
        except (OSError, UserError) as error:
            os.write(2, f"error: {error}\n".encode())
        finally:
            os._exit(status)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status = os.waitpid(pid, 0)[1]
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
    finally:
        signal.signal(signal.SIGINT, before)


def _run(image: BuiltImage, program: Sequence[str], scratch: Path, terminal: str) -> int:
    directories = device_layout.deployed(image.manifest.directories)
    packages = FakerootPackages.load(image.fakeroot, image.fakeroot_objects)
    content = Content(
        directories,
        materialize.index(image.objects),
        architecture=emulation.native(image.manifest.packages),
        emulator=image.emulator[0] if image.emulator else None,
        fakeroot=packages.files() if packages else {},
    )
    with Root(content, Limits(), scratch) as root:
        environment = {**ENVIRONMENT, **root.environment, "TERM": terminal}
        return root.run_interactively(program or [_shell(root)], environment)


def _shell(root: Root) -> str:
    """The shell to open: the first that the image has."""
    for path in _SHELLS:
        if root.tree.exists(path):
            return f"/{path}"
    raise UserError("the image has neither bash nor sh; name a program that it has")
