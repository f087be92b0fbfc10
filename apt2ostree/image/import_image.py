"""Importing a built image into an OSTree repo."""

from __future__ import annotations

from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree.repo import Repo, Transaction
from apt2ostree.progress import progress


def add_image(transaction: Transaction, repo: Repo, image: BuiltImage) -> None:
    """Add the image's objects that the repo does not have; no ref."""
    missing = {name for name in image.object_names() if not repo.has(name)}
    found = image.read_objects(missing)
    for name, file, size in progress(found, len(missing), "objects"):
        transaction.add_object(name, file, size)
