"""`size`: what takes how much of an image: packages, layers, and what else made files."""

from __future__ import annotations

import argparse

from apt2ostree.commands.diff import count
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ship import sizes

HELP = "list what takes how much of the image, the largest first"
DEFAULT = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--limit",
        type=count,
        default=DEFAULT,
        metavar="N",
        help="list N parts at most (default: %(default)s)",
    )


def run(image: BuiltImage, options: argparse.Namespace) -> int:
    """Print the table."""
    for line in sizes.table(sizes.items(image), options.limit):
        print(line)
    return 0
