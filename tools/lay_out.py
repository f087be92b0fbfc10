"""Action: lay an image out as a deployment that boots from OSTree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from apt2ostree import worker
from apt2ostree.device import layout
from apt2ostree.errors import UserError
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import manifest


@dataclass(frozen=True)
class Request:
    """What to lay out.

    Attributes:
        label: what to call the image in errors.
        image: its manifest.
        version: what people call it; may be empty.
        manifest: manifest to write.
        objects: objects tar to write.
        commit: commit checksum to write.
    """

    label: str
    image: Path
    version: str
    manifest: Path
    objects: Path
    commit: Path


def main(request: Request) -> None:
    """Run the action."""
    with request.objects.open("w+b") as file:
        writer = ObjectsWriter(file)
        try:
            image, commit = layout.lay_out(manifest.load(request.image), request.version, writer)
        except UserError as error:
            raise UserError(f"{request.label}: {error}") from error
        writer.close()
    request.manifest.write_text(image.dump(), encoding="utf-8")
    request.commit.write_text(f"{commit}\n", encoding="ascii")


if __name__ == "__main__":
    worker.run(main, Request)
