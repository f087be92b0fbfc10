"""Action: turn a .deb into a tree (a manifest and an objects tar)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apt2ostree import worker
from apt2ostree.errors import UserError
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.request import at_most_one
from apt2ostree.tree import deb_tree


@dataclass(frozen=True)
class Request:
    """What to unpack.

    Attributes:
        deb: the package.
        name: what to call the package in errors.
        zstd: a zstd program, for Python before 3.14, or none.
        manifest: manifest to write.
        objects: objects tar to write.
    """

    deb: Path
    name: str
    zstd: Sequence[Path]
    manifest: Path
    objects: Path


def main(request: Request) -> None:
    """Run the action."""
    what = f"package {request.name} ({request.deb})"
    zstd = at_most_one(request.zstd)
    try:
        with request.deb.open("rb") as deb, request.objects.open("w+b") as file:
            writer = ObjectsWriter(file)
            manifest = deb_tree.unpack(deb, writer, str(zstd) if zstd else None)
            writer.close()
        request.manifest.write_text(manifest.dump(), encoding="utf-8")
    except UserError as error:
        raise UserError(f"{what}: {error}") from error
    except OSError as error:
        where = error.filename or f"writing {request.objects}"
        raise UserError(f"{what}: {where}: {error.strerror}") from error


if __name__ == "__main__":
    worker.run(main, Request)
