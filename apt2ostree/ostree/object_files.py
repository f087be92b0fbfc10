"""How a content object is kept, by the mode of a repo.

    bare       files and symlinks as themselves, with owner, mode and xattrs; needs root
    bare-user  a file's content, or a symlink's target; the rest in the xattr `user.ostreemeta`
    bare-user-only
               content, permissions and target alone: for files that are root's and not special
    archive    `.filez`: a header, then the deflated content

Sources: libostree's "Repository anatomy", and ostree-repo-commit.c's observable behaviour.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.ostree import gvariant, objects
from apt2ostree.ostree.objects import FileHeader

MODES = ("bare", "bare-user", "bare-user-only", "archive")
DEFAULT_ZLIB_LEVEL = 6
_BARE_USER_ONLY_MODES = 0o775
"""Permission bits that libostree lets into a bare-user-only repo."""


def write(
    path: Path,
    mode: str,
    header: FileHeader,
    size: int,
    chunks: Iterable[bytes],
    zlib_level: int = DEFAULT_ZLIB_LEVEL,
) -> None:
    """Write a file or symlink as a repo of a mode keeps it.

    Args:
        path: where to; nothing is there yet.
        mode: of the repo, one of `MODES`.
        header: owner, permissions, xattrs, target.
        size: bytes of the content.
        chunks: the content; not read for a symlink.
        zlib_level: 0 to 9, for an archive repo.

    Raises:
        UserError: a bare-user-only repo cannot hold it.
        OSError: the disk is full, the file system has no xattrs, or this is not root.
    """
    if mode == "archive":
        _write_archive(path, header, size, chunks, zlib_level)
    elif mode == "bare-user":
        _write_bare_user(path, header, chunks)
    elif mode == "bare-user-only":
        _write_bare_user_only(path, header, chunks)
    else:
        _write_bare(path, header, chunks)


def bare_user_only_fault(header: FileHeader) -> str:
    """Why a bare-user-only repo cannot hold a file so that its checksum stays true; or empty.

    Of permissions, libostree refuses the same; of the others its fsck would say later that the
    object is corrupt.
    """
    special = stat.S_IMODE(header.mode) & ~_BARE_USER_ONLY_MODES
    if special and not header.is_symlink:
        return f"mode {stat.S_IMODE(header.mode):04o} with bits {special:04o}"
    if header.uid or header.gid:
        return f"owner {header.uid}:{header.gid}"
    return f"extended attributes {', '.join(sorted(header.xattrs))}" if header.xattrs else ""


def set_xattrs(path: Path, xattrs: Mapping[str, bytes]) -> None:
    """Set extended attributes on a file itself, not on what it links to.

    Raises:
        UserError: there are some, and no way to set them.
    """
    for name, value in xattrs.items():
        if not hasattr(os, "setxattr"):  # As on macOS.
            raise UserError(
                f"{path}: Python sets no extended attributes on this system, and {name} is one: do "
                "this on Linux, import into a repo of mode archive, or check out with --user-mode"
            )
        os.setxattr(path, name, value, follow_symlinks=False)


def _write_archive(
    path: Path, header: FileHeader, size: int, chunks: Iterable[bytes], zlib_level: int
) -> None:
    with path.open("wb") as file:
        file.write(objects.archive_header(header, size))
        if not header.is_symlink:
            deflate = zlib.compressobj(zlib_level, zlib.DEFLATED, -15)
            for chunk in chunks:
                file.write(deflate.compress(chunk))
            file.write(deflate.flush())
    path.chmod(0o644)


def _write_content(path: Path, chunks: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)


def _write_bare_user(path: Path, header: FileHeader, chunks: Iterable[bytes]) -> None:
    if header.is_symlink:
        path.write_bytes(header.target.encode("utf-8", "surrogateescape"))
    else:
        _write_content(path, chunks)
    metadata = struct.pack(">III", header.uid, header.gid, header.mode)
    set_xattrs(path, {"user.ostreemeta": metadata + gvariant.xattrs(header.xattrs)})
    # As libostree: readable for whoever owns the repo, executable where the file is.
    path.chmod(0o644 if header.is_symlink else header.mode & 0o777 | 0o400)


def _write_bare_user_only(path: Path, header: FileHeader, chunks: Iterable[bytes]) -> None:
    fault = bare_user_only_fault(header)
    if fault:
        raise UserError(f"{fault}: not for a bare-user-only repo")
    if header.is_symlink:
        path.symlink_to(header.target)
    else:
        _write_content(path, chunks)
        path.chmod(stat.S_IMODE(header.mode))


def _write_bare(path: Path, header: FileHeader, chunks: Iterable[bytes]) -> None:
    if header.is_symlink:
        path.symlink_to(header.target)
        os.chown(path, header.uid, header.gid, follow_symlinks=False)
    else:
        _write_content(path, chunks)
        os.chown(path, header.uid, header.gid)
        path.chmod(stat.S_IMODE(header.mode))  # after chown, which drops setuid
    set_xattrs(path, header.xattrs)
