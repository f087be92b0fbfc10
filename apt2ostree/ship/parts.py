"""What of an image came from where: from a package, from a layer, or from neither.

The rest is what composing and configuring made: dpkg's status, links, caches, accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from apt2ostree.debian import info
from apt2ostree.debian.control import parse_stanza
from apt2ostree.image import ownership
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.tree import manifest as manifests
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import Manifest, PackageRecord


@dataclass
class Part:
    """A part of an image.

    Attributes:
        name: of the package, the layer's target, or empty for the rest.
        record: the package, if it is one.
        paths: files, and directories with nothing in them, as they are called in the image.
    """

    name: str
    record: PackageRecord | None = None
    paths: set[str] = field(default_factory=set)

    @property
    def source(self) -> str:
        """The name of the source package (Policy §5.6.1); the part's own if it is no package."""
        if self.record is None:
            return self.name
        fields = parse_stanza(self.record.control, f"control file of {self.record.name}")
        return fields.get("Source", self.record.name).split(" ")[0]


def parts(image: BuiltImage) -> list[Part]:
    """Return the image's parts: packages by name, layers, then the rest. Each file is in one;
    an empty directory is in every part that ships it."""
    package_manifests = [manifests.load(path) for path in image.packages]
    layers = [(name, manifests.load(path)) for name, path in image.layers]
    return split(image.manifest, package_manifests, layers)


def split(
    image: Manifest, packages: Sequence[Manifest], layers: Sequence[tuple[str, Manifest]]
) -> list[Part]:
    """The same, from manifests."""
    by_key = {
        record.key: Part(record.name, record)
        for record in sorted(image.packages, key=lambda record: record.key)
    }
    leaves = _empty_directories(image)
    rest = leaves | _files(image)
    owners = ownership.owners(image, packages)
    layer_parts = [_layer_part(image, name, layer, leaves) for name, layer in layers]
    for part in layer_parts:
        rest -= part.paths
    in_layers = set().union(*(part.paths for part in layer_parts))
    for path, record in owners.items():
        if path not in in_layers:
            by_key[record.key].paths.add(path)
    for record in image.packages:
        names = record.info
        by_key[record.key].paths.update(paths.join(info.INFO_DIRECTORY, name) for name in names)
    resolver = ownership.PathResolver(image.directories)
    for manifest in packages:
        for record in manifest.packages:
            shipped = {
                resolver.directory(path)
                for path, directory in manifest.directories.items()
                if path and not directory.implicit
            }
            by_key[record.key].paths |= shipped & leaves
    for part in by_key.values():
        rest -= part.paths
    return [*by_key.values(), *layer_parts, Part("", paths=rest)]


def _layer_part(image: Manifest, name: str, layer: Manifest, leaves: set[str]) -> Part:
    """What of a layer is in the image as the layer has it."""
    part = Part(name)
    resolver = ownership.PathResolver(image.directories)
    for path, directory in layer.directories.items():
        place = resolver.directory(path)
        files = image.directories[place].files if place in image.directories else {}
        if not directory.implicit and place in leaves:
            part.paths.add(place)
        part.paths.update(
            paths.join(place, file)
            for file, row in directory.files.items()
            if files.get(file) == row
        )
    return part


def _empty_directories(image: Manifest) -> set[str]:
    """Directories with nothing in them: others come with what they hold."""
    parents = {paths.parent(path) for path in image.directories if path}
    return {
        path
        for path, directory in image.directories.items()
        if not directory.files and path not in parents
    }


def _files(image: Manifest) -> set[str]:
    return {
        paths.join(path, name)
        for path, directory in image.directories.items()
        for name in directory.files
    }
