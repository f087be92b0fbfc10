"""The configure stage: an unpacked image in, a configured one out.

a root in which programs run         sandbox/root.py
preinst scripts, `dpkg --configure`  stages.py, scripts.py, diversions.py, log.py
what changed, cleaned up             upper.py, cleanup.py
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from apt2ostree import messages
from apt2ostree.configure import epoch, scripts, stages
from apt2ostree.configure.cleanup import Cleanup
from apt2ostree.configure.stages import Stages
from apt2ostree.configure.upper import Changes, Upper
from apt2ostree.errors import UserError
from apt2ostree.image import dpkg_database, installed
from apt2ostree.image.seal import seal
from apt2ostree.ostree.objects_tar import Location, ObjectsWriter
from apt2ostree.sandbox import emulation, materialize
from apt2ostree.sandbox.fakeroot_packages import FakerootPackages
from apt2ostree.sandbox.limits import Limits
from apt2ostree.sandbox.root import Content, Root
from apt2ostree.sandbox.tree import Tree
from apt2ostree.tree.manifest import KEPT_TEXTS, MAX_TEXT, SIZE, TYPE, Directory, Manifest, Row

_POLICY_PATH = "usr/sbin/policy-rc.d"


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
    """Configure an image; this process is in namespaces of its own from then on.

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
    locations = materialize.index(tars)
    now = _time(image, locations, options)
    content = _content(image, locations, fakeroot_packages, options, now)
    try:
        with Root(content, options.limits, scratch) as root:
            environment = {**scripts.environment(now, options.environment), **root.environment}
            _run(Stages(root, image, environment), options)
            return _take_in(root, image, locations, options, output)
    except OSError as error:
        raise UserError(str(error)) from error


def _run(stage: Stages, options: Options) -> None:
    stage.hooks("before", [str(path) for path in options.hooks_before])
    stage.preinsts()
    if options.preseed:
        stage.preseed(str(options.preseed))
    stage.dpkg()
    stage.hooks("after", [str(path) for path in options.hooks_after])


def _take_in(
    root: Root,
    image: Manifest,
    locations: Mapping[str, Location],
    options: Options,
    output: Path,
) -> tuple[Manifest, str]:
    """Write what has changed; return the manifest and the commit checksum."""
    known = root.finish()
    with output.open("w+b") as file:
        objects = ObjectsWriter(file, known=locations)
        directories = _copy(image.directories)
        upper = Upper(directories, root.upper, root.tree, known, options.cleanup.removes, objects)
        _report(upper.apply(root.touched(known)))
        configured = _after(image, directories, root.tree)
        commit = seal(configured, objects, options.subject, options.timestamp)
        objects.close()
    return configured, commit


def _time(image: Manifest, locations: Mapping[str, Location], options: Options) -> int:
    """SOURCE_DATE_EPOCH."""
    now = options.epoch
    if now is None:
        now = epoch.of_locks(image.packages, options.locks)
    if now is None:
        now = epoch.newest(image.packages, image.directories, locations)
    epoch.check(now, time.time())
    return now


def _content(
    image: Manifest,
    locations: Mapping[str, Location],
    fakeroot_packages: FakerootPackages,
    options: Options,
    now: int,
) -> Content:
    tools = {"preseed": options.preseed.read_bytes()} if options.preseed else {}
    for kind, hooks in (("before", options.hooks_before), ("after", options.hooks_after)):
        for number, hook in enumerate(hooks):
            tools[stages.hook(kind, number)] = _read_hook(hook, kind)
    return Content(
        image.directories,
        locations,
        time=now,
        architecture=emulation.native(image.packages),
        emulator=options.emulator,
        fakeroot=fakeroot_packages.files(),
        tools=tools,
        extra={_POLICY_PATH: options.policy.encode("utf-8")},
    )


def _read_hook(hook: Path, kind: str) -> bytes:
    """Read a hook that the kernel can start (execve(2)); a shell would take it for its own script.

    Raises:
        UserError: it is neither a script with an interpreter nor a program.
    """
    content = hook.read_bytes()
    if not content.startswith((b"#!", b"\x7fELF")):
        raise UserError(
            f"hook {kind}, {hook}: it is neither a program nor a script that says what reads it; "
            "begin it with a line such as #!/bin/sh"
        )
    return content


def _report(changes: Changes) -> None:
    for path, type_ in changes.left_out:
        messages.note(f"/{path}: a {type_}, which OSTree cannot store; left out")


def _after(image: Manifest, directories: dict[str, Directory], merged: Tree) -> Manifest:
    """The image's manifest with the new tree and what follows from it."""
    manifest = replace(image, directories=directories, diverted=[])
    manifest.texts = {
        path: merged.read_text(path) for path in sorted(KEPT_TEXTS) if _is_kept(manifest.row(path))
    }
    status = merged.read_text(f"{dpkg_database.DIRECTORY}/status")
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
