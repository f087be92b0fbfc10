"""What can be done with a built image: `bazel run //image:rootfs -- COMMAND`."""

from __future__ import annotations

import apt2ostree.early_interrupt  # noqa: F401 (before what takes long to import)

import argparse
import errno
import os
from collections.abc import Sequence
from pathlib import Path

from apt2ostree import errors
from apt2ostree.command_line import Parser
from apt2ostree.commands import (
    checkout,
    commit,
    diff,
    export,
    import_,
    ls,
    packages,
    report,
    sbom,
    shell,
    size,
    why,
)
from apt2ostree.image import built_image

COMMANDS = {
    "import": import_,
    "commit": commit,
    "checkout": checkout,
    "diff": diff,
    "export": export,
    "ls": ls,
    "packages": packages,
    "report": report,
    "sbom": sbom,
    "shell": shell,
    "size": size,
    "why": why,
}


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = Parser(prog="bazel run IMAGE --", description=__doc__)
    parser.add_argument("--image", required=True, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--runfiles", required=True, type=Path, help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(name, help=command.HELP, description=command.__doc__)
        command.add_arguments(subparser)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run a command; see --help."""
    options = parser().parse_args(arguments)
    errors.heed_sigterm()
    image = built_image.load(options.image.absolute(), options.runfiles.absolute())
    # `bazel run` changes into the runfiles; paths that a user types mean where they stand.
    os.chdir(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    try:
        status: int = COMMANDS[options.command].run(image, options)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        # A write that fails does not say in which file.
        raise errors.UserError(
            f"{options.command}: no space left on the disk that it writes to; nothing there was "
            "replaced. Free some and run it again"
        ) from error
    return status


if __name__ == "__main__":
    errors.run(main)
