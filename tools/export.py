"""Action: write an image as a tar or as an OCI image layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apt2ostree import worker
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.request import at_most_one
from apt2ostree.ship import export_tar, oci
from apt2ostree.ship.contents import Contents


@dataclass(frozen=True)
class Oci:
    """What an OCI image is besides its files: see `oci.OciOptions`.

    Attributes:
        onto_layout: the layout's directory or its oci-layout, or none.
    """

    tag: str
    max_layers: int
    config: Mapping[str, Any]
    annotations: Mapping[str, str]
    onto: str
    onto_layout: Sequence[Path]


@dataclass(frozen=True)
class Request:
    """What to write.

    Attributes:
        image: the image.
        oci: what an OCI image is besides; none: a tar.
        output: file to write, for OCI a directory.
    """

    image: BuiltImage
    oci: Sequence[Oci]
    output: Path


def main(request: Request) -> None:
    """Run the action."""
    options = at_most_one(request.oci)
    if options:
        oci.export(request.image, request.output, _options(options))
        return
    with Contents(request.image) as contents, request.output.open("wb") as file:
        export_tar.write(file, request.image.manifest.directories, contents)


def _options(options: Oci) -> oci.OciOptions:
    layout = at_most_one(options.onto_layout)
    return oci.OciOptions(
        tag=options.tag,
        max_layers=options.max_layers,
        config=options.config,
        annotations=options.annotations,
        onto=options.onto,
        onto_layout=layout.parent if layout and layout.name == "oci-layout" else layout,
    )


if __name__ == "__main__":
    worker.run(main, Request)
