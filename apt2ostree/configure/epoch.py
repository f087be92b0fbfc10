"""The time that a reproducible build's records of time have: SOURCE_DATE_EPOCH.

By default the newest of the archives that the packages are from, which their lock tells; if
it does not, the newest entry of their changelogs (Policy §4.4): a function of the image's
content in any case. Source: https://reproducible-builds.org/specs/source-date-epoch/
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from apt2ostree.debian.control import parse_stanzas
from apt2ostree.errors import UserError
from apt2ostree.ostree.objects_tar import Location
from apt2ostree.sandbox import materialize
from apt2ostree.tree.manifest import CHECKSUM, SIZE, TYPE, Directory, PackageRecord

FALLBACK = 946_684_800
"""2000-01-01: for images without a changelog. Not 0, which shadow(5) writes as nothing."""
MAX_SIZE = 8 << 20
_NAMES = ("changelog.Debian.gz", "changelog.gz", "changelog.Debian", "changelog")
_SNAPSHOT_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_TRAILER = re.compile(rb"^ -- .*>  (.+)$", re.MULTILINE)


def of_locks(packages: Sequence[PackageRecord], locks: Iterable[str]) -> int | None:
    """The newest time in the field `Snapshot` of the packages' stanzas, in seconds since 1970.

    Args:
        packages: those of the image; stanzas of others do not count.
        locks: texts of lockfiles.

    Returns:
        `None` if none of their stanzas has the field.
    """
    versions = {(package.name, package.version) for package in packages}
    found = []
    for lock in locks:
        for fields in parse_stanzas(lock, "a lockfile"):
            match = _SNAPSHOT_ID.search(fields.get("Snapshot", ""))
            if match and (fields.get("Package"), fields.get("Version")) in versions:
                time = datetime.strptime(match[0], "%Y%m%dT%H%M%SZ")
                found.append(int(time.replace(tzinfo=timezone.utc).timestamp()))
    return max(found, default=None)


def check(epoch: int, clock: float) -> None:
    """See that the machine's clock is not behind what the build's records of time shall have.

    passwd(1) and its kin take the clock's time then, and the image depends on the day.

    Args:
        epoch: SOURCE_DATE_EPOCH.
        clock: the present time, in seconds since 1970.

    Raises:
        UserError: it is behind.
    """
    if clock < epoch:
        raise UserError(
            f"this machine's clock says {_date(clock)}, which is before the packages' date "
            f"{_date(epoch)}: set the clock, or give the image an earlier `epoch`"
        )


def _date(time: float) -> str:
    return datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


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
            if row and row[TYPE] == "file" and row[SIZE] < MAX_SIZE:
                object_name = f"{row[CHECKSUM]}.file"
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
