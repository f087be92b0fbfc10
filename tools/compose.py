"""Action: compose an image from manifests."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from apt2ostree import worker
from apt2ostree.image import compose, quirks
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.request import at_most_one
from apt2ostree.tree import manifest, sysusers


@dataclass(frozen=True)
class Base:
    """An image to begin with: its label, its manifest, the manifests of its packages."""

    name: str
    manifest: Path
    packages: Sequence[Path]


@dataclass(frozen=True)
class Request:
    """What to compose; see `compose.Options` for what is not told here.

    Attributes:
        base: an image to begin with, or none.
        packages: manifests of the packages.
        local_packages: those of them that are of packages that no lock names.
        layers: (name, manifest) of the trees to lay over the packages.
        quirks: (name, file) of the corrections of packages.
        accounts: (name, file) of the users and groups with their ids, or none.
        manifest: manifest to write.
        objects: objects tar to write.
        commit: commit checksum to write.
    """

    base: Sequence[Base]
    packages: Sequence[Path]
    local_packages: Sequence[Path]
    layers: Sequence[tuple[str, Path]]
    architectures: Sequence[str]
    merged_usr: Literal["auto", "yes", "no"]
    overlay_conflicts: Literal["error", "replace"]
    remove: Sequence[str]
    unmatched_globs: Literal["warning", "error"]
    automatic: Sequence[str]
    quirks: Sequence[tuple[str, Path]]
    accounts: Sequence[tuple[str, Path]]
    manifest: Path
    objects: Path
    commit: Path


def main(request: Request) -> None:
    """Run the action."""
    with request.objects.open("w+b") as file:
        writer = ObjectsWriter(file)
        packages = {path: manifest.load(path) for path in request.packages}
        options = compose.Options(
            architectures=request.architectures,
            merged_usr=request.merged_usr,
            overlay_conflicts=request.overlay_conflicts,
            remove=request.remove,
            unmatched_globs=request.unmatched_globs,
            automatic=frozenset(request.automatic),
            local=[one.key for path in request.local_packages for one in packages[path].packages],
            quirks=[quirks.load(path, name) for name, path in request.quirks],
            accounts=_accounts(at_most_one(request.accounts)),
        )
        image, commit = compose.compose(
            list(packages.values()),
            {name: manifest.load(path) for name, path in request.layers},
            options,
            writer,
            _base(at_most_one(request.base)),
        )
        writer.close()
    request.manifest.write_text(image.dump(), encoding="utf-8")
    request.commit.write_text(f"{commit}\n", encoding="ascii")


def _accounts(file: tuple[str, Path] | None) -> sysusers.Declared:
    if file is None:
        return sysusers.Declared()
    name, path = file
    return sysusers.parse(path.read_text(encoding="utf-8"), name)


def _base(base: Base | None) -> compose.Base | None:
    if base is None:
        return None
    packages = functools.cache(lambda: [manifest.load(path) for path in base.packages])
    return compose.Base(base.name, manifest.load(base.manifest), packages)


if __name__ == "__main__":
    worker.run(main, Request)
