"""`report`: an HTML page on what makes up the image: sizes, dependencies, duplicates, changes."""

from __future__ import annotations

import argparse
from pathlib import Path

from apt2ostree.commands.diff import load_operand
from apt2ostree.commands.output import output_file
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.progress import format_size
from apt2ostree.ship import diff, report

HELP = "write an HTML page on what makes up the image"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("report.html"), help="default: %(default)s"
    )
    parser.add_argument(
        "--against", metavar="A", help="show the changes from this image too: see `diff`"
    )
    parser.add_argument("--repo", type=Path, help="the repo that --against names a commit of")


def run(image: BuiltImage, options: argparse.Namespace) -> int:
    """Write the page."""
    changes = None
    if options.against is not None:
        changes = diff.compare(load_operand(options.against, options.repo), image.manifest)
    text = report.page(image, changes, options.against or "").encode("utf-8")
    with output_file(options.output) as file:
        file.write(text)
    print(f"{options.output} ({format_size(len(text))})")
    return 0
