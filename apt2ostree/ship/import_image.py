"""Importing a built image into an OSTree repo."""

from __future__ import annotations

import stat

from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree.object_files import bare_user_only_fault
from apt2ostree.ostree.objects import FileHeader
from apt2ostree.ostree.repo import Repo, Transaction
from apt2ostree.progress import progress
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import GID, MODE, TYPE, UID, row_xattrs


def add_image(
    transaction: Transaction, repo: Repo, image: BuiltImage, with_commit: bool = True
) -> None:
    """Add the image's objects that the repo does not have; no ref.

    Args:
        transaction: of the repo.
        repo: where to.
        image: what.
        with_commit: the image's own commit object, too.

    Raises:
        UserError: the repo's mode cannot hold some file.
    """
    if repo.mode == "bare-user-only":
        _check_bare_user_only(repo, image)
    names = image.object_names()
    if not with_commit:
        names.discard(f"{image.commit}.commit")
    missing = {name for name in names if not repo.has(name)}
    done = transaction.add_objects(image.locate_objects(missing))
    for _ in progress(done, len(missing), "objects"):
        pass


def _check_bare_user_only(repo: Repo, image: BuiltImage) -> None:
    faults = []
    for path, directory in image.manifest.directories.items():
        for name, row in directory.files.items():
            kind = stat.S_IFLNK if row[TYPE] == "symlink" else stat.S_IFREG
            header = FileHeader(
                row[UID], row[GID], kind | int(row[MODE], 8), xattrs=row_xattrs(row)
            )
            fault = bare_user_only_fault(header)
            if fault:
                faults.append(f"/{paths.join(path, name)}: {fault}")
    if faults:
        others = f" (and {len(faults) - 1} more)" if faults[1:] else ""
        raise UserError(
            f"{repo.path}: a bare-user-only repo keeps neither owners nor special modes: "
            f"{faults[0]}{others}; use a repo of mode bare-user or archive"
        )
