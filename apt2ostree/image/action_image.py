"""An image as an action's arguments, as `image_arguments` of the Starlark side writes them."""

from __future__ import annotations

import argparse
from pathlib import Path

from apt2ostree.image.built_image import BuiltImage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--label", required=True, help="the image's target")
    parser.add_argument("--commit", required=True, help="file with its checksum")
    parser.add_argument("--image", required=True, help="its manifest")
    parser.add_argument("--objects", action="append", default=[], help="an objects tar of it")
    parser.add_argument("--package", action="append", default=[], help="manifest of a package")
    parser.add_argument(
        "--layer",
        action="append",
        default=[],
        nargs=2,
        metavar=("NAME", "MANIFEST"),
        help="a tree that was laid over the packages",
    )


def load(options: argparse.Namespace, directory: Path) -> BuiltImage:
    """Return the image; paths are relative to `directory`."""
    return BuiltImage(
        label=options.label,
        ref="",
        commit=(directory / options.commit).read_text(encoding="ascii").strip(),
        manifest_path=directory / options.image,
        objects=[directory / path for path in options.objects],
        packages=[directory / path for path in options.package],
        layers=[(name, directory / path) for name, path in options.layer],
    )
