"""Importing a built image into an OSTree repo."""

from __future__ import annotations

from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree.repo import Repo, Transaction
from apt2ostree.progress import progress


def add_image(
    transaction: Transaction, repo: Repo, image: BuiltImage, with_commit: bool = True
) -> None:
    """Add the image's objects that the repo does not have; no ref.

    Args:
        transaction: of the repo.
        repo: where to.
        image: what.
        with_commit: the image's own commit object, too.
    """
    names = image.object_names()
    if not with_commit:
        names.discard(f"{image.commit}.commit")
    missing = {name for name in names if not repo.has(name)}
    done = transaction.add_objects(image.locate_objects(missing))
    for _ in progress(done, len(missing), "objects"):
        pass
