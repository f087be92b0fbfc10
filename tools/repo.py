"""Action: write images into a new archive repo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apt2ostree import worker
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree import repo
from apt2ostree.ship.import_image import add_image


@dataclass(frozen=True)
class Request:
    """What to write: the repo to make, and the images, each under its ref."""

    repo: Path
    images: Sequence[BuiltImage]


def main(request: Request) -> None:
    """Run the action."""
    target = repo.create(request.repo, "archive")
    for image in request.images:
        with target.transaction() as transaction:
            add_image(transaction, target, image)
            transaction.set_ref(image.ref, image.commit)
    (request.repo / ".lock").unlink()


if __name__ == "__main__":
    worker.run(main, Request)
