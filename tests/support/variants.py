"""Images upon images, with packages and layers, laid out on disk as Bazel does."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from apt2ostree.image import compose
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.image.compose import Options
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree.accounts import Accounts
from apt2ostree.tree.attributes import Attributes, rules
from apt2ostree.tree.manifest import Manifest
from apt2ostree.tree.tree_builder import TreeBuilder
from tests.support import images

Tree = tuple[Manifest, bytes]
"""A manifest and an objects tar."""


@dataclass(frozen=True)
class Variant:
    """An image and what it was made of.

    Attributes:
        built: as `bazel run` finds it.
        packages: its packages, those of its base included.
        trees: of its packages, its base and its layers, its own objects last.
    """

    built: BuiltImage
    packages: Sequence[Manifest]
    trees: Sequence[Tree]

    @property
    def manifest(self) -> Manifest:
        return self.built.manifest


def tree(files: Mapping[str, bytes], directories: Sequence[str] = ()) -> Tree:
    """A layer of files of root, mode 0644."""
    buffer = io.BytesIO()
    writer = ObjectsWriter(buffer)
    builder = TreeBuilder(writer, Accounts(), Attributes("0", "0", "0644"), rules([]))
    for path, data in files.items():
        attributes = Attributes("0", "0", "0644")
        builder._put_file(path, "the test", attributes, len(data), iter([data]))
    for path in directories:
        builder.add_directory(path)
    manifest = builder.manifest()
    writer.close()
    return manifest, buffer.getvalue()


def build(
    directory: Path,
    debs: Sequence[bytes] = (),
    layers: Mapping[str, Tree] | None = None,
    base: Variant | None = None,
    options: Options | None = None,
    locks: Mapping[str, str] | None = None,
    label: str = "//test:image",
) -> Variant:
    """Compose an image and write it to `directory`, which is made."""
    directory.mkdir(parents=True)
    layers = layers or {}
    unpacked = [images.unpack(deb) for deb in debs]
    below = base.packages if base else []
    buffer = io.BytesIO()
    writer = ObjectsWriter(buffer)
    manifest, commit = compose.compose(
        [manifest for manifest, _ in unpacked],
        {name: layer for name, (layer, _) in layers.items()},
        options or Options(),
        writer,
        compose.Base(base.built.label, base.manifest, lambda: list(below)) if base else None,
    )
    writer.close()
    own = [*unpacked, *layers.values(), (manifest, buffer.getvalue())]
    trees = [*(base.trees if base else []), *own]
    known = {record.key for found in below for record in found.packages}
    packages = [*below, *(m for m, _ in unpacked if m.packages[0].key not in known)]
    for number, (_, objects) in enumerate(trees):
        (directory / f"{number}.objects.tar").write_bytes(objects)
    for number, package in enumerate(packages):
        (directory / f"{number}.manifest.json").write_text(package.dump(), encoding="utf-8")
    for number, (layer, _) in enumerate(layers.values()):
        (directory / f"{number}.layer.json").write_text(layer.dump(), encoding="utf-8")
    (directory / "manifest.json").write_text(manifest.dump(), encoding="utf-8")
    (directory / "commit").write_text(commit, encoding="ascii")
    built = BuiltImage(
        label=label,
        ref="deb/images/test/unpacked",
        commit_path=directory / "commit",
        manifest_path=directory / "manifest.json",
        objects=[directory / f"{number}.objects.tar" for number in range(len(trees))],
        packages=[directory / f"{number}.manifest.json" for number in range(len(packages))],
        layers=[
            *(base.built.layers if base else ()),
            *((name, directory / f"{number}.layer.json") for number, name in enumerate(layers)),
        ],
    )
    for name, text in (locks or {}).items():
        path = directory / f"{name}.lock"
        path.write_text(text, encoding="utf-8")
        built = replace(built, lockfiles=[*built.lockfiles, (name, path)])
    return Variant(built, packages, trees)


def paths(image: Manifest) -> set[str]:
    """Paths of the image's files, dpkg's own apart."""
    return {
        f"{path}/{name}".lstrip("/")
        for path, found in image.directories.items()
        for name in found.files
        if not path.startswith("var/lib/dpkg")
    }
