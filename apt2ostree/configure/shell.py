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

from apt2ostree.configure import emulation, fakeroot, materialize, mounts, namespaces, scripts
from apt2ostree.configure.fakeroot_packages import FakerootPackages
from apt2ostree.configure.recorder import Recorder
from apt2ostree.configure.sandbox import Limits, Sandbox
from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage

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
    directories = image.manifest.directories
    packages = FakerootPackages.load(image.fakeroot, image.fakeroot_objects)
    layout = mounts.Layout(scratch)
    namespaces.enter()
    scratch.mkdir(mode=0o700)
    try:
        layout.make(materialize.size(directories))
        locations = materialize.index(image.objects)
        written = materialize.write(directories, locations, layout.lower, 0)
        materialize.add_directories(layout.lower, mounts.MOUNT_POINTS)
        layout.mount()
        emulator = image.emulator[0] if image.emulator else None
        emulation.set_up(emulation.native(image.manifest.packages), emulator, layout)
        special = written.moved_to(layout.merged.stat().st_dev)
        environment = {**scripts.environment(0, {}), "TERM": terminal}
        for name in ("SOURCE_DATE_EPOCH", "SYSTEMD_OFFLINE"):
            del environment[name]
        if packages:
            fakeroot.install(layout.tools, packages.files(), special.statuses)
        with Sandbox(layout, Recorder(special.xattrs), Limits()) as sandbox:
            if packages:
                loaded = layout.tools / fakeroot.LOADED
                sandbox.start(fakeroot.command(), environment, loaded)
                environment.update(fakeroot.environment())
            return sandbox.run_interactively(program or [_shell(layout)], environment)
    finally:
        layout.remove()


def _shell(layout: mounts.Layout) -> str:
    """The shell to open: the first that the image has."""
    for path in _SHELLS:
        if os.path.lexists(layout.lower / path):
            return f"/{path}"
    raise UserError("the image has neither bash nor sh; name a program that it has")
