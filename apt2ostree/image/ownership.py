"""Which package a path of an image belongs to: what `dpkg -S` would answer.

An image's manifest does not say; the manifests of its packages do. A path that two packages
ship belongs to the one that Replaces the other's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from apt2ostree.image import merge
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import TARGET, TYPE, Directory, Manifest, PackageRecord


class PathResolver:
    """Follows symlinks of an image in the directory part of paths, as a kernel would.

    Args:
        directories: the image's.
    """

    def __init__(self, directories: Mapping[str, Directory]) -> None:
        self._directories = directories
        self._known: dict[str, str] = {"": ""}

    def directory(self, path: str) -> str:
        """Where a directory that a package ships is in the image."""
        known = self._known.get(path)
        if known is None:
            known = path if path in self._directories else self._follow(path)
            self._known[path] = known
        return known

    def path(self, path: str) -> str:
        """Where a file that a package ships is in the image; its own link is not followed."""
        above, name = paths.split(path)
        return paths.join(self.directory(above), name)

    def _follow(self, asked: str) -> str:
        """Walk down a path; where it leads out of the image, it is left as it is."""
        here = ""
        to_go = asked.split("/")[::-1]
        links_left = merge.MAX_LINKS
        while to_go:
            part = to_go.pop()
            if part in ("", "."):
                continue
            if part == "..":
                here = paths.parent(here)
                continue
            directory = self._directories.get(here)
            row = directory.files.get(part) if directory else None
            if row is None or row[TYPE] != "symlink":
                here = paths.join(here, part)
                continue
            if not links_left:
                return asked
            links_left -= 1
            here = "" if row[TARGET].startswith("/") else here
            to_go += row[TARGET].split("/")[::-1]
        return here


def shipped(
    packages: Sequence[Manifest], resolver: PathResolver
) -> Iterator[tuple[PackageRecord, str, str, str]]:
    """Yield every file that packages ship: (package, its directory in the image, its
    directory as shipped, its name)."""
    for manifest in packages:
        for record in manifest.packages:
            for path, directory in manifest.directories.items():
                place = resolver.directory(path)
                for name in directory.files:
                    yield record, place, path, name


def owners(image: Manifest, packages: Sequence[Manifest]) -> dict[str, PackageRecord]:
    """Return path → package for every file of the image that a package shipped.

    Args:
        image: the image.
        packages: manifests of its packages, or of some of them.
    """
    found: dict[str, PackageRecord] = {}
    for record, place, _, name in shipped(packages, PathResolver(image.directories)):
        directory = image.directories.get(place)
        if directory is None or name not in directory.files:
            continue
        path = paths.join(place, name)
        other = found.get(path)
        if other is None or not merge.replaces(other, record):
            found[path] = record
    return found
