"""The time that a reproducible build's records of time have: SOURCE_DATE_EPOCH.

By default the newest entry of the packages' changelogs (Policy §4.4): a function of the
image's content. Source: https://reproducible-builds.org/specs/source-date-epoch/
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from apt2ostree.configure import materialize
from apt2ostree.image.manifest import Directory, PackageRecord
from apt2ostree.ostree.objects_tar import Location

FALLBACK = 946_684_800
"""2000-01-01: for images without a changelog. Not 0, which shadow(5) writes as nothing."""
MAX_SIZE = 8 << 20
_NAMES = ("changelog.Debian.gz", "changelog.gz", "changelog.Debian", "changelog")
_TRAILER = re.compile(rb"^ -- .*>  (.+)$", re.MULTILINE)


def newest(
    packages: list[PackageRecord],
    directories: Mapping[str, Directory],
    locations: Mapping[str, Location],
) -> int:
    """The time of the newest changelog entry, in seconds since 1970."""
    found = FALLBACK
    for package in packages:
        directory = directories.get(f"usr/share/doc/{package.name}")
        for name in _NAMES:
            row = directory.files.get(name) if directory else None
            if row and row[0] == "file" and row[4] < MAX_SIZE:
                object_name = f"{row[5]}.file"
                data = materialize.read_content(locations[object_name], object_name)
                found = max(found, _first_time(data))
                break
    return found


def _first_time(data: bytes) -> int:
    """When a changelog's first entry was written; 0 if that cannot be told."""
    if data[:2] == b"\x1f\x8b":
        try:
            data = zlib.decompressobj(31).decompress(data, 1 << 16)
        except zlib.error:
            return 0
    match = _TRAILER.search(data)
    if not match:
        return 0
    try:
        return int(parsedate_to_datetime(match[1].decode("ascii", "replace")).timestamp())
    except (ValueError, TypeError, OverflowError):
        return 0
