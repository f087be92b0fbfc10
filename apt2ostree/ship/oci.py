"""An image as an OCI image layout, whose layers follow its packages.

One layer per source package, one per tree laid over the packages, and on top what belongs
to neither: dpkg's status, configuration, caches. An update of a package changes its layer and
the small one on top, and nothing else has to be moved. Where there are more source packages
than layers allowed, each goes to a layer that a hash of its name chooses, so that adding one
changes one layer.

dpkg's status is one file with every version in it, so that an update of one package changes two
of these layers, the package's and the top one. Where a registry has the image of before, an
image can keep that one's layers instead, and have one more with all that is different.

Layers are plain tars: whoever pushes them compresses them, and their digests do not depend on
a compressor. Source: OCI Image Format Specification 1.0.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from apt2ostree import messages
from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.progress import progress
from apt2ostree.ship import export_tar, oci_layers
from apt2ostree.ship.contents import Contents
from apt2ostree.ship.oci_layers import OciImage
from apt2ostree.ship.parts import Part, parts
from apt2ostree.tree import paths

MAX_LAYERS = 100
"""Layers that an image has at most; registries and overlayfs take up to about 127."""
CREATED = "1970-01-01T00:00:00Z"
# Source: OCI Image Layout, "index.json file", the grammar of org.opencontainers.image.ref.name.
_TAG = re.compile("[A-Za-z0-9]+(([-._:@+/]|--)[A-Za-z0-9]+)*")
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"

# Debian's architecture → the platform's fields (Go's GOARCH, and variants).
_PLATFORMS = {
    "amd64": {"architecture": "amd64"},
    "arm64": {"architecture": "arm64", "variant": "v8"},
    "armel": {"architecture": "arm", "variant": "v5"},
    "armhf": {"architecture": "arm", "variant": "v7"},
    "i386": {"architecture": "386"},
    "loong64": {"architecture": "loong64"},
    "mips64el": {"architecture": "mips64le"},
    "mipsel": {"architecture": "mipsle"},
    "ppc64el": {"architecture": "ppc64le"},
    "riscv64": {"architecture": "riscv64"},
    "s390x": {"architecture": "s390x"},
}


@dataclass(frozen=True)
class OciOptions:
    """What an OCI image is besides its files.

    Attributes:
        tag: its name in the layout.
        max_layers: layers that it has at most.
        config: the `config` object of its configuration: `Entrypoint`, `Cmd`, `Env`, …
        annotations: of its manifest.
        onto: name of an image whose layers to keep below one with all that is different.
        onto_layout: the layout that this image is in, if it is another one than is written;
            then an empty `onto` is the only image there. Without both: layers by package.
    """

    tag: str = "latest"
    max_layers: int = MAX_LAYERS
    config: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    onto: str = ""
    onto_layout: Path | None = None


@dataclass
class Layer:
    """A layer.

    Attributes:
        name: what its history entry says.
        paths: what is in it, parents of files included.
        removed: what of the layers below it removes.
    """

    name: str
    paths: set[str]
    removed: set[str] = field(default_factory=set)


def export(image: BuiltImage, directory: Path, options: OciOptions) -> str:
    """Write an image into a new or an existing OCI layout; return its manifest's digest.

    What is in the layout already is not written again, and another image of the same tag
    gives the tag up.

    Raises:
        UserError: the directory is something else; the tag or a file of the image has a name that
            it cannot have there; there is no image to build on.
    """
    if not _TAG.fullmatch(options.tag):
        raise UserError(
            f"tag {options.tag!r}: expected letters and digits, with one of - . _ : @ + / between"
        )
    index = _open_layout(directory)
    entries = oci_layers.entries_of(image.manifest)
    below = _below(directory, index, options)
    if below.layers:
        layers = update(oci_layers.difference(below.entries(), entries))
        below.copy_layers(directory)
    else:
        layers = group(parts(image), options.max_layers)
    with Contents(image) as contents:
        descriptors = [
            _write_layer(directory, image, layer, contents)
            for layer in progress(layers, len(layers), "layers")
        ]
    history = [*below.history, *map(_history_entry, layers)]
    diff_ids = [*below.diff_ids, *(str(layer["digest"]) for layer in descriptors)]
    config = _config(image, history, diff_ids, options)
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _write_json(directory, _CONFIG, config),
        "layers": [*below.layers, *descriptors],
        "annotations": {"org.opencontainers.image.title": image.label, **options.annotations},
    }
    descriptor = _write_json(directory, _MANIFEST, manifest)
    descriptor["annotations"] = {oci_layers.REF_NAME: options.tag}
    others = [
        other
        for other in index["manifests"]
        if other.get("annotations", {}).get(oci_layers.REF_NAME) != options.tag
    ]
    index["manifests"] = [*others, descriptor]
    _replace(directory / "index.json", _dump(index))
    return str(descriptor["digest"])


def group(found: Sequence[Part], limit: int) -> list[Layer]:
    """Put an image's parts into layers, the one of the rest last.

    Args:
        found: the parts, the rest last.
        limit: number of layers.
    """
    *others, rest = found
    sources = sorted({part.source for part in others if part.record})
    room = limit - 1 - sum(part.record is None for part in others)
    if room < 1:
        raise UserError(f"{limit} layers are too few: every tree and the rest have their own")
    layers: dict[str, Layer] = {}
    for part in sorted(others, key=lambda part: (part.record is None, part.source)):
        key = part.source
        if part.record and len(sources) > room:
            key = f"packages {_bucket(key, room)}"
        layer = layers.setdefault(f"{part.record is None} {key}", Layer(key, set()))
        layer.paths |= part.paths
    result = [*layers.values(), Layer("dpkg database, configuration", {"", *rest.paths})]
    for layer in result:
        _add_parents(layer)
    return [layer for layer in result if layer.paths]


def update(difference: tuple[set[str], set[str]]) -> list[Layer]:
    """The layer that makes an image of another: what changed, and what is gone; none if nothing."""
    changed, gone = difference
    layer = Layer("update", set(changed), gone)
    _add_parents(layer)
    return [layer] if changed or gone else []


def _add_parents(layer: Layer) -> None:
    """Directories are in every layer that has something below them."""
    for path in [*layer.paths, *layer.removed]:
        above = paths.parent(path)
        while above and above not in layer.paths:
            layer.paths.add(above)
            above = paths.parent(above)


def _below(directory: Path, index: Mapping[str, Any], options: OciOptions) -> OciImage:
    """The image whose layers to keep; one without layers if there is none, or no room above it."""
    nothing = OciImage(directory)
    layout = options.onto_layout or directory
    if layout != directory:
        index = oci_layers.read_index(layout)
    elif not options.onto:
        return nothing
    image = oci_layers.load(layout, index, options.onto)
    if len(image.layers) < options.max_layers:
        return image
    name = options.onto or layout
    messages.warning(f"{name} has {len(image.layers)} layers already: making all layers anew")
    return nothing


def _bucket(name: str, count: int) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % count


def _open_layout(directory: Path) -> dict[str, Any]:
    """Return the layout's index, of a new one if there is nothing."""
    if not (directory / "oci-layout").exists():
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise UserError(
                f"{directory}: neither an OCI layout nor an empty directory; give a new one"
            )
        (directory / "blobs" / "sha256").mkdir(parents=True)
        index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": []}
        _replace(directory / "index.json", _dump(index))
        # Last, for it says that this is a layout: what fails later leaves one without images.
        _replace(directory / "oci-layout", _dump({"imageLayoutVersion": "1.0.0"}))
        return index
    index = oci_layers.read_index(directory)
    (directory / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    return index


def _write_layer(
    directory: Path, image: BuiltImage, layer: Layer, contents: Contents
) -> dict[str, Any]:
    blobs = directory / "blobs" / "sha256"
    descriptor, temporary = tempfile.mkstemp(prefix=".", dir=blobs)
    try:
        with os.fdopen(descriptor, "wb") as file:
            writer = _Hashing(file)
            removals = [
                paths.join(paths.parent(path), oci_layers.WHITEOUT + paths.split(path)[1])
                for path in sorted(layer.removed)
            ]
            directories = image.manifest.directories
            export_tar.write(writer, directories, contents, layer.paths, removals)
        digest = writer.digest.hexdigest()
        Path(temporary).chmod(0o644)
        Path(temporary).rename(blobs / digest)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return {"mediaType": oci_layers.PLAIN_LAYER, "digest": f"sha256:{digest}", "size": writer.size}


class _Hashing:
    """A file to write to that hashes what it is given."""

    def __init__(self, file: BinaryIO) -> None:
        self.digest = hashlib.sha256()
        self.size = 0
        self._file = file

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)


def _config(
    image: BuiltImage,
    history: Sequence[Mapping[str, Any]],
    diff_ids: Sequence[str],
    options: OciOptions,
) -> dict[str, Any]:
    architectures = [record.architecture for record in image.manifest.packages]
    native = max(
        (name for name in sorted(set(architectures)) if name != "all"),
        key=architectures.count,
        default="",
    )
    return {
        "created": CREATED,
        **_PLATFORMS.get(native, {"architecture": native or "unknown"}),
        "os": "linux",
        "config": dict(options.config),
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        "history": list(history),
    }


def _history_entry(layer: Layer) -> dict[str, Any]:
    return {"created": CREATED, "created_by": f"apt2ostree: {layer.name}"}


def _write_json(directory: Path, media_type: str, value: Any) -> dict[str, Any]:
    data = _dump(value)
    digest = hashlib.sha256(data).hexdigest()
    _replace(directory / "blobs" / "sha256" / digest, data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def _dump(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(data)
    temporary.replace(path)
