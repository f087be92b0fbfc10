"""Writing an image's files to disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree import objects
from apt2ostree.ostree.object_files import set_xattrs
from apt2ostree.ostree.objects import FileHeader
from apt2ostree.progress import progress
from apt2ostree.tree.manifest import CHECKSUM, Directory, components, decode_xattrs

CHUNK = 1 << 20


def write(image: BuiltImage, root: Path, user_mode: bool) -> None:
    """Write all of an image below `root`, which must not exist.

    Args:
        image: the image.
        root: the directory to make.
        user_mode: leave owners, setuid and setgid bits and extended attributes out, which
            only root can set.
    """
    directories = image.manifest.directories
    places: dict[str, list[Path]] = {}
    for path in sorted(directories, key=components):
        (root / path).mkdir()
        for name, row in directories[path].files.items():
            places.setdefault(f"{row[CHECKSUM]}.file", []).append(root / path / name)
    found = image.read_objects(set(places))
    for name, file, size in progress(found, len(places), "files"):
        start = file.tell()
        for place in places[name]:
            file.seek(start)
            _write_file(place, file, size, user_mode)
    # Children before parents, so that a directory's mode does not stand in their way.
    for path in sorted(directories, key=components, reverse=True):
        _finish_directory(root / path, directories[path], user_mode)


def remove(path: Path) -> None:
    """Remove a tree, whatever the modes of its directories."""
    for directory, names, _ in os.walk(path):
        for name in names:
            below = Path(directory, name)
            if not below.is_symlink():
                below.chmod(0o700)
    shutil.rmtree(path)


def _write_file(path: Path, source: BinaryIO, size: int, user_mode: bool) -> None:
    start = source.read(min(size, CHUNK))
    header, offset = objects.parse_file_header(start)
    if header.is_symlink:
        path.symlink_to(header.target)
    else:
        with path.open("xb") as file:
            for chunk in _content(start[offset:], source, size - len(start)):
                file.write(chunk)
    _finish_file(path, header, user_mode)


def _content(first: bytes, source: BinaryIO, left: int) -> Iterator[bytes]:
    yield first
    while left:
        data = source.read(min(left, CHUNK))
        if not data:
            raise UserError(f"{source.name}: truncated objects tar; build it again")
        left -= len(data)
        yield data


def _finish_file(path: Path, header: FileHeader, user_mode: bool) -> None:
    if not user_mode:
        os.chown(path, header.uid, header.gid, follow_symlinks=False)
    if not header.is_symlink:
        # Readable for its owner in any case, as `ostree checkout -U` has it.
        path.chmod(header.mode & 0o777 | 0o400 if user_mode else header.mode & 0o7777)
    if not user_mode:
        set_xattrs(path, header.xattrs)


def _finish_directory(path: Path, directory: Directory, user_mode: bool) -> None:
    mode = int(directory.mode, 8)
    if not user_mode:
        os.chown(path, directory.uid, directory.gid)
        set_xattrs(path, decode_xattrs(directory.xattrs))
    path.chmod(mode & 0o1777 if user_mode else mode)
