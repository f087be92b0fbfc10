"""A commit in an OSTree repo as a manifest, so that it can be compared with a built image."""

from __future__ import annotations

import stat
from collections.abc import Sequence

from apt2ostree.debian.control import parse_stanza
from apt2ostree.device import layout
from apt2ostree.ostree import objects, repo_files
from apt2ostree.ostree.repo import Repo
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import (
    CHECKSUM,
    TYPE,
    Directory,
    Manifest,
    PackageRecord,
    Row,
    encode_xattrs,
)

STATUS = ("var/lib/dpkg/status", f"{layout.DPKG}/status")
"""Where dpkg's list of packages is: in an image, and in one that is laid out to boot."""


def load(repo: Repo, commit: str) -> Manifest:
    """Read a commit's tree, and its packages out of its dpkg database.

    Args:
        repo: the repo.
        commit: a checksum.

    Raises:
        UserError: an object is missing or broken.
    """
    root = repo.read_commit(commit)
    manifest = Manifest({}, dirtree=root.dirtree, dirmeta=root.dirmeta)
    rows: dict[str, Row] = {}
    waiting = [("", root.dirtree, root.dirmeta)]
    while waiting:
        path, tree, meta = waiting.pop()
        header = objects.parse_dirmeta(repo.read_metadata(f"{meta}.dirmeta"))
        files, directories = objects.parse_dirtree(repo.read_metadata(f"{tree}.dirtree"))
        for _, checksum in files:
            if checksum not in rows:
                rows[checksum] = _row(repo, checksum)
        manifest.directories[path] = Directory(
            f"{stat.S_IMODE(header.mode):04o}",
            header.uid,
            header.gid,
            {name: rows[checksum] for name, checksum in files},
            encode_xattrs(header.xattrs) or None,
        )
        waiting += [(paths.join(path, name), below, meta) for name, below, meta in directories]
    for path in STATUS:
        status = manifest.row(path)
        if status and status[TYPE] == "file":
            data = repo_files.read_content(repo, status[CHECKSUM])
            manifest.packages = read_status(data.decode("utf-8", "surrogateescape"), path)
    manifest.texts = account_texts(repo, commit)
    return manifest


def account_texts(repo: Repo, commit: str) -> dict[str, str]:
    """`etc/passwd` and `etc/group` → content, as far as a commit has them.

    Those of one that is laid out to boot, which are in /usr/etc, go by the same names.
    """
    root = repo.read_commit(commit).dirtree
    texts = {}
    for name in ("passwd", "group"):
        for directory in ("etc", "usr/etc"):
            checksum = _find(repo, root, [*directory.split("/"), name])
            if checksum and not repo_files.read_header(repo, checksum).header.is_symlink:
                data = repo_files.read_content(repo, checksum)
                texts[f"etc/{name}"] = data.decode("utf-8", "surrogateescape")
    return texts


def _find(repo: Repo, tree: str, parts: Sequence[str]) -> str:
    """The checksum of the file at a path below a dirtree; empty if there is none."""
    files, directories = objects.parse_dirtree(repo.read_metadata(f"{tree}.dirtree"))
    if len(parts) == 1:
        return dict(files).get(parts[0], "")
    below = {name: child for name, child, _ in directories}.get(parts[0])
    return _find(repo, below, parts[1:]) if below else ""


def read_status(text: str, what: str) -> list[PackageRecord]:
    """The packages of a dpkg status file that are there, not merely known or removed."""
    found = []
    for stanza in text.split("\n\n"):
        if not stanza.strip():
            continue
        fields = parse_stanza(stanza, what)
        status = fields.pop("Status", "")
        if status.split(" ")[-1] not in ("not-installed", "config-files"):
            record = PackageRecord(
                fields.get("Package", ""),
                fields.get("Version", ""),
                fields.get("Architecture", ""),
                stanza,
                status=status,
            )
            found.append(record)
    return found


def _row(repo: Repo, checksum: str) -> Row:
    file = repo_files.read_header(repo, checksum)
    header = file.header
    mode = f"{stat.S_IMODE(header.mode):04o}"
    row: Row = ["symlink" if header.is_symlink else "file", mode, header.uid, header.gid]
    row += [header.target if header.is_symlink else file.size, checksum]
    if header.xattrs:
        row.append(encode_xattrs(header.xattrs))
    return row
