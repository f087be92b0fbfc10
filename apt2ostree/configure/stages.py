"""What is run in an image's root to configure it, stage by stage."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Callable

from apt2ostree import messages
from apt2ostree.configure import scripts
from apt2ostree.configure.diversions import Diversions
from apt2ostree.configure.log import Log
from apt2ostree.errors import UserError
from apt2ostree.image import dpkg_database, installed
from apt2ostree.sandbox import mounts
from apt2ostree.sandbox.limits import TimeLimit
from apt2ostree.sandbox.processes import Process
from apt2ostree.sandbox.root import Root
from apt2ostree.sandbox.supervisor import Command
from apt2ostree.tree.manifest import INSTALLED, UNPACKED, Manifest

_OVERRIDES = f"{dpkg_database.DIRECTORY}/statoverride"
_INFO = f"{dpkg_database.DIRECTORY}/info"
_TOLD = 10
"""Processes left running that are told of, of one script's."""


class Stages:
    """The stages of one run; each raises a `UserError` that says what failed, and its last words.

    Args:
        root: with the image in it.
        image: the image.
        environment: of everything that runs.
    """

    def __init__(self, root: Root, image: Manifest, environment: Mapping[str, str]) -> None:
        self._root = root
        self._image = image
        self._environment = environment
        self._log = Log()
        self._names = {package.name: package for package in image.packages}
        self._diversions = Diversions(root.tree, image.diverted)

    def hooks(self, kind: str, names: Sequence[str]) -> None:
        """Run programs of the user's.

        Args:
            kind: `before` or `after`.
            names: what to call them.
        """
        for number, name in enumerate(names):
            self._run(f"hook {kind}, {name}", [f"/{mounts.TOOLS}/{hook(kind, number)}"])

    def preseed(self, name: str) -> None:
        """Give debconf the user's answers."""
        self._run(
            f"debconf answers, {name}", ["debconf-set-selections", f"/{mounts.TOOLS}/preseed"]
        )

    def preinsts(self) -> None:
        """Run the preinst scripts of what is unpacked, and carry out what they register."""
        self._diversions.forget_registered()
        # Those of a base image may have been configured with it.
        packages = [package for package in self._image.packages if package.status == UNPACKED]
        for preinst in scripts.preinsts(packages):
            self._preinst(preinst)

    def _preinst(self, preinst: scripts.Preinst) -> None:
        package = preinst.package
        dpkg = self._names.get("dpkg")
        overrides = self._read(_OVERRIDES)
        around = self._diversions.around(package, lambda: self._shipped(preinst))
        with around, self._control_files(preinst):
            self._run(
                f"{self._called(package.name)}: its preinst",
                [f"/{scripts.TEMPORARY}/preinst", "install"],
                preinst.environment(dpkg.version if dpkg else ""),
                package.name,
            )
        known = scripts.parse_overrides(overrides)
        for override in scripts.parse_overrides(self._read(_OVERRIDES)):
            if override not in known and self._root.tree.exists(override.path):
                for arguments in override.commands():
                    self._run(f"statoverride of {override.path}", arguments)

    @contextlib.contextmanager
    def _control_files(self, preinst: scripts.Preinst) -> Iterator[None]:
        """A package's control files where dpkg has them while the preinst runs."""
        tree, package = self._root.tree, preinst.package
        tree.make_directory(scripts.TEMPORARY)
        control = package.control.encode("utf-8", "surrogateescape")
        tree.write(f"{scripts.TEMPORARY}/control", control)
        for name, known_as in preinst.control_files().items():
            content = tree.read(f"{_INFO}/{known_as}")
            mode = int(package.info[known_as][1], 8)
            tree.write(f"{scripts.TEMPORARY}/{name}", content, mode)
        yield
        tree.remove(scripts.TEMPORARY)

    def _shipped(self, preinst: scripts.Preinst) -> Collection[str]:
        names = [name for name in preinst.package.info if name.endswith(".list")]
        return {line for name in names for line in self._read(f"{_INFO}/{name}").splitlines()}

    def dpkg(self) -> None:
        """Run `dpkg --configure -a` and see that it left nothing undone."""
        self._log.begin("")
        command = Command(
            ["dpkg", "--status-fd", "3", "--configure", "-a"],
            self._environment,
            self._log.add_output,
            lambda data: self._log.add_status(data, time.clock_gettime(time.CLOCK_BOOTTIME)),
            self._current,
        )
        try:
            result = self._root.run(command)
        except UserError as error:
            package = self._log.current()
            what = "the scripts of " if isinstance(error, TimeLimit) else ""
            raise UserError(
                f"{what}{self._called(package)}: {error}{self._said(package)}"
            ) from None
        self._log.end()
        self._tell_of(
            result.left, lambda process: self._called(self._log.package_at(process.started))
        )
        if result.status or self._log.errors:
            raise UserError(self._failure(result.status))
        self._check_status()

    def _check_status(self) -> None:
        path = f"{dpkg_database.DIRECTORY}/status"
        try:
            status = self._root.tree.read_text(path)
        except FileNotFoundError:
            raise UserError(f"/{path}: expected a file, and a script has removed it") from None
        left = [
            package.name
            for package in installed.update(self._image.packages, status)
            if package.status != INSTALLED
        ]
        if left:
            raise UserError(
                f"dpkg --configure -a left {len(left)} packages not installed: "
                f"{', '.join(left[:10])}"
            )

    def _current(self) -> str:
        """The package that dpkg is at; only those of the image, so that they come to an end."""
        package = self._log.current()
        return package if package in self._names else ""

    def _failure(self, status: int) -> str:
        causes = self._log.causes()
        if not causes:
            package = self._log.current()
            if status > 128:
                return (
                    f"{self._called(package)}: dpkg was killed by signal {status - 128}"
                    f"{self._said(package)}"
                )
            return f"dpkg --configure -a: exit status {status}{self._said(package)}"
        parts = [
            f"{self._called(package)}: {text}{self._said(package)}"
            for package, text in causes.items()
        ]
        waiting = [package for package in self._log.errors if package not in causes]
        if waiting:
            parts.append(
                f"{len(waiting)} more packages, which depend on these, were not configured: "
                f"{', '.join(waiting[:10])}{', …' if len(waiting) > 10 else ''}"
            )
        return "\n".join(parts)

    def _run(
        self,
        section: str,
        arguments: Sequence[str],
        extra: Mapping[str, str] | None = None,
        work: str = "",
    ) -> None:
        """Run a program that must not fail.

        Args:
            section: what it is called.
            arguments: the program and its arguments.
            extra: of its environment.
            work: the package whose time it takes; empty: its own.
        """
        self._log.begin(section)
        command = Command(
            arguments,
            {**self._environment, **(extra or {})},
            self._log.add_output,
            work=lambda: work or section,
        )
        try:
            result = self._root.run(command)
        except UserError as error:
            raise UserError(f"{section}: {error}{self._said(section)}") from None
        self._log.end()
        self._tell_of(result.left, lambda process: self._called(work) if work else section)
        if result.status:
            raise UserError(f"{section}: exit status {result.status}{self._said(section)}")

    def _tell_of(self, left: Sequence[Process], whose: Callable[[Process], str]) -> None:
        for process in left[:_TOLD]:
            text = f"{whose(process)} left a process running, which was killed: {process.command}"
            messages.note(text)
        if len(left) > _TOLD:
            messages.note(f"and {len(left) - _TOLD} more processes")

    def _said(self, section: str) -> str:
        lines = self._log.last_lines(section)
        return f"\nIts last output was:\n{lines}" if lines else "\nIt wrote nothing."

    def _called(self, name: str) -> str:
        package = self._names.get(name)
        return f"package {name} {package.version}" if package else f"package {name}"

    def _read(self, path: str) -> str:
        try:
            return self._root.tree.read_text(path)
        except FileNotFoundError:
            return ""


def hook(kind: str, number: int) -> str:
    """What a hook is called in the root."""
    return f"hook-{kind}-{number}"
