"""What an OCI image holds, read back from its layers: the base of an update's layer.

A layer is a tar of what it adds and replaces; `.wh.NAME` in it removes NAME of the layers below,
`.wh..wh..opq` everything in its directory. Only plain tars are read, such as `oci` writes.
Source: OCI Image Layer Filesystem Changeset.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apt2ostree.deb.tar import Member, TarReader
from apt2ostree.errors import UserError
from apt2ostree.image import paths
from apt2ostree.image.manifest import Directory, Manifest, encode_xattrs
from apt2ostree.ostree import objects
from apt2ostree.ostree.objects import FileHeader

PLAIN_LAYER = "application/vnd.oci.image.layer.v1.tar"
REF_NAME = "org.opencontainers.image.ref.name"
WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_CHUNK = 1 << 18
_MAX_JSON = 1 << 24

Entry = tuple[Any, ...]
"""What is at a path: `("directory", mode, uid, gid, xattrs)`, or type and checksum of the content
object, which covers owner, mode and content."""


@dataclass(frozen=True)
class OciImage:
    """An image in a layout.

    Attributes:
        layers: descriptors, the lowest first.
        history: of the configuration, an entry per layer.
    """

    directory: Path
    layers: tuple[Mapping[str, Any], ...]
    history: tuple[Mapping[str, Any], ...]

    def entries(self) -> dict[str, Entry]:
        """Path → what is there when all layers lie over each other.

        Raises:
            UserError: a layer is missing, broken or compressed.
        """
        found: dict[str, Entry] = {}
        for layer in self.layers:
            if layer.get("mediaType") != PLAIN_LAYER:
                raise UserError(
                    f"{self.directory}: a layer of type {layer.get('mediaType')!r}; expected plain "
                    f"tars ({PLAIN_LAYER}), as `export --oci` writes them"
                )
            digest = str(layer.get("digest"))
            try:
                _apply(found, self._chunks(digest))
            except UserError as error:
                raise UserError(f"{self.directory}: layer {digest}: {error}") from error
        return found

    def _chunks(self, digest: str) -> Iterator[bytes]:
        """Yield a blob, and check it."""
        path = blob_path(self.directory, digest)
        seen = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    seen.update(chunk)
                    yield chunk
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from error
        if f"sha256:{seen.hexdigest()}" != digest:
            raise UserError("not what its name says: the layout is broken")


def load(directory: Path, index: Mapping[str, Any], tag: str) -> OciImage:
    """Find an image in a layout.

    Args:
        directory: the layout.
        index: its index.
        tag: the image's name in it.

    Raises:
        UserError: there is none, or its files are not what they should be.
    """
    tags = {item.get("annotations", {}).get(REF_NAME, ""): item for item in index["manifests"]}
    if tag not in tags:
        known = ", ".join(sorted(name for name in tags if name)) or "none"
        raise UserError(f"{directory}: no image {tag!r} to build on; it has: {known}")
    manifest = _read_json(directory, tags[tag])
    try:
        history = _read_json(directory, manifest["config"])["history"]
        layers = tuple(dict(layer) for layer in manifest["layers"])
        if len(history) != len(layers):
            raise ValueError("expected an entry of its history for each layer")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{directory}: image {tag!r} is broken: {error!r}") from error
    return OciImage(directory, layers, tuple(history))


def entries_of(manifest: Manifest) -> dict[str, Entry]:
    """The same of an image of ours.

    Raises:
        UserError: it has a name that means a removal in a layer.
    """
    found: dict[str, Entry] = {}
    for path, directory in manifest.directories.items():
        found[path] = _directory(directory)
        for name, row in directory.files.items():
            found[paths.join(path, name)] = (row[0], row[5])
    for path in found:
        if paths.split(path)[1].startswith(WHITEOUT):
            raise UserError(
                f"/{path}: in an OCI layer a name that starts with {WHITEOUT} removes a file; "
                "`remove` it from the image, or export a tar"
            )
    return found


def difference(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> tuple[set[str], set[str]]:
    """What a layer upon `old` has to hold: paths of `new`, and those to remove."""
    changed = {path for path, entry in new.items() if old.get(path) != entry}
    gone = {
        path
        for path in old.keys() - new.keys()
        if new.get(paths.parent(path), ("",))[0] == "directory"
    }
    return changed, gone


def blob_path(directory: Path, digest: str) -> Path:
    """Where a blob is.

    Raises:
        UserError: not a SHA-256, by which alone blobs are found here.
    """
    if not re.fullmatch("sha256:[0-9a-f]{64}", digest):
        raise UserError(f"{directory}: digest {digest!r}: expected sha256 and 64 digits")
    return directory / "blobs" / digest.replace(":", "/")


def _read_json(directory: Path, descriptor: Mapping[str, Any]) -> dict[str, Any]:
    path = blob_path(directory, str(descriptor.get("digest")))
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_MAX_JSON))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: the layout is broken: {error}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}: the layout is broken: expected a JSON object")
    return value


def _apply(found: dict[str, Entry], chunks: Iterator[bytes]) -> None:
    """Lay a layer over what there is."""
    own: dict[str, Entry] = {}
    removed = []
    reader = TarReader(chunks)
    for member in reader:
        path = paths.normalize(member.name)
        above, name = paths.split(path)
        if name == _OPAQUE:
            removed += [other for other in found if paths.parent(other) == above and other]
        elif name.startswith(WHITEOUT):
            removed.append(paths.join(above, name[len(WHITEOUT) :]))
        else:
            own[path] = _entry(member, reader, own)
    for _ in chunks:
        pass
    removed += [path for path, entry in own.items() if entry[0] != "directory"]
    _remove(found, set(removed))
    found.update(own)


def _remove(found: dict[str, Entry], gone: set[str]) -> None:
    """Remove paths, and what is below them."""
    for path in sorted(found):
        if path in gone or paths.parent(path) in gone:
            gone.add(path)
            del found[path]


def _entry(member: Member, reader: TarReader, own: Mapping[str, Entry]) -> Entry:
    if member.type == "directory":
        xattrs = encode_xattrs(member.xattrs) or None
        return _directory(Directory(f"{member.mode:04o}", member.uid, member.gid, xattrs=xattrs))
    if member.type == "hardlink":
        target = paths.normalize(member.target)
        if target in own:
            return own[target]
    if member.type not in ("file", "symlink"):
        return (member.type,)  # Nothing that an image of ours could have: it is different.
    is_link = member.type == "symlink"
    mode = stat.S_IFLNK | 0o777 if is_link else stat.S_IFREG | member.mode
    header = FileHeader(member.uid, member.gid, mode, member.target, member.xattrs)
    digest = hashlib.sha256(objects.file_header(header))
    for chunk in reader.content():
        digest.update(chunk)
    return member.type, digest.hexdigest()


def _directory(directory: Directory) -> Entry:
    xattrs = tuple(sorted((directory.xattrs or {}).items()))
    return "directory", directory.mode.zfill(4), directory.uid, directory.gid, xattrs
