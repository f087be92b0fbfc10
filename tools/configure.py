"""Action: configure an unpacked image in a sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apt2ostree import errors, worker
from apt2ostree.configure import cleanup, configure, scripts
from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.request import at_most_one
from apt2ostree.sandbox.fakeroot_packages import FakerootPackages
from apt2ostree.sandbox.limits import Limits


@dataclass(frozen=True)
class Request:
    """What to configure, and how.

    Attributes:
        image: the unpacked image.
        cleanup: lists of what not to keep.
        debconf: answers, as debconf-set-selections(1) takes them, or none.
        disk_limit: bytes that the scripts may write; 0: as many as by default.
        environment: variables for the scripts.
        epoch: SOURCE_DATE_EPOCH; 0: what the locks say, or else the newest changelog entry.
        hooks_after: programs to run inside when all is configured.
        hooks_before: programs to run inside before anything is.
        policy: a policy-rc.d, or none: no service may start.
        time_limit: seconds that a package's scripts may take; 0: as many as by default.
        manifest: manifest to write.
        objects: objects tar to write.
        commit: commit checksum to write.
    """

    image: BuiltImage
    cleanup: Sequence[Path]
    debconf: Sequence[Path]
    disk_limit: int
    environment: Mapping[str, str]
    epoch: int
    hooks_after: Sequence[Path]
    hooks_before: Sequence[Path]
    policy: Sequence[Path]
    time_limit: int
    manifest: Path
    objects: Path
    commit: Path


def main(request: Request) -> None:
    """Run the action."""
    errors.heed_sigterm()
    image = request.image
    try:
        configured, commit = configure.configure(
            image.manifest,
            image.objects,
            _fakeroot(image),
            _options(request),
            request.manifest.with_name(request.manifest.name + ".scratch").absolute(),
            request.objects,
        )
    except UserError as error:
        raise UserError(f"{image.label}: {error}") from error
    request.manifest.write_text(configured.dump(), encoding="utf-8")
    request.commit.write_text(f"{commit}\n", encoding="ascii")


def _options(request: Request) -> configure.Options:
    rules = [
        rule
        for path in request.cleanup
        for rule in cleanup.parse(path.read_text(encoding="utf-8"), str(path))
    ]
    policy = at_most_one(request.policy)
    default = Limits()
    return configure.Options(
        cleanup=cleanup.Cleanup(rules),
        emulator=at_most_one(request.image.emulator),
        environment=request.environment,
        epoch=request.epoch or None,
        hooks_after=request.hooks_after,
        hooks_before=request.hooks_before,
        limits=Limits(
            request.time_limit or default.seconds, request.disk_limit or default.disk_bytes
        ),
        locks=[path.read_text(encoding="utf-8") for _, path in request.image.lockfiles],
        policy=policy.read_text(encoding="utf-8") if policy else scripts.POLICY,
        preseed=at_most_one(request.debconf),
    )


def _fakeroot(image: BuiltImage) -> FakerootPackages:
    packages = FakerootPackages.load(image.fakeroot, image.fakeroot_objects)
    if not packages:
        raise UserError("no fakeroot given: expected its packages in `fakeroot`")
    return packages


if __name__ == "__main__":
    worker.run(main, Request)
