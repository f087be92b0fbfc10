"""`sbom`: write a bill of materials: SPDX 2.3 or CycloneDX 1.5, with package URLs."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from apt2ostree.commands.output import output_file
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ship import cyclonedx, inventory, spdx

HELP = "write a bill of materials (SPDX or CycloneDX)"
FORMATS = {"spdx": spdx.document, "cyclonedx": cyclonedx.document}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--format", choices=sorted(FORMATS), default="spdx")
    parser.add_argument("-o", "--output", type=Path, help="default: standard output")


def run(image: BuiltImage, options: argparse.Namespace) -> int:
    """Write the document; its time is SOURCE_DATE_EPOCH, or now."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = time.gmtime(int(epoch) if epoch.isdigit() else None)
    taken = inventory.take(image, time.strftime("%Y-%m-%dT%H:%M:%SZ", moment))
    text = FORMATS[options.format](taken)
    if options.output is None:
        sys.stdout.write(text)
        return 0
    with output_file(options.output) as file:
        file.write(text.encode("utf-8"))
    return 0
