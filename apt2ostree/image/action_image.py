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
    # One option with thousands of values: argparse takes quadratic time for thousands of options.
    for option, text in [
        ("--objects", "objects tars of it"),
        ("--package", "manifests of its packages"),
    ]:
        parser.add_argument(option, action="extend", nargs="+", default=[], help=text)
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
