"""`commit`: put the image on a branch of an OSTree repo, as the successor of what is there."""

from __future__ import annotations

import argparse
import functools
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from apt2ostree import messages
from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree import host_ostree
from apt2ostree.ostree.repo import Repo
from apt2ostree.progress import format_size
from apt2ostree.ship import repo_image
from apt2ostree.ship.commit_image import CommitOptions, Committed, commit
from apt2ostree.tree import sysusers

HELP = "commit the image to a branch of an OSTree repo, with history and metadata"
_LAST_SECOND = 253402300799
"""The end of the year 9999, the last that GDateTime and so ostree can show."""
_NO_BRANCH = "none"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--repo", required=True, type=Path, help="an OSTree repo, such as `ostree init` makes"
    )
    parser.add_argument("-b", "--branch", required=True, help="the branch to commit to")
    parser.add_argument("-s", "--subject", default="", help="one line")
    parser.add_argument("-m", "--body", default="", help="full description")
    parser.add_argument(
        "--add-metadata-string",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="metadata to add, such as version=1.2",
    )
    parser.add_argument(
        "--revision", default="", help="source revision (default: the build's, with --stamp)"
    )
    parser.add_argument(
        "--timestamp",
        type=int,
        metavar="SECONDS",
        help="the commit's time (default: SOURCE_DATE_EPOCH, or now)",
    )
    parser.add_argument(
        "--parent",
        metavar="COMMIT",
        help=f"fail unless the branch is at this commit; '{_NO_BRANCH}': unless there is none",
    )
    parser.add_argument(
        "--gpg-sign", action="append", default=[], metavar="KEY", help="sign with this GPG key"
    )
    parser.add_argument("--gpg-homedir", type=Path, help="gpg's directory of keys")
    parser.add_argument(
        "--delta", action="store_true", help="make a static delta from the parent (needs ostree)"
    )
    parser.add_argument(
        "--update-summary",
        action="store_true",
        help="write the repo's summary anew, signed like the commit (needs ostree)",
    )


def run(image: BuiltImage, options: argparse.Namespace) -> int:
    """Commit, and say what was written."""
    repo = Repo(options.repo)
    delta = functools.partial(_generate_delta, options.repo)
    result = commit(
        repo,
        image,
        CommitOptions(
            branch=options.branch,
            subject=options.subject,
            body=options.body,
            timestamp=_timestamp(options.timestamp),
            metadata=_metadata(options.add_metadata_string),
            revision=options.revision,
            parent=_parent(options.parent),
            keys=options.gpg_sign,
            gpg_homedir=options.gpg_homedir,
            prepare=delta if options.delta else None,
        ),
    )
    if result.written is None:
        print(f"{options.branch} {result.commit} (the tree has not changed: nothing to commit)")
        _complete(repo, result, options, delta)
        return 0
    print(f"{options.branch} {result.commit}")
    print(f"parent {result.parent or 'none: the first commit of this branch'}")
    print(
        f"wrote {result.written.content} content objects "
        f"({format_size(result.written.content_bytes)}) and {result.written.metadata} metadata "
        f"objects into {options.repo}"
    )
    if result.parent:
        before = repo_image.account_texts(repo, result.parent)
        for change in sysusers.moved(before, image.manifest.texts):
            messages.warning(
                f"{change}; files that devices have in /var keep the old one: fix the ids with "
                "`accounts` (docs/devices.md)"
            )
    if options.update_summary or repo.updates_summary:
        host_ostree.update_summary(options.repo, options.gpg_sign, options.gpg_homedir)
    return 0


def _generate_delta(repo: Path, commit: str, parent: str) -> None:
    start = parent[:12] or "nothing"
    print(f"making the static delta from {start} to {commit[:12]} …", file=sys.stderr, flush=True)
    host_ostree.generate_delta(repo, commit, parent)


def _complete(
    repo: Repo,
    result: Committed,
    options: argparse.Namespace,
    delta: Callable[[str, str], None],
) -> None:
    """Do what a run that was interrupted, or failed, has left undone beside the commit."""
    path: Path = options.repo
    is_new = options.delta and not host_ostree.has_delta(path, result.commit, result.parent)
    if is_new:
        delta(result.commit, result.parent)
    if options.update_summary or repo.updates_summary:
        summary, ref = path / "summary", path / "refs/heads" / options.branch
        if is_new or not summary.exists() or summary.stat().st_mtime < ref.stat().st_mtime:
            host_ostree.update_summary(path, options.gpg_sign, options.gpg_homedir)


def _timestamp(given: int | None) -> int:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given is None:
        given = int(epoch) if epoch.isdigit() else int(time.time())
    if not 0 <= given <= _LAST_SECOND:
        raise UserError(
            f"timestamp {given}: expected seconds since 1970, of the years before 10000"
        )
    return given


def _metadata(pairs: list[str]) -> dict[str, str]:
    for pair in pairs:
        if not pair.partition("=")[1] or pair.startswith("="):
            raise UserError(f"--add-metadata-string {pair!r}: expected KEY=VALUE")
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}


def _parent(given: str | None) -> str | None:
    if given is None:
        return None
    if given == _NO_BRANCH:
        return ""
    if not re.fullmatch(r"[0-9a-f]{64}", given):
        raise UserError(f"--parent {given!r}: expected a commit's 64 hexadecimal digits, or 'none'")
    return given
