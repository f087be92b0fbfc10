"""`shell`: look into the image from inside; what is changed is thrown away."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from apt2ostree import messages
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.sandbox import shell

HELP = "open a shell in the image (changes are thrown away), or run a program there"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "program",
        nargs=argparse.REMAINDER,
        help="what to run, with its arguments (default: the image's bash, or sh)",
    )


def run(image: BuiltImage, options: argparse.Namespace) -> int:
    """Run it; its exit status is ours."""
    program = options.program[1:] if options.program[:1] == ["--"] else options.program
    with tempfile.TemporaryDirectory(prefix="apt2ostree-shell-") as directory:
        if sys.stderr.isatty():
            messages.say(f"{image.label}: a shell in the image; what you change is lost")
        return shell.run(image, program, Path(directory, "sandbox"), os.environ.get("TERM", "dumb"))
