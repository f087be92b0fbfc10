"""What dpkg's status file says of packages once they have been configured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from apt2ostree.debian.control import parse_stanza
from apt2ostree.tree.manifest import PackageRecord

_CONFFILE = re.compile(r" ?(/.*?) ((?:[0-9a-f]{32}|newconffile)(?: .*)?)")


def update(packages: Sequence[PackageRecord], text: str) -> list[PackageRecord]:
    """The packages with the status and the conffiles' checksums that dpkg has of them.

    Args:
        packages: those of the image.
        text: the status file (dpkg(1), deb822(5)); a package that it does not have keeps
            what it had.

    Raises:
        UserError: the file is malformed.
    """
    stanzas = {}
    for number, part in enumerate(filter(None, text.split("\n\n"))):
        fields = parse_stanza(part.strip("\n") + "\n", f"dpkg's status file, stanza {number + 1}")
        stanzas[fields.get("Package"), fields.get("Architecture")] = fields
    updated = []
    for package in packages:
        known = stanzas.get(package.key)
        if known:
            sums = _conffiles(known.get("Conffiles", ""))
            conffiles = [[path, sums.get(path, value)] for path, value in package.conffiles]
            status = known.get("Status", package.status)
            updated.append(replace(package, status=status, conffiles=conffiles))
        else:
            updated.append(package)
    return updated


def _conffiles(text: str) -> dict[str, str]:
    """Path → md5 out of the field `Conffiles`: a line per file, flags after the md5."""
    matches = (_CONFFILE.fullmatch(line) for line in text.splitlines())
    return {match[1]: match[2] for match in matches if match}
