"""Release files: what an archive's suite is, and the checksum of each of its indexes.

The format is that of Debian's repository format page (wiki.debian.org/DebianRepository/Format)
and of apt-secure(8); the checks of its dates are those of sources.list(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from debian.deb822 import Deb822

from apt2ostree.archive.place import Place
from apt2ostree.archive.sources import Policy
from apt2ostree.debian.checksum import FIELDS, is_checksum
from apt2ostree.errors import UserError

_LINE = re.compile(r"\s*([0-9A-Fa-f]+)\s+([0-9]{1,18})\s+(\S+)\s*")


class ReleaseError(UserError):
    """A Release file cannot be used; the text names it."""


@dataclass(frozen=True)
class FileEntry:
    """What a Release file promises of a file: its size in bytes, its SHA-256 or SHA-512."""

    size: int
    checksum: str


@dataclass(frozen=True)
class Release:
    """The fields of a Release file that decide something here.

    Attributes:
        suite: its Suite, such as "stable" (pins call it the archive).
        codename: its Codename, such as "trixie".
        date: when the archive made it, or None.
        valid_until: when the archive says that it expires, or None.
        not_automatic: nothing is installed from it unless asked for (priority 1).
        but_automatic_upgrades: with ``not_automatic``, upgrades are taken (priority 100).
        acquire_by_hash: whether indexes are also to be had under their checksums.
        has_all_indexes: whether packages of architecture all have indexes of their own that
            are to be read, rather than being repeated in those of each architecture.
        snapshots: where old states of this archive are, with ``@SNAPSHOTID@`` in it, or "".
        files: path of each index, relative to the Release file, and its checksum.
    """

    origin: str = ""
    label: str = ""
    suite: str = ""
    codename: str = ""
    version: str = ""
    date: datetime | None = None
    valid_until: datetime | None = None
    not_automatic: bool = False
    but_automatic_upgrades: bool = False
    acquire_by_hash: bool = False
    has_all_indexes: bool = False
    architectures: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    snapshots: str = ""
    files: Mapping[str, FileEntry] = field(default_factory=dict)


def parse_release(text: str, name: str) -> Release:
    """Read the text of a Release file, its signature being checked already.

    Args:
        text: one deb822 stanza.
        name: its URI, for messages.

    Raises:
        ReleaseError: if it is no Release file, or has neither SHA-256 nor SHA-512 checksums.
    """
    stanza = Deb822(text.splitlines())
    if not stanza:
        raise ReleaseError(
            f"{name}: not a Release file: expected deb822 fields, found {text[:60]!r}"
        )
    architectures = tuple(stanza.get("Architectures", "").split())
    return Release(
        origin=stanza.get("Origin", "").strip(),
        label=stanza.get("Label", "").strip(),
        suite=stanza.get("Suite", "").strip(),
        codename=stanza.get("Codename", "").strip(),
        version=stanza.get("Version", "").strip(),
        date=_date(stanza, "Date", name),
        valid_until=_date(stanza, "Valid-Until", name),
        not_automatic=_yes(stanza, "NotAutomatic"),
        but_automatic_upgrades=_yes(stanza, "ButAutomaticUpgrades"),
        acquire_by_hash=_yes(stanza, "Acquire-By-Hash"),
        has_all_indexes=("all" in architectures or "Architectures" not in stanza)
        and "Packages" not in stanza.get("No-Support-for-Architecture-all", "").split(),
        architectures=architectures,
        components=tuple(stanza.get("Components", "").split()),
        snapshots=stanza.get("Snapshots", "").strip(),
        files=dict(_files(stanza, name)),
    )


def check_dates(release: Release, policy: Policy, place: Place, name: str, now: datetime) -> None:
    """Refuse a Release file that has expired, or is from the future.

    Args:
        release: the file.
        policy: what the source says of the checks.
        place: where the source is written, for the advice.
        name: the file's URI, for messages.
        now: the time of this machine.

    Raises:
        ReleaseError: with the dates, and how the source would have to say that it is meant.
    """
    if not policy.check_date:
        return
    ahead = release.date - now if release.date else timedelta()
    if ahead > timedelta(seconds=policy.date_max_future):
        raise ReleaseError(
            f"{name}: it is from the future: its Date is {release.date:%Y-%m-%d %H:%M:%S} UTC and "
            f"the clock here says {now:%Y-%m-%d %H:%M:%S} UTC. Set the clock; 'Check-Date: no' at "
            f"{place} switches the check off"
        )
    until = _valid_until(release, policy)
    if policy.check_valid_until and until and until < now:
        raise ReleaseError(
            f"{name}: it expired on {until:%Y-%m-%d %H:%M:%S} UTC ({_ago(now - until)} ago): the "
            "mirror is no longer updated, or somebody is passing off old data as new. Use another "
            f"mirror; 'Check-Valid-Until: no' at {place} accepts an archive that is old on purpose"
        )


def is_named(release: Release, suite: str) -> bool:
    """Whether a Release file says that it is the suite asked for, as apt compares them."""
    name = suite.rstrip("/").rpartition("/")[2] if suite != "../project/experimental" else ""
    wanted = {suite, suite.partition("/")[0], name}
    return bool({release.suite, release.codename} & wanted)


def _valid_until(release: Release, policy: Policy) -> datetime | None:
    until = release.valid_until
    if release.date and until and policy.valid_until_min is not None:
        until = max(until, _after(release.date, policy.valid_until_min))
    if release.date and policy.valid_until_max is not None:
        latest = _after(release.date, policy.valid_until_max)
        until = min(until, latest) if until else latest
    return until


def _after(date: datetime, seconds: int) -> datetime:
    try:
        return date + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=timezone.utc)


def _ago(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{age.days} days" if age.days > 1 else f"{hours:.1f} hours"


def _yes(stanza: Deb822, name: str) -> bool:
    return str(stanza.get(name, "")).strip().lower() == "yes"


def _date(stanza: Deb822, name: str, where: str) -> datetime | None:
    """Read a date of RFC 5322's form, which an archive always gives in UTC."""
    value = stanza.get(name, "").strip()
    if not value:
        return None
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise ReleaseError(
            f"{where}: {name}: {value!r} is not a date such as 'Sat, 11 Jul 2026 10:16:37 UTC'"
        ) from None
    if date.tzinfo is None:
        return date.replace(tzinfo=timezone.utc)
    return date.astimezone(timezone.utc)


def _files(stanza: Deb822, name: str) -> Iterator[tuple[str, FileEntry]]:
    given = next((field for field in FIELDS.values() if field in stanza), None)
    if given is None:
        raise ReleaseError(
            f"{name}: it has neither SHA256 nor SHA512 checksums, and nothing weaker is taken; ask "
            "whoever runs the archive to add them"
        )
    for line in stanza[given].splitlines():
        if not line.strip():
            continue
        found = _LINE.fullmatch(line)
        if not found or not is_checksum(found[1], given):
            raise ReleaseError(
                f"{name}: {given}: expected 'checksum size path', found {line.strip()!r}"
            )
        yield found[3], FileEntry(int(found[2]), found[1].lower())
