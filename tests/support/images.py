"""Images composed in a test, without Bazel."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apt2ostree.image import built_image, compose
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree import objects, objects_tar
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import deb_tree
from apt2ostree.tree.manifest import CHECKSUM, Manifest
from tests.support import requests


@dataclass
class Composed:
    """An image in memory.

    Attributes:
        manifest: of the image.
        commit: its checksum.
        objects: the objects tars, the image's own last.
    """

    manifest: Manifest
    commit: str
    objects: Sequence[bytes]
    files: dict[str, bytes] = field(default_factory=dict)

    def content(self, path: str) -> str:
        """The text of a file in the image."""
        directory, _, name = path.rpartition("/")
        row = self.manifest.directories[directory].files[name]
        if not self.files:
            self.files.update(contents(self.objects))
        return self.files[row[CHECKSUM]].decode("utf-8", "surrogateescape")


def unpack(deb: bytes) -> tuple[Manifest, bytes]:
    """A package's manifest and its objects tar."""
    buffer = io.BytesIO()
    writer = ObjectsWriter(buffer)
    manifest = deb_tree.unpack(io.BytesIO(deb), writer)
    writer.close()
    return manifest, buffer.getvalue()


def compose_debs(
    debs: Sequence[bytes], options: compose.Options | None = None, **layers: Manifest
) -> Composed:
    """Unpack and compose."""
    unpacked = [unpack(deb) for deb in debs]
    buffer = io.BytesIO()
    writer = ObjectsWriter(buffer)
    manifest, commit = compose.compose(
        [manifest for manifest, _ in unpacked], layers, options or compose.Options(), writer
    )
    writer.close()
    return Composed(manifest, commit, [*(tar for _, tar in unpacked), buffer.getvalue()])


def contents(tars: Sequence[bytes]) -> dict[str, bytes]:
    """Checksum → content of every file in objects tars."""
    found = {}
    for tar in tars:
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            for member in archive:
                name = member.name[len("objects/") :].replace("/", "")
                if name.endswith(".file"):
                    stream = archive.extractfile(member)
                    assert stream
                    data = stream.read()
                    found[name[: -len(".file")]] = data[objects.header_size(data) :]
    return found


def write(directory: Path, image: Composed, ref: str = "deb/images/test/unpacked") -> BuiltImage:
    """Lay an image out as Bazel does for `bazel run`, and load it."""
    links = directory / built_image.LINKS
    links.mkdir(parents=True)
    objects = [Path(f"{number}.objects.tar") for number in range(len(image.objects))]
    for path, tar in zip(objects, image.objects):
        (links / path).write_bytes(tar)
    (links / "manifest.json").write_text(image.manifest.dump(), encoding="utf-8")
    (links / "commit").write_text(f"{image.commit}\n", encoding="ascii")
    built = BuiltImage("//test:image", ref, Path("commit"), Path("manifest.json"), objects)
    requests.write(directory / "image.json", built)
    return built_image.load(directory / "image.json", directory)


def index(tar: Path) -> set[str]:
    """The names of the objects in a tar."""
    return {name for name, _ in objects_tar.index(tar)}
