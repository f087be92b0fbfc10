"""A directory that serves as a mirror of what a lockfile needs: every package under its Filename.

Served by any web server, or read with ``file:``, it takes an archive's place in
``APT2OSTREE_MIRRORS``. Packages of several archives lie together: their paths differ wherever the
files do, or the second one is refused.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from apt2ostree.archive.download import Downloader, Expected
from apt2ostree.debian.checksum import digest_like
from apt2ostree.debian.index import Package
from apt2ostree.errors import UserError
from apt2ostree.lock.lockfile import SNAPSHOT


@dataclass(frozen=True)
class PoolFile:
    """One package of a pool: its path in it, and what is to be downloaded for it."""

    path: str
    expected: Expected


def pool_files(packages: Iterable[Package]) -> list[PoolFile]:
    """What a pool for these locked packages holds, each file once.

    Raises:
        UserError: if a package does not say where it is from, or two files have one path.
    """
    files: dict[str, PoolFile] = {}
    for package in packages:
        file = _pool_file(package)
        known = files.setdefault(file.path, file)
        if known.expected.checksum != file.expected.checksum:
            raise UserError(
                f"{package.where}: {package} is {file.path} in its archive, and so is another "
                f"file ({known.expected.label}): they cannot be in one pool"
            )
    return list(files.values())


def fill_pool(directory: Path, files: Sequence[PoolFile], downloader: Downloader) -> int:
    """Download what is not in the pool yet, or is damaged; returns how many files that was.

    Every file appears whole or not at all, so that an interrupted run is continued by another.

    Raises:
        UserError: if a file cannot be downloaded.
    """
    directory.mkdir(parents=True, exist_ok=True)
    missing = [file for file in files if not _is_whole(directory / file.path, file.expected)]
    downloader.map(lambda file: _add(directory, file, downloader), missing)
    return len(missing)


def _pool_file(package: Package) -> PoolFile:
    filename = package.get("Filename").removeprefix("./")
    bases = [package.origins[0].uri] if package.origins else []
    bases += filter(None, [package.get(SNAPSHOT)])
    if not bases:
        raise UserError(
            f"{package.where}: {package} does not say which archive it is from; write the lock "
            "anew with update_lock"
        )
    parts = filename.split("/")
    if not filename or filename.startswith("/") or ".." in parts or "\0" in filename:
        raise UserError(f"{package.where}: {package}: Filename: {filename!r} leads out of the pool")
    size = package.get("Size")
    if not (size.isascii() and size.isdigit()):
        raise UserError(f"{package.where}: {package}: Size: {size!r} is no size")
    urls = tuple(f"{base.rstrip('/')}/{quote(filename, safe='/+~:')}" for base in bases)
    return PoolFile(filename, Expected(urls, package.checksum, int(size), str(package)))


def _is_whole(path: Path, expected: Expected) -> bool:
    if not path.is_file() or path.stat().st_size != expected.size:
        return False
    digest = digest_like(expected.checksum)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest() == expected.checksum


def _add(directory: Path, file: PoolFile, downloader: Downloader) -> None:
    """Move the file from the downloader's cache to its place, by way of a name of its own."""
    cached = downloader.fetch(file.expected)
    path = directory / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".new", dir=path.parent)
    try:
        with open(descriptor, "wb") as copy, cached.open("rb") as content:
            shutil.copyfileobj(content, copy)
            os.fchmod(copy.fileno(), 0o644)
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    # The pool is the place where packages are kept; a second copy would only cost room.
    cached.unlink(missing_ok=True)
