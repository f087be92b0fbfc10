"""Reading files' metadata and content out of OSTree repositories: see `repo` for the modes."""

from __future__ import annotations

import os
import re
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.ostree import objects
from apt2ostree.ostree.objects import FileHeader
from apt2ostree.ostree.repo import Repo, check_ref

MAX_HEADER = 1 << 20
MAX_CONTENT = 1 << 28
"""Bytes of a file that is read whole."""


@dataclass(frozen=True)
class RepoFile:
    """A content object.

    Attributes:
        header: its metadata.
        size: bytes of its content; 0 for a symlink.
    """

    header: FileHeader
    size: int


def resolve(repo: Repo, text: str) -> str:
    """Return the commit that a ref, `REMOTE:REF` or a checksum or its start names.

    A `^` at the end means the commit's parent, as for `ostree rev-parse`.

    Raises:
        UserError: there is none, or more than one.
    """
    if text.endswith("^"):
        parent = repo.read_commit(resolve(repo, text[:-1])).parent
        if not parent:
            raise UserError(f"{repo.path}: {text[:-1]} has no parent")
        return parent
    if re.fullmatch(r"[0-9a-f]{64}", text):
        return text
    remote, colon, ref = text.rpartition(":")
    check_ref(ref)
    places = [f"remotes/{check_ref(remote)}"] if colon else ["heads", "mirrors"]
    for place in places:
        path = repo.path / "refs" / place / ref
        if path.is_file():
            return path.read_text(encoding="ascii").strip()
    if re.fullmatch(r"[0-9a-f]{2,}", text):
        below = repo.path / "objects" / text[:2]
        found = [text[:2] + path.stem for path in below.glob(f"{text[2:]}*.commit")]
        if len(found) == 1:
            return found[0]
    raise UserError(
        f"{repo.path}: no ref and no commit {text!r}; `ostree refs --repo=…` lists them"
    )


def read_header(repo: Repo, checksum: str) -> RepoFile:
    """Return the metadata of a content object."""
    holder, path = _find(repo, checksum)
    if holder.mode == "archive":
        with path.open("rb") as file:
            header, size, _ = objects.parse_archive_header(file.read(MAX_HEADER))
        return RepoFile(header, size)
    status = path.lstat()
    if holder.mode == "bare-user":
        meta = objects.parse_dirmeta(os.getxattr(path, "user.ostreemeta"))
        # libostree writes a NUL after the target.
        target = os.fsdecode(path.read_bytes().rstrip(b"\0")) if meta.is_symlink else ""
        header = FileHeader(meta.uid, meta.gid, meta.mode, target, meta.xattrs)
    elif holder.mode == "bare-user-only":
        header = FileHeader(0, 0, status.st_mode, _target(path, status))
    else:
        names = os.listxattr(path, follow_symlinks=False)
        xattrs = {name: os.getxattr(path, name, follow_symlinks=False) for name in sorted(names)}
        target = _target(path, status)
        header = FileHeader(status.st_uid, status.st_gid, status.st_mode, target, xattrs)
    return RepoFile(header, 0 if header.is_symlink else status.st_size)


def _target(path: Path, status: os.stat_result) -> str:
    # Not Path.readlink, which would normalise the target.
    return os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""  # noqa: PTH115


def read_content(repo: Repo, checksum: str) -> bytes:
    """Return the content of a file's object.

    Raises:
        UserError: it is not there, larger than `MAX_CONTENT`, or corrupt.
    """
    if read_header(repo, checksum).size > MAX_CONTENT:
        raise UserError(f"{repo.path}: object {checksum} is larger than {MAX_CONTENT >> 20} MiB")
    holder, path = _find(repo, checksum)
    data = path.read_bytes()
    if holder.mode != "archive":
        return data
    _, size, start = objects.parse_archive_header(data)
    try:
        content = zlib.decompressobj(-15).decompress(data[start:], size + 1)
    except zlib.error as error:
        raise UserError(f"{path}: corrupt: {error}; `ostree fsck` says more") from error
    if len(content) != size:
        raise UserError(f"{path}: corrupt: not of its size; `ostree fsck` says more")
    return content


def _find(repo: Repo, checksum: str) -> tuple[Repo, Path]:
    holder: Repo | None = repo
    while holder is not None:
        path = holder.object_path(f"{checksum}.file")
        if os.path.lexists(path):
            return holder, path
        holder = holder.parent
    raise UserError(
        f"{repo.path}: the repo has no content object {checksum}: pull the commit whole first"
    )
