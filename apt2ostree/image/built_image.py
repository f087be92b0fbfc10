"""A built image on disk, as actions get it and as `bazel run` of an image finds it.

What the Starlark function `describe_image` writes of an image, in the requests of actions and in a
file among the runfiles, is read into a `BuiltImage`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from apt2ostree import request
from apt2ostree.errors import UserError
from apt2ostree.ostree import objects_tar
from apt2ostree.ostree.objects_tar import Location
from apt2ostree.tree import manifest as manifests
from apt2ostree.tree import tree
from apt2ostree.tree.manifest import Manifest

LINKS = "apt2ostree_trees"
"""The directory of the runfiles in which an image's files are, under their paths in the build."""


@dataclass(frozen=True)
class BuiltImage:
    """An image and the files that make it up.

    Attributes:
        label: the Bazel target.
        ref: the ref it is imported under by default; empty where it does not matter.
        commit_path: a file with its checksum.
        manifest_path: its manifest.
        objects: the objects tars that together hold all its objects.
        packages: the manifests of its packages.
        layers: (name, manifest) of the trees laid over them.
        lockfiles: (name, file) of the locks that the packages are from.
        status: files with the build's status, if the build was stamped.
        emulator: the program that runs those of the image, if it was needed.
        fakeroot: the manifests of the packages that it was configured with.
        fakeroot_objects: their objects tars.
    """

    label: str
    ref: str
    commit_path: Path
    manifest_path: Path
    objects: Sequence[Path]
    packages: Sequence[Path] = ()
    layers: Sequence[tuple[str, Path]] = ()
    lockfiles: Sequence[tuple[str, Path]] = ()
    status: Sequence[Path] = ()
    emulator: Sequence[Path] = ()
    fakeroot: Sequence[Path] = ()
    fakeroot_objects: Sequence[Path] = ()

    @cached_property
    def commit(self) -> str:
        """The commit's checksum, read when first asked for."""
        return self.commit_path.read_text(encoding="ascii").strip()

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest, read when first asked for."""
        return manifests.load(self.manifest_path)

    def object_names(self) -> set[str]:
        """`CHECKSUM.TYPE` of every object that the commit needs, itself included."""
        names = {f"{checksum}.file" for checksum in self.manifest.checksums()}
        _, _, metadata = tree.hash_tree(self.manifest.directories)
        names.update(f"{checksum}.{type_}" for checksum, (type_, _) in metadata.items())
        names.add(f"{self.commit}.commit")
        return names

    def read_objects(self, names: set[str]) -> Iterator[tuple[str, BinaryIO, int]]:
        """Yield each of the named objects once: its name, a file at its start, its size.

        Raises:
            UserError: one is in none of the tars.
        """
        by_tar = itertools.groupby(self.locate_objects(names), key=lambda item: item[1].path)
        for path, found in by_tar:
            with path.open("rb") as file:
                for name, location in found:
                    file.seek(location.offset)
                    yield name, file, location.size

    def locate_objects(self, names: set[str]) -> Iterator[tuple[str, Location]]:
        """Yield where each of the named objects is, once, in the order of the tars.

        Raises:
            UserError: one is in none of the tars.
        """
        missing = set(names)
        for path in self.objects:
            if not missing:
                return
            for name, location in objects_tar.index(path):
                if name in missing:
                    missing.discard(name)
                    yield name, location
        if missing:
            raise UserError(
                f"{self.label}: {len(missing)} of its objects, {min(missing)} among them, are in "
                "none of its objects tars; build it again"
            )


def load(description: Path, runfiles: Path) -> BuiltImage:
    """Read the description of an image that is to be run.

    Args:
        description: the JSON file that the rule wrote.
        runfiles: the runfiles directory.

    Raises:
        UserError: it is not one.
    """
    text = description.read_bytes()
    return request.read(text, BuiltImage, runfiles / LINKS, str(description))
