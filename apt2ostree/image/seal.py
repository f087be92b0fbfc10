"""The last step of making an image: its tree hashed, and a commit made of it."""

from __future__ import annotations

from apt2ostree.ostree import gvariant
from apt2ostree.ostree.objects import Commit
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import tree
from apt2ostree.tree.manifest import Manifest


def seal(manifest: Manifest, objects: ObjectsWriter, subject: str, timestamp: int) -> str:
    """Write an image's metadata objects, the commit's among them.

    Args:
        manifest: of the finished image; gets its `dirtree` and `dirmeta`.
        objects: where the objects go.
        subject: of the commit.
        timestamp: of the commit, in seconds since 1970.

    Returns:
        The commit checksum.

    Raises:
        UserError: a name that is not UTF-8.
    """
    manifest.dirtree, manifest.dirmeta, found = tree.hash_tree(manifest.directories)
    for type_, data in found.values():
        objects.add_metadata(type_, data)
    metadata = {key: gvariant.variant(manifest.metadata[key]) for key in sorted(manifest.metadata)}
    commit = Commit(
        manifest.dirtree,
        manifest.dirmeta,
        timestamp=timestamp,
        subject=subject,
        metadata=metadata,
    )
    return objects.add_metadata("commit", commit.serialize())
