"""A tree's directories: adding to them, and hashing them as OSTree does."""

from __future__ import annotations

from collections.abc import Mapping

from apt2ostree.errors import UserError
from apt2ostree.ostree import objects
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import CHECKSUM, TYPE, Directory, components, decode_xattrs

DEVICE_TYPES = ("character device", "block device", "fifo")
"""File types that a manifest records and that OSTree has no object for."""


def ensure_directory(directories: dict[str, Directory], path: str) -> Directory:
    """Return the directory at `path`, made, with its parents, as implicit where missing.

    Raises:
        UserError: a component is a file.
    """
    directory = directories.get(path)
    if directory is not None:
        return directory
    missing = []
    above = path
    while above and above not in directories:
        missing.append(above)
        above = paths.parent(above)
    directory = directories.setdefault(above, Directory(implicit=True))
    for below in reversed(missing):
        if paths.split(below)[1] in directory.files:
            raise UserError(f"/{below}: both a directory and a file")
        directory = directories[below] = Directory(implicit=True)
    return directory


def hash_tree(
    directories: Mapping[str, Directory],
) -> tuple[str, str, dict[str, tuple[str, bytes]]]:
    """Compute a tree's dirtree and dirmeta objects.

    Files that OSTree cannot hold (devices and fifos) are left out.

    Args:
        directories: path → directory, parents included.

    Returns:
        The root's dirtree checksum, its dirmeta checksum, and all metadata objects:
        checksum → (`dirtree` or `dirmeta`, bytes), children before parents.

    Raises:
        UserError: a name that is not UTF-8.
    """
    found: dict[str, tuple[str, bytes]] = {}
    metas: dict[str, str] = {}
    children: dict[str, list[tuple[str, str, str]]] = {}
    tree = meta = ""
    for path in sorted(directories, key=components, reverse=True):
        directory = directories[path]
        meta_key = f"{directory.mode} {directory.uid} {directory.gid} {directory.xattrs}"
        known_meta = metas.get(meta_key)
        if known_meta is None:
            data = objects.dirmeta(
                directory.uid,
                directory.gid,
                int(directory.mode, 8),
                decode_xattrs(directory.xattrs),
            )
            known_meta = metas[meta_key] = objects.checksum(data)
            found[known_meta] = ("dirmeta", data)
        meta = known_meta
        files = [
            (name, row[CHECKSUM])
            for name, row in directory.files.items()
            if row[TYPE] not in DEVICE_TYPES
        ]
        try:
            data = objects.dirtree(files, children.pop(path, []))
        except UserError as error:
            raise UserError(f"in /{path}: {error}") from None
        tree = objects.checksum(data)
        found[tree] = ("dirtree", data)
        if path:
            above, name = paths.split(path)
            children.setdefault(above, []).append((name, tree, meta))
    return tree, meta, found
