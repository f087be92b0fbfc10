"""Action: write an image as a tar or as an OCI image layout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from apt2ostree import worker
from apt2ostree.image import action_image
from apt2ostree.ship import export_tar, oci
from apt2ostree.ship.contents import Contents


def main(arguments: Sequence[str], directory: Path) -> int:
    """Run the action; see --help."""
    parser = worker.ActionParser(description=__doc__)
    action_image.add_arguments(parser)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--tar", help="tar to write")
    target.add_argument("--oci", help="directory to write the layout to")
    parser.add_argument("--tag", default="latest")
    parser.add_argument("--max-layers", type=int, default=oci.MAX_LAYERS)
    parser.add_argument("--onto", default="", help="name of the image whose layers to keep")
    parser.add_argument("--onto-layout", help="the layout it is in: a directory or its oci-layout")
    parser.add_argument("--config", default="{}", help="`config` of the OCI configuration, JSON")
    parser.add_argument("--annotations", default="{}", help="of the OCI manifest, JSON")
    options = parser.parse_args(arguments)
    image = action_image.load(options, directory)
    if options.oci is not None:
        oci.export(
            image,
            directory / options.oci,
            oci.OciOptions(
                options.tag,
                options.max_layers,
                json.loads(options.config),
                json.loads(options.annotations),
                options.onto,
                options.onto_layout and _layout(directory / options.onto_layout),
            ),
        )
        return 0
    with Contents(image) as contents, (directory / options.tar).open("wb") as file:
        export_tar.write(file, image.manifest.directories, contents)
    return 0


def _layout(path: Path) -> Path:
    return path.parent if path.name == "oci-layout" else path


if __name__ == "__main__":
    worker.run(main)
