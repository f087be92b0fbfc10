"""`packages`: list an image's packages."""

from __future__ import annotations

import argparse

from apt2ostree.image.built_image import BuiltImage

HELP = "list the image's packages: name, version, architecture"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments: none."""


def run(image: BuiltImage, options: argparse.Namespace) -> int:
    """Print a package per line, tab-separated, by name."""
    for package in sorted(image.manifest.packages, key=lambda p: (p.name, p.architecture)):
        print(package.name, package.version, package.architecture, sep="\t")
    return 0
