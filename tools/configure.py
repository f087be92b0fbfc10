"""Action: configure an unpacked image in a sandbox."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from apt2ostree import errors, worker
from apt2ostree.configure import cleanup, configure, namespaces, scripts
from apt2ostree.configure.fakeroot_packages import FakerootPackages
from apt2ostree.configure.sandbox import Limits
from apt2ostree.errors import UserError
from apt2ostree.tree import manifest


def main(arguments: Sequence[str]) -> int:
    """Run the action; see --help."""
    options = _parser().parse_args(worker.expand(arguments, Path()))
    signal.signal(signal.SIGTERM, _stop)
    namespaces.enter()
    try:
        image, commit = configure.configure(
            manifest.load(options.image),
            options.objects,
            _fakeroot(options),
            _options(options),
            options.output_manifest.with_name(options.output_manifest.name + ".scratch").absolute(),
            options.output_objects,
        )
    except UserError as error:
        raise UserError(f"{options.label}: {error}") from error
    options.output_manifest.write_text(image.dump(), encoding="utf-8")
    options.output_commit.write_text(f"{commit}\n", encoding="ascii")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = worker.ActionParser(description=__doc__)
    add = parser.add_argument
    add("--label", required=True, help="what to call the image in errors")
    add("--image", required=True, type=Path, help="manifest of the unpacked image")
    add(
        "--objects",
        action="extend",
        nargs="+",
        default=[],
        type=Path,
        help="objects tars of the image",
    )
    add("--fakeroot", action="append", default=[], type=Path, help="manifest of a package")
    add("--fakeroot-objects", action="append", default=[], type=Path, help="objects tar of one")
    add("--cleanup", action="append", default=[], type=Path, help="list of what not to keep")
    add("--debconf", type=Path, help="answers, as debconf-set-selections takes them")
    add("--disk-limit", type=int, help="bytes that the scripts may write")
    add("--emulator", type=Path, help="qemu-user for the image's architecture")
    add("--environment", action="append", default=[], metavar="NAME=VALUE")
    add("--epoch", type=int, help="SOURCE_DATE_EPOCH (default: the newest changelog entry)")
    add("--hook-after", action="append", default=[], type=Path, help="program to run inside")
    add("--hook-before", action="append", default=[], type=Path, help="program to run inside")
    add("--lockfile", action="append", default=[], type=Path, help="lock the packages are from")
    add("--policy", type=Path, help="policy-rc.d (default: no service may start)")
    add("--time-limit", type=float, help="seconds that a package's scripts may take")
    add("--output-manifest", required=True, type=Path)
    add("--output-objects", required=True, type=Path)
    add("--output-commit", required=True, type=Path)
    return parser


def _options(options: argparse.Namespace) -> configure.Options:
    rules = [
        rule
        for path in options.cleanup
        for rule in cleanup.parse(path.read_text(encoding="utf-8"), str(path))
    ]
    default = Limits()
    return configure.Options(
        cleanup=cleanup.Cleanup(rules),
        emulator=options.emulator,
        environment=dict(item.split("=", 1) for item in options.environment),
        epoch=options.epoch,
        hooks_after=options.hook_after,
        hooks_before=options.hook_before,
        limits=Limits(
            options.time_limit or default.seconds, options.disk_limit or default.disk_bytes
        ),
        locks=[path.read_text(encoding="utf-8") for path in options.lockfile],
        policy=options.policy.read_text(encoding="utf-8") if options.policy else scripts.POLICY,
        preseed=options.debconf,
    )


def _fakeroot(options: argparse.Namespace) -> FakerootPackages:
    packages = FakerootPackages.load(options.fakeroot, options.fakeroot_objects)
    if not packages:
        raise UserError("no fakeroot given: expected its packages with --fakeroot")
    return packages


def _stop(number: int, frame: FrameType | None) -> None:
    """Let `finally` clauses run when Bazel stops the action."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    errors.run(main)
