"""A commit of an image on a branch: with a parent, and with what it was made of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree import gvariant, signing
from apt2ostree.ostree.objects import Commit
from apt2ostree.ostree.repo import Repo, Written, moved
from apt2ostree.ship.import_image import add_image
from apt2ostree.tree.manifest import PackageRecord

REVISION_KEYS = (
    "STABLE_SOURCE_REVISION",
    "STABLE_SCM_REVISION",
    "STABLE_GIT_COMMIT",
    "BUILD_SCM_REVISION",
    "GIT_COMMIT",
)
"""Keys of Bazel's build status that hold the source revision, the first one's value counts."""


@dataclass(frozen=True)
class CommitOptions:
    """What is said about a commit.

    Attributes:
        branch: the ref that it goes on.
        subject: one line.
        body: more lines.
        timestamp: seconds since 1970.
        metadata: more metadata, key → text.
        revision: the source revision; empty: that of the build's status, if it was stamped.
        parent: checksum that the branch has to be at, if that matters; empty: no branch.
        keys: GPG keys to sign with.
        gpg_homedir: gpg's directory of keys; by default its own.
        prepare: what is to be done with the commit and its parent (empty for a first one) before
            the branch leads to it; if it fails, the branch stays where it is.
    """

    branch: str
    subject: str = ""
    body: str = ""
    timestamp: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    revision: str = ""
    parent: str | None = None
    keys: Sequence[str] = ()
    gpg_homedir: Path | None = None
    prepare: Callable[[str, str], None] | None = None


@dataclass(frozen=True)
class Committed:
    """What became of a commit.

    Attributes:
        commit: checksum of the commit that the branch is at.
        parent: the one before; empty for a branch's first.
        written: what went into the repo; `None`: nothing, the branch has this tree already.
    """

    commit: str
    parent: str
    written: Written | None


def commit(repo: Repo, image: BuiltImage, options: CommitOptions) -> Committed:
    """Commit an image to a branch, unless its last commit has the same tree.

    Raises:
        UserError: the branch moved meanwhile, or is not where it should be; no such key.
    """
    head = repo.resolve(options.branch) or ""
    expected = head if options.parent is None else options.parent
    if head != expected:
        raise moved(options.branch, expected, head)
    if head:
        known = repo.read_commit(head)
        if (known.dirtree, known.dirmeta) == (image.manifest.dirtree, image.manifest.dirmeta):
            return Committed(head, known.parent, None)
    new = Commit(
        image.manifest.dirtree,
        image.manifest.dirmeta,
        timestamp=options.timestamp,
        subject=options.subject,
        body=options.body,
        parent=head,
        metadata=metadata(repo, image, options),
    )
    data = new.serialize()
    signatures = (
        signing.detached_metadata(data, options.keys, options.gpg_homedir) if options.keys else b""
    )
    with repo.transaction() as transaction:
        add_image(transaction, repo, image, with_commit=False)
        checksum = transaction.add_metadata("commit", data)
        if signatures:
            transaction.add_detached_metadata(checksum, signatures)
        if options.prepare is None:
            transaction.set_ref(options.branch, checksum, before=expected)
    if options.prepare is not None:
        options.prepare(checksum, head)
        with repo.transaction() as last:
            last.set_ref(options.branch, checksum, before=expected)
    return Committed(checksum, head, transaction.written)


def metadata(repo: Repo, image: BuiltImage, options: CommitOptions) -> dict[str, tuple[str, bytes]]:
    """The commit's metadata, in the order of its keys.

    | key | type | what |
    |---|---|---|
    | `apt2ostree.architecture` | `s` | the packages' |
    | `apt2ostree.image` | `s` | the Bazel target |
    | `apt2ostree.locks` | `a(ss)` | each lock's name and SHA-256 |
    | `apt2ostree.packages` | `a(sss)` | name, version, architecture of every package |
    | `apt2ostree.source-revision` | `s` | of the sources, if known |
    | `ostree.bootable` | `b` | true, if the image is bootable |
    | `ostree.collection-binding` | `s` | the repo's collection, if it has one |
    | `ostree.linux` | `s` | the kernel's release, if the image is bootable |
    | `ostree.ref-binding` | `as` | the branch, as `ostree commit` writes it |
    | `version` | `s` | what people call it, if the image says |
    """
    packages = sorted(image.manifest.packages, key=lambda package: package.key)
    result = {
        "apt2ostree.image": _string(image.label),
        "apt2ostree.locks": ("a(ss)", _tuples([list(item) for item in lock_digests(image)])),
        "apt2ostree.packages": ("a(sss)", _tuples([_package(record) for record in packages])),
        "ostree.ref-binding": ("as", gvariant.array([gvariant.string(options.branch)])),
    }
    architectures = sorted({record.architecture for record in packages} - {"all"})
    if architectures:
        result["apt2ostree.architecture"] = _string(" ".join(architectures))
    revision = options.revision or source_revision(image.status)
    if revision:
        result["apt2ostree.source-revision"] = _string(revision)
    if repo.collection_id:
        result["ostree.collection-binding"] = _string(repo.collection_id)
    own = {**image.manifest.metadata, **options.metadata}
    result.update({key: gvariant.variant(value) for key, value in own.items()})
    return dict(sorted(result.items()))


def lock_digests(image: BuiltImage) -> list[tuple[str, str]]:
    """(name, SHA-256) of the image's locks."""
    return sorted(
        (name, hashlib.sha256(path.read_bytes()).hexdigest()) for name, path in image.lockfiles
    )


def source_revision(status: Sequence[Path]) -> str:
    """The source revision out of Bazel's status files; empty if they have none.

    Args:
        status: files of lines `KEY value`, which `--workspace_status_command` fills.
    """
    values: dict[str, str] = {}
    for path in status:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(" ")
            values[key] = value.strip()
    found = (values.get(key, "") for key in REVISION_KEYS)
    return next((value for value in found if re.search(r"[^0]", value)), "")


def _string(text: str) -> tuple[str, bytes]:
    return "s", gvariant.string(text)


def _tuples(rows: Sequence[Sequence[str]]) -> bytes:
    return gvariant.array(
        [gvariant.tuple_([gvariant.string(text) for text in row]) for row in rows]
    )


def _package(record: PackageRecord) -> list[str]:
    return [record.name, record.version, record.architecture]
