"""Where the old states of an archive are kept, so that an old lock can still be built.

Pools drop what is superseded. Debian and Ubuntu keep every state at a snapshot service; other
archives may say in the field ``Snapshots`` of their Release file where, or the user does. The
patterns are apt's (apt.conf(5), ``Acquire::Snapshots::URI``): a URI with ``@SNAPSHOTID@`` in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

from apt2ostree.archive.release import Release
from apt2ostree.errors import UserError

PLACEHOLDER = "@SNAPSHOTID@"
TIME = "%Y%m%dT%H%M%SZ"
"""How a time is written in a snapshot's URL and in a lock, always UTC."""
_TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_PATH = "@PATH@"

# By the Release file's Origin and the last part of the archive's path, whatever the mirror's host.
_BY_ORIGIN = {
    "Debian": f"http://snapshot.debian.org/archive/{_PATH}/{PLACEHOLDER}/",
    "Debian Backports": f"http://snapshot.debian.org/archive/{_PATH}/{PLACEHOLDER}/",
    "Ubuntu": f"https://snapshot.ubuntu.com/ubuntu/{PLACEHOLDER}/",
}
_DEBIAN_PATHS = ("debian", "debian-security", "debian-ports", "debian-debug")

# A snapshot is made some hours after the archive was, and a request is answered with the last one
# before the time asked for. Debian and Ubuntu keep what was superseded for a day and longer, so
# half a day after the Release file's Date everything that it lists is in the snapshot.
_DELAY = timedelta(hours=12)


@dataclass(frozen=True)
class Snapshots:
    """The user's own patterns: the beginning of an archive's URI, and the pattern for it.

    An empty pattern says that the archive has no snapshots.
    """

    patterns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for prefix, pattern in self.patterns.items():
            if pattern and PLACEHOLDER not in pattern:
                raise UserError(
                    f"snapshots: the pattern {pattern!r} for {prefix} has no {PLACEHOLDER} in it, "
                    "which stands for the time, as in "
                    f"http://snapshot.debian.org/archive/debian/{PLACEHOLDER}/"
                )

    def base(self, uri: str, release: Release) -> str:
        """URL of the archive as it was when it made this Release file, or "".

        A function of the archive's state alone: whoever makes a lock of it gets the same.
        """
        pattern = self._pattern(uri, release)
        if not pattern or release.date is None:
            return ""
        time = (release.date + _DELAY).strftime(TIME)
        return pattern.replace(PLACEHOLDER, time).rstrip("/") + "/"

    def _pattern(self, uri: str, release: Release) -> str:
        for prefix, pattern in self.patterns.items():
            if (uri + "/").startswith(prefix.rstrip("/") + "/"):
                return pattern
        name = urlsplit(uri).path.rstrip("/").rpartition("/")[2]
        if release.snapshots:
            pattern = "" if release.snapshots == "no" else release.snapshots
            return pattern.replace(_PATH, name) if _is_web(pattern) else ""
        pattern = _BY_ORIGIN.get(release.origin, "")
        if _PATH not in pattern:
            return pattern
        return pattern.replace(_PATH, name) if name in _DEBIAN_PATHS else ""


def _is_web(pattern: str) -> bool:
    return PLACEHOLDER in pattern and urlsplit(pattern).scheme in ("http", "https")


def date_of(url: str) -> datetime | None:
    """When the archive was made whose snapshot a URL of `Snapshots.base` is, if it tells."""
    found = _TIME.search(url)
    try:
        return parse_time(found[0]) - _DELAY if found else None
    except ValueError:
        return None


def parse_time(text: str) -> datetime:
    """Read a time as `TIME` writes it.

    Raises:
        ValueError: it is none.
    """
    return datetime.strptime(text, TIME).replace(tzinfo=timezone.utc)
