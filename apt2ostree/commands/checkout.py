"""`checkout`: write an image out as a directory."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from apt2ostree import messages
from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ship import checkout

HELP = "write the image out as a directory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directory", type=Path, help="the directory to make")
    parser.add_argument(
        "-U",
        "--user-mode",
        action="store_true",
        help="keep no owners, setuid bits and extended attributes (always so without root)",
    )


def run(image: BuiltImage, options: argparse.Namespace) -> int:
    """Write to a temporary name beside the directory, then rename: all of it or nothing."""
    target: Path = options.directory
    user_mode = options.user_mode or os.geteuid() != 0
    if user_mode and not options.user_mode:
        messages.note("not root, so owners and setuid bits are not kept")
    if target.is_symlink() or target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise UserError(f"{target}: exists; checkout makes a new directory")
    if not target.absolute().parent.is_dir():
        raise UserError(f"{target.absolute().parent}: no such directory")
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.absolute().parent))
    try:
        checkout.write(image, temporary / "root", user_mode)
        (temporary / "root").rename(target)
    finally:
        checkout.remove(temporary)
    return 0
