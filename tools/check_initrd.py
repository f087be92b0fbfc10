"""Action: see that a bootable image's initrd can do its work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apt2ostree import worker
from apt2ostree.device import initrd, kernel
from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.request import at_most_one
from apt2ostree.ship.contents import Contents


@dataclass(frozen=True)
class Request:
    """What to look into.

    Attributes:
        image: a bootable image.
        zstd: the program to use where Python has none of its own, or none.
        output: file to write if all is well.
    """

    image: BuiltImage
    zstd: Sequence[Path]
    output: Path


def main(request: Request) -> None:
    """Run the action."""
    image = request.image
    release = str(image.manifest.metadata["ostree.linux"])
    path = kernel.initrd(release)
    with Contents(image) as contents:
        data = contents.read(path)
    assert data is not None, path
    zstd = at_most_one(request.zstd)
    try:
        initrd.check(data, release, str(zstd) if zstd else None)
    except UserError as error:
        raise UserError(f"{image.label}: its initrd, /{path}: {error}") from error
    request.output.write_text("", encoding="ascii")


if __name__ == "__main__":
    worker.run(main, Request)
