"""`export`: write the image as a tar or as an OCI image layout."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from apt2ostree.commands.output import output_file
from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ship import export_tar, oci
from apt2ostree.ship.contents import Contents

HELP = "write the image as a tar or an OCI image layout"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--tar", type=Path, metavar="FILE", help="a new file, or - for a pipe")
    target.add_argument("--oci", type=Path, metavar="DIR", help="an OCI image layout, new or not")
    parser.add_argument("--tag", default="latest", help="the image's name in the OCI layout")
    parser.add_argument(
        "--onto",
        default="",
        metavar="TAG",
        help="keep the layers of this image in the OCI layout, below one with what is different",
    )
    parser.add_argument(
        "--max-layers",
        type=int,
        default=oci.MAX_LAYERS,
        metavar="N",
        help="layers of the OCI image (default: %(default)s)",
    )


def run(image: BuiltImage, options: argparse.Namespace) -> int:
    """Write one of the two."""
    if options.oci is not None:
        wanted = oci.OciOptions(options.tag, options.max_layers, onto=options.onto)
        digest = oci.export(image, options.oci, wanted)
        print(f"{options.oci}:{options.tag} {digest}")
        return 0
    with Contents(image) as contents:
        if str(options.tar) == "-":
            if sys.stdout.isatty():
                raise UserError("a tar is not for a terminal: redirect it, or name a file")
            export_tar.write(sys.stdout.buffer, image.manifest.directories, contents)
            return 0
        with output_file(options.tar) as file:
            export_tar.write(file, image.manifest.directories, contents)
    return 0
