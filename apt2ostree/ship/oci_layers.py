"""What an OCI image holds, read back from its layers: the base of an update's layer.

A layer is a tar of what it adds and replaces; `.wh.NAME` in it removes NAME of the layers below,
`.wh..wh..opq` everything in its directory. `oci` writes plain tars; those that have been to a
registry are often compressed.
Source: OCI Image Layer Filesystem Changeset.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apt2ostree.deb import compression
from apt2ostree.deb.tar import Member, TarReader
from apt2ostree.errors import UserError
from apt2ostree.ostree import objects
from apt2ostree.ostree.objects import FileHeader
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import CHECKSUM, TYPE, Directory, Manifest, encode_xattrs

PLAIN_LAYER = "application/vnd.oci.image.layer.v1.tar"
_COMPRESSIONS = {PLAIN_LAYER: "", f"{PLAIN_LAYER}+gzip": ".gz", f"{PLAIN_LAYER}+zstd": ".zst"}
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
        diff_ids: a digest per layer, of the tar without compression.
        history: of the configuration.
    """

    directory: Path
    layers: tuple[Mapping[str, Any], ...] = ()
    diff_ids: tuple[str, ...] = ()
    history: tuple[Mapping[str, Any], ...] = ()

    def entries(self) -> dict[str, Entry]:
        """Path → what is there when all layers lie over each other.

        Raises:
            UserError: a layer is missing, broken or of an unknown type.
        """
        found: dict[str, Entry] = {}
        for layer, diff_id in zip(self.layers, self.diff_ids):
            digest = str(layer.get("digest"))
            try:
                _apply(found, self._chunks(digest, str(layer.get("mediaType")), diff_id))
            except UserError as error:
                raise UserError(f"{self.directory}: layer {digest}: {error}") from error
        return found

    def copy_layers(self, directory: Path) -> None:
        """Copy the layers that another layout has not."""
        for layer in self.layers:
            digest = str(layer.get("digest"))
            target = blob_path(directory, digest)
            if not target.exists():
                temporary = target.with_name(f".{target.name}.new")
                shutil.copyfile(blob_path(self.directory, digest), temporary)
                temporary.replace(target)

    def _chunks(self, digest: str, media_type: str, diff_id: str) -> Iterator[bytes]:
        """Yield a layer's tar, and check it."""
        suffix = _COMPRESSIONS.get(media_type)
        if suffix is None:
            raise UserError(f"of type {media_type!r}; expected one of {', '.join(_COMPRESSIONS)}")
        path = blob_path(self.directory, digest)
        try:
            with path.open("rb") as file:
                if _digest(iter(lambda: file.read(_CHUNK), b"")) != digest:
                    raise UserError("not what its name says: the layout is broken")
                file.seek(0)
                seen = hashlib.sha256()
                for chunk in compression.chunks(suffix, file):
                    seen.update(chunk)
                    yield chunk
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from error
        if f"sha256:{seen.hexdigest()}" != diff_id:
            raise UserError(f"not the tar that the image's configuration names, {diff_id}")


def read_index(directory: Path) -> dict[str, Any]:
    """Return a layout's index.

    Raises:
        UserError: it is none.
    """
    path = directory / "index.json"
    try:
        index: dict[str, Any] = json.loads(path.read_bytes())
        index["manifests"] = [dict(item) for item in index["manifests"]]
    except OSError as error:
        raise UserError(f"{path}: not an OCI layout's: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not an OCI layout's: {error!r}") from error
    return index


def load(directory: Path, index: Mapping[str, Any], tag: str) -> OciImage:
    """Find an image in a layout.

    Args:
        directory: the layout.
        index: its index.
        tag: the image's name in it; empty: the only one.

    Raises:
        UserError: there is none, or its files are not what they should be.
    """
    manifest = _read_json(directory, _find(directory, index, tag))
    name = f"image {tag!r}" if tag else "the image"
    if "manifests" in manifest:
        raise UserError(f"{directory}: {name} is an index of several; expected one platform's")
    try:
        config = _read_json(directory, manifest["config"])
        history = tuple(dict(entry) for entry in config.get("history", ()))
        diff_ids = tuple(map(str, config["rootfs"]["diff_ids"]))
        layers = tuple(dict(layer) for layer in manifest["layers"])
        if len(diff_ids) != len(layers):
            raise ValueError("expected a diff_id for each layer")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{directory}: {name} is broken: {error!r}") from error
    return OciImage(directory, layers, diff_ids, history)


def _find(directory: Path, index: Mapping[str, Any], tag: str) -> Mapping[str, Any]:
    """Return a manifest's descriptor."""
    found: list[Mapping[str, Any]] = index["manifests"]
    names = [str((item.get("annotations") or {}).get(REF_NAME, "")) for item in found]
    if not tag and len(found) == 1:
        return found[0]
    known = ", ".join(sorted(filter(None, names))) or "none"
    if not tag:
        raise UserError(f"{directory}: {len(found)} images; say which to build on: {known}")
    if tag not in names:
        raise UserError(f"{directory}: no image {tag!r} to build on; it has: {known}")
    return found[names.index(tag)]


def entries_of(manifest: Manifest) -> dict[str, Entry]:
    """The same of an image of ours.

    Raises:
        UserError: it has a name that means a removal in a layer.
    """
    found: dict[str, Entry] = {}
    for path, directory in manifest.directories.items():
        found[path] = _directory(directory)
        for name, row in directory.files.items():
            found[paths.join(path, name)] = (row[TYPE], row[CHECKSUM])
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


def _digest(chunks: Iterator[bytes]) -> str:
    seen = hashlib.sha256()
    for chunk in chunks:
        seen.update(chunk)
    return f"sha256:{seen.hexdigest()}"


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
