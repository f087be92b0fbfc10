"""Packages that no lock names, in an image: whether they go together with the others.

A lock's packages were resolved together; a .deb of the workspace was not. What it needs has to be
in the image, or dpkg would not configure it (Policy §7.2).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from apt2ostree.debian import verify
from apt2ostree.debian.index import parse_index
from apt2ostree.errors import UserError
from apt2ostree.tree.manifest import PackageKey, PackageRecord


def check(
    records: Sequence[PackageRecord],
    local: Collection[PackageKey],
    architectures: Sequence[str],
) -> None:
    """Check the image's packages as far as those of no lock are concerned.

    Args:
        records: all packages of the image.
        local: those of no lock.
        architectures: the image's, the native one first.

    Raises:
        UserError: something that they need is not there, or they conflict with something.
    """
    if not local:
        return
    others = _problems([one for one in records if one.key not in local], architectures)
    brought = [one for one in _problems(records, architectures) if one not in others]
    if brought:
        raise UserError(
            f"a package of no lock: {'; '.join(brought)}. Have the lock hold what it needs: add it "
            "to `packages` of the apt_lock, and update the lock"
        )


def _problems(records: Sequence[PackageRecord], architectures: Sequence[str]) -> list[str]:
    native, *foreign = architectures or [""]
    text = "\n\n".join(record.control.strip("\n") for record in records)
    try:
        packages = parse_index(text.encode("utf-8", "surrogateescape"), "control files")
        return verify.find_problems(packages, (), native, foreign)
    except UserError as error:
        raise UserError(f"a package's control file is malformed: {error}") from error
