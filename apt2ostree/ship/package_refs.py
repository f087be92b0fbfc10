"""Packages under refs of their own, named as the first apt2ostree named them.

`deb/pool/ab/cd/REST_NAME_VERSION_ARCH.deb/data` is the content of the .deb whose SHA-256 is
`abcdREST`: the commit that `ostree commit --tree=tar=data.tar --no-bindings --orphan
--timestamp=@0` makes, with the pool's file name in the subject. (The first apt2ostree said
`--timestamp=0`, which ostree takes for the midnight before; so its commits changed daily.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from apt2ostree.debian.control import parse_stanzas
from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree.objects import Commit
from apt2ostree.ostree.repo import Repo, Transaction
from apt2ostree.tree import manifest as manifests
from apt2ostree.tree import tree

PackageId = tuple[str, str, str]
"""Name, version and architecture."""


def add_packages(transaction: Transaction, repo: Repo, image: BuiltImage) -> list[tuple[str, str]]:
    """Add each package of an image as a commit with a ref.

    Args:
        transaction: of the repo.
        repo: where to.
        image: whose packages. Those that no lock names are left out: they have no place in a pool.

    Returns:
        (ref, commit) of each, in the image's order.
    """
    pool = dict(_pool_names(image))
    refs = []
    for path in image.packages:
        package = manifests.load(path)
        (record,) = package.packages
        name = pool.get((record.name, record.version, record.architecture))
        if name is None:
            continue
        dirtree, dirmeta, metadata = tree.hash_tree(package.directories)
        for type_, data in metadata.values():
            transaction.add_metadata(type_, data)
        wanted = {f"{checksum}.file" for checksum in package.checksums()}
        missing = {file for file in wanted if not repo.has(file)}
        for _ in transaction.add_objects(image.locate_objects(missing)):
            pass
        commit = Commit(dirtree, dirmeta, subject=f"{name} data")
        ref = f"deb/pool/{ref_name(name)}/data"
        checksum = transaction.add_metadata("commit", commit.serialize())
        transaction.set_ref(ref, checksum)
        refs.append((ref, checksum))
    return refs


def pool_name(sha256: str, filename: str) -> str:
    """Where the first apt2ostree, and aptly before it, keep a package in a pool.

    Args:
        sha256: of the .deb.
        filename: the lock's `Filename`.
    """
    base = unquote(filename).rpartition("/")[2]
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}_{base}"


def ref_name(name: str) -> str:
    """A pool's name with what OSTree does not allow in a ref replaced."""
    return re.sub(r"[^A-Za-z0-9._/-]", "_", name)


def _pool_names(image: BuiltImage) -> Iterator[tuple[PackageId, str]]:
    for lock, path in image.lockfiles:
        for fields in parse_stanzas(path.read_text(encoding="utf-8"), lock):
            try:
                key = (fields["Package"], fields["Version"], fields["Architecture"])
                yield key, pool_name(fields["SHA256"], fields["Filename"])
            except KeyError as error:
                raise UserError(f"{lock}: a package without the field {error}") from None
