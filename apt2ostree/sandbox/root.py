"""A root with an image in it, in which programs run.

    with Root(content, limits, scratch) as root:
        root.run(Command(["dpkg", "--configure", "-a"], environment, print))
        known = root.finish()

the image written out       materialize.py, tree.py
its root                    mounts.py, namespaces.py, emulation.py
programs in it              supervisor.py, init.py, limits.py, processes.py
what they may not store     fakeroot.py, seccomp.py, recorder.py, keeper.py, acl.py, creator.py
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from apt2ostree.errors import UserError
from apt2ostree.ostree.objects_tar import Location
from apt2ostree.sandbox import emulation, fakeroot, materialize, mounts, namespaces, tree
from apt2ostree.sandbox.environment import ENVIRONMENT
from apt2ostree.sandbox.fakeroot import Status
from apt2ostree.sandbox.keeper import Keeper
from apt2ostree.sandbox.limits import Limits
from apt2ostree.sandbox.recorder import Inode, Record, Recorder
from apt2ostree.sandbox.supervisor import Command, Result, Supervisor
from apt2ostree.sandbox.tree import Tree
from apt2ostree.tree.manifest import Directory


@dataclass(frozen=True)
class Content:
    """What a root begins with.

    Attributes:
        directories: the image.
        locations: where its objects are.
        time: modification time of all files, in seconds since 1970.
        architecture: of the image's programs; empty: unknown.
        emulator: what runs them where the machine does not; or `None`.
        fakeroot: its files, see `fakeroot.find`; without them every file seems to be root's.
        tools: name → content of programs that are found in `/run/apt2ostree`.
        extra: path → content of programs that the image has not and that are never of it.
    """

    directories: Mapping[str, Directory]
    locations: Mapping[str, Location]
    time: int = 0
    architecture: str = ""
    emulator: Path | None = None
    fakeroot: Mapping[str, bytes] = field(default_factory=dict)
    tools: Mapping[str, bytes] = field(default_factory=dict)
    extra: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What is known of inodes besides what the disk says.

    Attributes:
        statuses: fakeroot's database.
        records: what the recorder holds.
    """

    statuses: Mapping[Inode, Status]
    records: Mapping[Inode, Record]


class Root:
    """The root; entering it moves this process into namespaces for good.

    Args:
        content: what is in it.
        limits: what programs may use.
        scratch: a directory to make, for the time being; what a killed run has left is removed.

    Attributes:
        tree: the root as programs see it, but for what is mounted in it.
        lower: the image as it was.
        upper: what programs have changed: the kernel's overlayfs.rst.
    """

    tree: Tree
    lower: Tree
    upper: Tree

    def __init__(self, content: Content, limits: Limits, scratch: Path) -> None:
        self._content = content
        self._limits = limits
        self._layout = mounts.Layout(scratch)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Root:
        """Make it.

        Raises:
            UserError: the machine allows none, or runs no programs of the image.
        """
        try:
            self._enter()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _enter(self) -> None:
        content, layout, stack = self._content, self._layout, self._stack
        keeper = Keeper()
        stack.callback(keeper.close)
        namespaces.enter()
        stack.callback(layout.remove)
        layout.make(materialize.size(content.directories), self._limits.disk_bytes)
        self._before = self._fill()
        self._recorder = Recorder(self._before.xattrs, keeper)
        no_emulation = emulation.set_up(content.architecture, content.emulator, layout)
        self.tree = stack.enter_context(Tree(layout.merged))
        self.lower = stack.enter_context(Tree(layout.lower))
        self.upper = stack.enter_context(Tree(layout.upper))
        self._supervisor = stack.enter_context(Supervisor(layout, self._recorder, self._limits))
        self._see_that_programs_run(no_emulation)
        self._start_fakeroot()

    def _fill(self) -> materialize.Special:
        """Write everything out and mount it; return what the disk does not hold."""
        content, layout = self._content, self._layout
        with Tree(layout.lower) as lower:
            special = materialize.write(content.directories, content.locations, lower, content.time)
            materialize.add_directories(lower, mounts.MOUNT_POINTS)
            for path, data in content.extra.items():
                # The image may have no such directory.
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    lower.write(path, data, 0o755)
        for name, data in content.tools.items():
            tool = layout.tools / name
            tool.write_bytes(data)
            tool.chmod(0o755)
        fakeroot.install(layout.tools, content.fakeroot)
        # The root of an overlay has the upper directory's mode.
        layout.upper.chmod(layout.lower.stat().st_mode & 0o7777)
        layout.mount()
        return special.moved_to(layout.merged.stat().st_dev)

    def _see_that_programs_run(self, no_emulation: OSError | None) -> None:
        architecture = self._content.architecture
        if architecture and not emulation.is_own(architecture):
            command = Command(["dpkg", "--version"], ENVIRONMENT, lambda data: None)
            if self._supervisor.run(command).status:
                raise UserError(emulation.refusal(architecture, no_emulation))

    def _start_fakeroot(self) -> None:
        """Start the daemon; what it reads and writes lies where nobody inside has a name for it."""
        if not self._content.fakeroot:
            return
        top = self._layout.volatile
        # Closed with the root.
        self._saved = tempfile.TemporaryFile("w+b", dir=top)  # noqa: SIM115
        self._stack.callback(self._saved.close)
        null = os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC)
        try:
            with tempfile.TemporaryFile("w+", dir=top, encoding="ascii") as loaded:
                loaded.write(fakeroot.dump(self._before.statuses))
                loaded.flush()
                loaded.seek(0)
                streams = [loaded.fileno(), self._saved.fileno(), null]
                self._supervisor.start(fakeroot.command(), ENVIRONMENT, streams)
        finally:
            os.close(null)

    @property
    def environment(self) -> dict[str, str]:
        """What programs must have in theirs to see the files' owners."""
        return fakeroot.environment() if self._content.fakeroot else {}

    def run(self, command: Command) -> Result:
        """Run a program to its end: see `Supervisor.run`."""
        return self._supervisor.run(command)

    def run_interactively(self, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run a program on the caller's terminal; return its exit status."""
        return self._supervisor.run_interactively(arguments, environment)

    def finish(self) -> Known:
        """End everything that runs; return what is known of the inodes then.

        Raises:
            UserError: fakeroot has lost the files' owners.
        """
        stopped = self._supervisor.stop()
        self._supervisor.close()
        self._saved.seek(0)
        data = self._saved.read(tree.MAX_TEXT)
        if not stopped or (self._before.statuses and not data):
            raise UserError("fakeroot's daemon ended before its time and lost the files' owners")
        statuses = fakeroot.parse(data.decode("ascii", "backslashreplace"))
        return Known(statuses, self._recorder.records())

    def touched(self, known: Known) -> dict[Inode, str]:
        """Paths of the image of which owner, mode or attributes may have changed, and no more."""
        device = os.stat(self._layout.merged).st_dev
        before = self._before
        inodes = {
            inode
            for inode, status in known.statuses.items()
            if before.statuses.get(inode) != status
        }
        unchanged = Record()
        for inode, record in known.records.items():
            xattrs = before.xattrs.get(inode, unchanged.xattrs)
            if record.xattrs != xattrs or record.uid is not None or record.gid is not None:
                inodes.add(inode)
        wanted = {number for at, number in inodes if at == device}
        if not wanted:
            return {}
        return {(device, number): path for number, path in materialize.find(self.lower, wanted)}
