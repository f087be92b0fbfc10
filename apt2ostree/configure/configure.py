"""The configure stage: an unpacked image in, a configured one out.

lower directory written out          materialize.py
overlay, /proc, /dev, namespaces     mounts.py, namespaces.py, init.py, sandbox.py
owners, attributes                   fakeroot.py, seccomp.py, recorder.py, acl.py
preinst scripts, `dpkg --configure`  scripts.py, log.py
what changed, cleaned up             upper.py, cleanup.py
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from apt2ostree import messages
from apt2ostree.configure import emulation, epoch, fakeroot, materialize, mounts, scripts
from apt2ostree.configure.cleanup import Cleanup
from apt2ostree.configure.fakeroot_packages import FakerootPackages
from apt2ostree.configure.log import Log
from apt2ostree.configure.recorder import Inode, Record, Recorder
from apt2ostree.configure.sandbox import Command, Limits, Sandbox, TimeLimit
from apt2ostree.configure.upper import Changes, Known, Upper, lower_paths
from apt2ostree.errors import UserError
from apt2ostree.image import dpkg_database, installed
from apt2ostree.image.seal import seal
from apt2ostree.ostree.objects_tar import Location, ObjectsWriter
from apt2ostree.tree.manifest import (
    INSTALLED,
    KEPT_TEXTS,
    MAX_TEXT,
    SIZE,
    TYPE,
    UNPACKED,
    Directory,
    Manifest,
    PackageRecord,
    Row,
)

_POLICY_PATH = "usr/sbin/policy-rc.d"
_DIVERSIONS = f"{dpkg_database.DIRECTORY}/diversions"
_OWN = ".apt2ostree-own"
"""Added to the name of a file that is not to be seen while a preinst runs."""
_OVERRIDES = f"{dpkg_database.DIRECTORY}/statoverride"


@dataclass(frozen=True)
class Options:
    """What configuring is to do besides `dpkg --configure -a`.

    Attributes:
        cleanup: what not to keep.
        emulator: what runs the image's programs where the machine does not; or `None`.
        environment: added to the scripts' own.
        epoch: seconds since 1970 for what records time; `None`: `epoch.of_locks` or else
            `epoch.newest`.
        hooks_after: programs to run inside when all is configured.
        hooks_before: programs to run inside before anything is.
        limits: what the scripts may use.
        locks: texts of the lockfiles that the packages are from.
        policy: the policy-rc.d.
        preseed: debconf answers, as debconf-set-selections(1) takes them; or `None`.
        subject: of the commit.
        timestamp: of the commit, in seconds since 1970.
    """

    cleanup: Cleanup
    emulator: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    epoch: int | None = None
    hooks_after: Sequence[Path] = ()
    hooks_before: Sequence[Path] = ()
    limits: Limits = field(default_factory=Limits)
    locks: Sequence[str] = ()
    policy: str = scripts.POLICY
    preseed: Path | None = None
    subject: str = ""
    timestamp: int = 0


def configure(
    image: Manifest,
    tars: Sequence[Path],
    fakeroot_packages: FakerootPackages,
    options: Options,
    scratch: Path,
    output: Path,
) -> tuple[Manifest, str]:
    """Configure an image; the process is in namespaces of its own (`namespaces.enter`).

    Args:
        image: the unpacked image.
        tars: objects tars that together hold all its objects.
        fakeroot_packages: see there.
        options: see there.
        scratch: a directory to make, for the time being.
        output: the objects tar to write: what the image's own tars do not hold.

    Returns:
        The configured image's manifest and its commit checksum.

    Raises:
        UserError: a script failed, or was stopped; nothing is left running.
    """
    layout = mounts.Layout(scratch)
    scratch.mkdir(mode=0o700)
    try:
        layout.make(materialize.size(image.directories))
        locations = materialize.index(tars)
        stage = _Stage(image, locations, fakeroot_packages, options, layout)
        known = stage.run()
        with output.open("w+b") as file:
            objects = ObjectsWriter(file, known=locations)
            directories = _copy(image.directories)
            touched = _touched(layout, stage.special, known)
            upper = Upper(
                directories,
                layout.upper,
                layout.merged,
                known,
                options.cleanup.removes,
                objects,
            )
            _report(upper.apply(touched))
            configured = _after(image, directories, layout.merged)
            commit = seal(configured, objects, options.subject, options.timestamp)
            objects.close()
        return configured, commit
    finally:
        layout.remove()


class _Stage:
    """One run of the scripts."""

    def __init__(
        self,
        image: Manifest,
        locations: Mapping[str, Location],
        fakeroot_packages: FakerootPackages,
        options: Options,
        layout: mounts.Layout,
    ) -> None:
        self._image = image
        self._options = options
        self._layout = layout
        self._log = Log()
        now = options.epoch
        if now is None:
            now = epoch.of_locks(image.packages, options.locks)
        if now is None:
            now = epoch.newest(image.packages, image.directories, locations)
        epoch.check(now, time.time())
        self._environment = {
            **scripts.environment(now, options.environment),
            **fakeroot.environment(),
        }
        special = materialize.write(image.directories, locations, layout.lower, now)
        _add_tools(layout, options)
        # The root of an overlay has the upper directory's mode.
        layout.upper.chmod(stat.S_IMODE(layout.lower.stat().st_mode))
        layout.mount()
        self.special = special.moved_to(layout.merged.stat().st_dev)
        fakeroot.install(layout.tools, fakeroot_packages.files(), self.special.statuses)
        self._names = {package.name: package for package in image.packages}
        self._architecture = emulation.native(image.packages)
        self._no_emulation = emulation.set_up(self._architecture, options.emulator, layout)

    def run(self) -> Known:
        """Run everything; return what is known of the inodes then."""
        recorder = Recorder(self.special.xattrs)
        with Sandbox(self._layout, recorder, self._options.limits) as sandbox:
            plain = {
                key: value
                for key, value in self._environment.items()
                if key not in fakeroot.environment()
            }
            self._see_that_programs_run(sandbox, plain)
            daemon = sandbox.start(fakeroot.command(), plain, self._layout.tools / fakeroot.LOADED)
            self._hooks(sandbox, self._options.hooks_before, "hook before")
            self._preinsts(sandbox)
            self._preseed(sandbox)
            self._dpkg(sandbox)
            self._hooks(sandbox, self._options.hooks_after, "hook after")
            self._warn_of_daemons(sandbox)
            sandbox.stop(daemon)
        saved = self._layout.tools / fakeroot.SAVED
        if not saved.exists():
            raise UserError("fakeroot's daemon ended before its time and lost the files' owners")
        statuses = fakeroot.parse(saved.read_text(encoding="ascii"))
        return Known(statuses, recorder.records())

    def _see_that_programs_run(self, sandbox: Sandbox, environment: Mapping[str, str]) -> None:
        if self._architecture and not emulation.is_own(self._architecture):
            command = Command(["dpkg", "--version"], environment, lambda data: None)
            if sandbox.run(command):
                raise UserError(emulation.refusal(self._architecture, self._no_emulation))

    def _run(self, sandbox: Sandbox, section: str, arguments: Sequence[str], **extra: str) -> None:
        """Run a program that must not fail."""
        self._log.begin(section)
        command = Command(arguments, {**self._environment, **extra}, self._log.add_output)
        try:
            status = sandbox.run(command)
        except UserError as error:
            raise UserError(f"{section}: {error}{self._said(section)}") from None
        self._log.end()
        if status:
            raise UserError(f"{section}: exit status {status}{self._said(section)}")

    def _said(self, section: str) -> str:
        lines = self._log.last_lines(section)
        return f"\nIts last output was:\n{lines}" if lines else "\nIt wrote nothing."

    def _hooks(self, sandbox: Sandbox, hooks: Sequence[Path], kind: str) -> None:
        for number, hook in enumerate(hooks):
            name = f"{kind.replace(' ', '-')}-{number}"
            self._run(sandbox, f"{kind}, {hook}", [f"/{mounts.TOOLS}/{name}"])

    def _preinsts(self, sandbox: Sandbox) -> None:
        dpkg = self._names.get("dpkg")
        self._forget_diversions()
        # Those of a base image may have been configured with it.
        packages = [package for package in self._image.packages if package.status == UNPACKED]
        for preinst in scripts.preinsts(packages):
            diversions, overrides = self._read(_DIVERSIONS), self._read(_OVERRIDES)
            package = preinst.package
            with self._control_files(preinst), self._others_in_place(package):
                self._run(
                    sandbox,
                    f"package {package.name} {package.version}: its preinst",
                    [f"/{scripts.TEMPORARY}/preinst", "install"],
                    **preinst.environment(dpkg.version if dpkg else ""),
                )
            known = scripts.parse_diversions(diversions)
            new = [e for e in scripts.parse_diversions(self._read(_DIVERSIONS)) if e not in known]
            if new:
                self._undo_diversions(new, package.name)
            known_overrides = scripts.parse_overrides(overrides)
            for override in scripts.parse_overrides(self._read(_OVERRIDES)):
                if override not in known_overrides:
                    self._override(sandbox, override)

    @contextlib.contextmanager
    def _others_in_place(self, package: PackageRecord) -> Iterator[None]:
        """Another package's files where dpkg has them while the preinst runs that diverts them."""
        merged = self._layout.merged
        ours = [entry for entry in self._image.diverted if entry[2] == package.name]
        for path, aside, _ in ours:
            (merged / path).rename(merged / (path + _OWN))
            (merged / aside).rename(merged / path)
        yield
        entries = scripts.parse_diversions(self._read(_DIVERSIONS))
        for path, _, name in ours:
            entry = scripts.diversion_of(path, name, entries, self._real)
            if not entry:
                raise UserError(
                    f"/{path}: package {name} {package.version} and another one ship it, and its "
                    "preinst, which calls dpkg-divert, did not divert it; leave one of the two out"
                )
            if os.path.lexists(merged / path):  # diverted without being renamed
                (merged / path).rename(_inside(merged, entry.target))
            (merged / (path + _OWN)).rename(merged / path)

    def _real(self, path: str) -> str:
        """An absolute path of the image, without symlinks, relative to the root."""
        return str(_inside(self._layout.merged, path).relative_to(self._layout.merged))

    def _forget_diversions(self) -> None:
        """Take what compose has registered out: the preinsts do that."""
        if self._image.diverted:
            registered = dpkg_database.diversions(self._image.diverted)
            text = self._read(_DIVERSIONS).replace(registered, "", 1)
            (self._layout.merged / _DIVERSIONS).write_text(
                text, encoding="utf-8", errors="surrogateescape"
            )

    @contextlib.contextmanager
    def _control_files(self, preinst: scripts.Preinst) -> Iterator[None]:
        """A package's control files where dpkg has them while the preinst runs."""
        directory = self._layout.merged / scripts.TEMPORARY
        directory.mkdir(mode=0o755)
        try:
            (directory / "control").write_text(
                preinst.package.control, encoding="utf-8", errors="surrogateescape"
            )
            for name, known_as in preinst.control_files().items():
                source = self._layout.merged / dpkg_database.DIRECTORY / "info" / known_as
                shutil.copy(source, directory / name, follow_symlinks=False)
            yield
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def _read(self, path: str) -> str:
        try:
            file = self._layout.merged / path
            return file.read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return ""

    def _undo_diversions(self, new: Sequence[scripts.Diversion], package: str) -> None:
        shipped = self._shipped(package)
        for entry in scripts.wrongly_diverted(new, package, shipped):
            path = _inside(self._layout.merged, entry.path)
            target = _inside(self._layout.merged, entry.target)
            if not os.path.lexists(path) and os.path.lexists(target):
                target.rename(path)

    def _shipped(self, package: str) -> Collection[str]:
        names = [name for name in self._names[package].info if name.endswith(".list")]
        return {
            line
            for name in names
            for line in self._read(f"{dpkg_database.DIRECTORY}/info/{name}").splitlines()
        }

    def _override(self, sandbox: Sandbox, override: scripts.Override) -> None:
        if os.path.lexists(_inside(self._layout.merged, override.path)):
            for arguments in override.commands():
                self._run(sandbox, f"statoverride of {override.path}", arguments)

    def _preseed(self, sandbox: Sandbox) -> None:
        preseed = self._options.preseed
        if preseed:
            name = f"debconf answers, {preseed}"
            self._run(sandbox, name, ["debconf-set-selections", f"/{mounts.TOOLS}/preseed"])

    def _dpkg(self, sandbox: Sandbox) -> None:
        """Run `dpkg --configure -a` and see that it left nothing undone."""
        self._log.begin("")
        command = Command(
            ["dpkg", "--status-fd", "3", "--configure", "-a"],
            self._environment,
            self._log.add_output,
            lambda data: self._log.add_status(data, time.clock_gettime(time.CLOCK_BOOTTIME)),
        )
        try:
            status = sandbox.run(command)
        except UserError as error:
            package = self._log.current()
            what = "the scripts of " if isinstance(error, TimeLimit) else ""
            raise UserError(
                f"{what}package {self._with_version(package)}: {error}{self._said(package)}"
            ) from None
        self._log.end()
        if status or self._log.errors:
            raise UserError(self._failure(status))
        status_file = self._read(f"{dpkg_database.DIRECTORY}/status")
        left = [
            package.name
            for package in installed.update(self._image.packages, status_file)
            if package.status != INSTALLED
        ]
        if left:
            raise UserError(
                f"dpkg --configure -a left {len(left)} packages not installed: "
                f"{', '.join(left[:10])}"
            )

    def _failure(self, status: int) -> str:
        causes = self._log.causes()
        if not causes:
            return f"dpkg --configure -a: exit status {status}{self._said(self._log.current())}"
        parts = [
            f"package {self._with_version(package)}: {text}{self._said(package)}"
            for package, text in causes.items()
        ]
        waiting = [package for package in self._log.errors if package not in causes]
        if waiting:
            parts.append(
                f"{len(waiting)} more packages, which depend on these, were not configured: "
                f"{', '.join(waiting[:10])}{', …' if len(waiting) > 10 else ''}"
            )
        return "\n".join(parts)

    def _with_version(self, name: str) -> str:
        package = self._names.get(name)
        return f"{name} {package.version}" if package else name

    def _warn_of_daemons(self, sandbox: Sandbox) -> None:
        own = f"/{mounts.TOOLS}/{fakeroot.DAEMON}"
        for process in sandbox.left_running([own, f"{emulation.PROGRAM} {own}"]):
            package = self._log.package_at(process.started)
            messages.note(
                f"package {self._with_version(package)} left a process running, which was "
                f"killed: {process.command}"
            )


def _add_tools(layout: mounts.Layout, options: Options) -> None:
    """What the sandbox needs besides the image: outside the manifest, so never taken in."""
    materialize.add_directories(layout.lower, mounts.MOUNT_POINTS)
    policy = layout.lower / _POLICY_PATH
    if policy.parent.is_dir():
        policy.unlink(missing_ok=True)
        policy.write_text(options.policy, encoding="utf-8")
        policy.chmod(0o755)
    if options.preseed:
        shutil.copyfile(options.preseed, layout.tools / "preseed")
    for kind, hooks in (("before", options.hooks_before), ("after", options.hooks_after)):
        for number, hook in enumerate(hooks):
            _check_hook(hook, kind)
            target = layout.tools / f"hook-{kind}-{number}"
            shutil.copyfile(hook, target)
            target.chmod(0o755)


def _check_hook(hook: Path, kind: str) -> None:
    """See that the kernel can start a hook (execve(2)); a shell would take it for its own script.

    Raises:
        UserError: it is neither a script with an interpreter nor a program.
    """
    with hook.open("rb") as file:
        start = file.read(4)
    if not (start.startswith(b"#!") or start == b"\x7fELF"):
        raise UserError(
            f"hook {kind}, {hook}: it is neither a program nor a script that says what reads it; "
            "begin it with a line such as #!/bin/sh"
        )


def _touched(layout: mounts.Layout, special: materialize.Special, known: Known) -> dict[Inode, str]:
    """Paths of the image of which owner, mode or attributes may have changed, and no more."""
    device = layout.merged.stat().st_dev
    inodes = {
        inode for inode, status in known.statuses.items() if special.statuses.get(inode) != status
    }
    unchanged = Record()
    for inode, record in known.records.items():
        before = special.xattrs.get(inode, unchanged.xattrs)
        if record.xattrs != before or record.uid is not None or record.gid is not None:
            inodes.add(inode)
    wanted = {number for at, number in inodes if at == device}
    if not wanted:
        return {}
    return {(device, number): path for number, path in lower_paths(layout.lower, wanted)}


def _report(changes: Changes) -> None:
    for path, type_ in changes.left_out:
        messages.note(f"/{path}: a {type_}, which OSTree cannot store; left out")


def _after(image: Manifest, directories: dict[str, Directory], merged: Path) -> Manifest:
    """The image's manifest with the new tree and what follows from it."""
    manifest = replace(image, directories=directories, diverted=[])
    manifest.texts = {
        path: (merged / path).read_text(encoding="utf-8", errors="surrogateescape")
        for path in sorted(KEPT_TEXTS)
        if _is_kept(manifest.row(path))
    }
    status = (merged / dpkg_database.DIRECTORY / "status").read_text(
        encoding="utf-8", errors="surrogateescape"
    )
    manifest.packages = installed.update(image.packages, status)
    return manifest


def _is_kept(row: Row | None) -> bool:
    return row is not None and row[TYPE] == "file" and row[SIZE] <= MAX_TEXT


def _copy(directories: Mapping[str, Directory]) -> dict[str, Directory]:
    return {
        path: Directory(
            directory.mode,
            directory.uid,
            directory.gid,
            dict(directory.files),
            directory.xattrs,
            directory.implicit,
        )
        for path, directory in directories.items()
    }


def _inside(root: Path, path: str) -> Path:
    """An absolute path of the image as a path of the host.

    Raises:
        UserError: a directory on the way is a symlink, which could lead out of the image.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UserError(f"{path}: '..' in a path of dpkg's database")
    place = root
    for part in parts[:-1]:
        place = place / part
        if place.is_symlink():
            target = str(place.readlink())
            if "/" in target.lstrip("/") and ".." in target:
                raise UserError(f"{path}: {place} is a symlink that leads out of the image")
            place = root / target.lstrip("/") if target.startswith("/") else place.parent / target
    return place / parts[-1]
