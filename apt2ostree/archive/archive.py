"""From sources to indexes that are proven to be what the archives' owners published.

The chain is apt-secure(8)'s: a keyring vouches for the signature of InRelease (or of Release,
by Release.gpg), that for the checksum of each Packages index. Indexes are read from the cache if
they are there, so that with nothing changed only the Release files are asked for.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from apt2ostree import messages
from apt2ostree.archive.cache import Cache
from apt2ostree.archive.distributions import similar_suites
from apt2ostree.archive.download import Downloader, DownloadError, Expected, without_credentials
from apt2ostree.archive.keyrings import Keyrings
from apt2ostree.archive.release import (
    FileEntry,
    Release,
    ReleaseError,
    check_dates,
    is_named,
    parse_release,
)
from apt2ostree.archive.snapshots import Snapshots
from apt2ostree.archive.sources import Source
from apt2ostree.deb.compression import chunks
from apt2ostree.debian.checksum import digest_like, field_of
from apt2ostree.debian.index import Origin, ReleaseFacts
from apt2ostree.errors import UserError

# In the order of preference: the smallest first, none at all last.
_SUFFIXES = (".xz", ".zst", ".bz2", ".lzma", ".gz", "")
_MAX_RELEASE = 32 << 20
_MAX_INDEX = 2 << 30


@dataclass(frozen=True)
class Index:
    """A Packages index whose content is in the cache.

    Attributes:
        origin: the archive, suite, component and architecture it belongs to.
        name: its URI, for messages.
        checksum: that of its content, not compressed: SHA-256 or SHA-512.
        snapshot: URL of the archive as it is now at its snapshot service, or "".
        date: when the archive was made, by its Release file; or None.
    """

    origin: Origin
    name: str
    checksum: str
    snapshot: str
    date: datetime | None = None

    def read(self, cache: Cache) -> bytes:
        """Return its content, checked again.

        Raises:
            UserError: if somebody has emptied or damaged the cache in the meantime.
        """
        data = cache.read(self.checksum)
        if data is None:
            raise UserError(f"{self.name}: it was damaged in the cache {cache.root}; run again")
        return data


@dataclass(frozen=True)
class _Suite:
    """A suite of an archive: the first source that names it, and all that do."""

    source: Source
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class _Wanted:
    """One index that is wanted of a suite."""

    suite: _Suite
    release: Release | None
    component: str
    architecture: str
    directory: str

    @property
    def name(self) -> str:
        return without_credentials(f"{self.suite.source.base}{self.directory}Packages")


@dataclass(frozen=True)
class Archives:
    """Fetches what sources offer.

    Attributes:
        downloader: does the downloads, and has the cache.
        keyrings: the keys that may sign.
        snapshots: the user's patterns for snapshot services.
        now: the time at which Release files must be valid.
    """

    downloader: Downloader
    keyrings: Keyrings
    snapshots: Snapshots
    now: datetime

    def fetch(self, sources: Sequence[Source], architectures: Sequence[str]) -> list[Index]:
        """Fetch and check the Packages indexes of all sources.

        Args:
            sources: where to look, in the order that decides between equal versions.
            architectures: the image's own one first, then the foreign ones; without "all".

        Returns:
            The indexes in apt's order: by suite in the order of first mention, and within
            one by source, component and architecture.

        Raises:
            UserError: saying which archive, which file and what is wrong with it.
        """
        suites = _suites(sources)
        releases = self.downloader.map(self._release, suites)
        wanted = [
            index
            for suite, release in zip(suites, releases)
            for index in _wanted(suite, release, architectures)
        ]
        return self.downloader.map(self._index, wanted)

    def _release(self, suite: _Suite) -> Release | None:
        """The suite's Release file, checked, or None where a trusted archive has none."""
        source = suite.source
        if source.policy.trusted is False:
            raise ReleaseError(
                f"{source.place}: 'Trusted: no' says that nothing may be taken from {source.uri}; "
                "remove it, or the source"
            )
        name, text = self._release_text(source)
        if text is None:
            return None
        release = parse_release(text.decode("utf-8", "replace"), name)
        check_dates(release, source.policy, source.place, name, self.now)
        why = "trusted without a signature" if source.policy.trusted else "the signature is good"
        messages.debug(
            f"{name}: {why}, Suite {release.suite}, Codename {release.codename}, "
            f"made {release.date}"
        )
        if not source.is_flat and not is_named(release, source.suite):
            messages.warning(
                f"{name}: conflicting distribution: expected {source.suite}, but it says Suite "
                f"{release.suite or '(none)'}, Codename {release.codename or '(none)'}"
            )
        return release

    def _release_text(self, source: Source) -> tuple[str, bytes | None]:
        """The name and the signed text of InRelease, or of Release."""
        policy = source.policy
        url = source.base + (policy.inrelease_path or "InRelease")
        name = without_credentials(url)
        try:
            data = self.downloader.fetch_changing(url, _MAX_RELEASE)
        except DownloadError as error:
            if policy.inrelease_path or not error.not_found:
                raise
            return self._detached_release_text(source, error)
        if policy.trusted:
            return name, _without_signature(data)
        return name, self.keyrings.verifier(source).clearsigned(name, data)

    def _detached_release_text(
        self, source: Source, inrelease: DownloadError
    ) -> tuple[str, bytes | None]:
        url = source.base + "Release"
        name = without_credentials(url)
        trusted = source.policy.trusted
        try:
            data = self.downloader.fetch_changing(url, _MAX_RELEASE)
        except DownloadError as error:
            if not error.not_found:
                raise
            if trusted:
                return name, None
            raise ReleaseError(
                f"{source.place}: the archive {without_credentials(source.uri)} has no Release "
                f"file for {source.suite}: {_spelling(source.suite)}\n"
                f"{inrelease}\n{error}"
            ) from None
        if trusted:
            return name, data
        try:
            signature = self.downloader.fetch_changing(url + ".gpg", _MAX_RELEASE)
        except DownloadError as error:
            if not error.not_found:
                raise
            raise ReleaseError(
                f"{name}: the archive is not signed: it has neither InRelease nor Release.gpg. If "
                f"it is your own and on your own machine, 'Trusted: yes' at {source.place} takes "
                "it as it is"
            ) from None
        return name, self.keyrings.verifier(source).detached(name, data, signature)

    def _index(self, wanted: _Wanted) -> Index:
        source = wanted.suite.source
        release = wanted.release
        return Index(
            origin=Origin(
                uri=without_credentials(source.uri),
                suite=source.suite,
                component=wanted.component,
                architecture=wanted.architecture,
                release=_facts(release) if release else ReleaseFacts(),
            ),
            name=wanted.name,
            checksum=self._content(wanted, release) if release else self._unlisted(wanted),
            snapshot=self.snapshots.base(source.uri, release) if release else "",
            date=release.date if release else None,
        )

    def _content(self, wanted: _Wanted, release: Release) -> str:
        """Bring the content of a listed index into the cache, and return its checksum."""
        stem = f"{wanted.directory}Packages"
        plain = release.files.get(stem)
        if plain and self.downloader.cache.find(plain.checksum, plain.size):
            messages.debug(f"{wanted.name}: in the cache")
            return plain.checksum
        offered = [suffix for suffix in _SUFFIXES if stem + suffix in release.files]
        failures = list[DownloadError]()
        for suffix in offered:
            entry = release.files[stem + suffix]
            urls = _urls(wanted, release, stem + suffix, entry)
            expected = Expected(urls, entry.checksum, entry.size, f"{wanted.name}{suffix}")
            try:
                return self._fetch(expected, suffix, plain)
            except DownloadError as error:
                # A Release file also lists what a mirror does not carry: Packages itself, mostly.
                if not error.not_found:
                    raise
                failures.append(error)
        raise ReleaseError(
            f"{wanted.name}: the archive lists it, but has it in no form:\n"
            + "\n".join(str(failure) for failure in failures)
        )

    def _fetch(self, expected: Expected, suffix: str, plain: FileEntry | None) -> str:
        """Bring one form of an index into the cache, decompressed, and return its checksum."""
        while True:
            path = self.downloader.fetch(expected)
            if not suffix:
                return expected.checksum
            try:
                file = path.open("rb")
            except FileNotFoundError:
                # An index of the same content (empty ones are), read by another thread or
                # process, which was done with the compressed file first.
                continue
            with file:
                checksum = self._keep(expected.label, chunks(suffix, file), plain)
            path.unlink(missing_ok=True)
            return checksum

    def _unlisted(self, wanted: _Wanted) -> str:
        """The same for a trusted archive that has no Release file to list it."""
        for suffix in _SUFFIXES:
            url = f"{wanted.suite.source.base}{wanted.directory}Packages{suffix}"
            try:
                data = self.downloader.fetch_changing(url, _MAX_INDEX)
            except DownloadError as error:
                if not error.not_found:
                    raise
                continue
            return self._keep(wanted.name + suffix, chunks(suffix, io.BytesIO(data)), None)
        raise ReleaseError(
            f"{wanted.suite.source.place}: the archive has neither a Release file nor "
            f"{wanted.name} in any form"
        )

    def _keep(self, name: str, content: Iterable[bytes], plain: FileEntry | None) -> str:
        """Write decompressed content into the cache, and return its checksum."""
        digest = digest_like(plain.checksum) if plain else hashlib.sha256()
        size, limit = 0, plain.size if plain else _MAX_INDEX
        cache = self.downloader.cache
        with cache.temporary() as file:
            try:
                for chunk in content:
                    size += len(chunk)
                    if size > limit:
                        raise UserError(f"it decompresses to more than {limit} bytes")
                    digest.update(chunk)
                    file.write(chunk)
            except UserError as error:
                raise ReleaseError(f"{name}: {error}") from None
            checksum = digest.hexdigest()
            if plain and checksum != plain.checksum:
                raise ReleaseError(
                    f"{name}: it decompresses to something else than the archive promises: "
                    f"{field_of(checksum).replace('SHA', 'SHA-')} {checksum}, expected "
                    f"{plain.checksum}"
                )
            cache.keep(file, checksum)
        return checksum


def _suites(sources: Sequence[Source]) -> list[_Suite]:
    """Gather the sources of each suite, which must agree on how its Release file is checked."""
    gathered: dict[tuple[str, str], list[Source]] = {}
    for source in sources:
        same = gathered.setdefault((source.uri, source.suite), [])
        same.append(source)
        if source.policy != same[0].policy:
            raise ReleaseError(
                f"{source.place}: {source.uri} {source.suite} has other options here than at "
                f"{same[0].place}; Signed-By, Trusted and the checks of dates must be the same"
            )
    return [_Suite(same[0], tuple(same)) for same in gathered.values()]


def _spelling(suite: str) -> str:
    """What to do about a suite that an archive does not have."""
    similar = similar_suites(suite)
    meant = f" Did you mean {' or '.join(similar)}?" if similar else ""
    return "is the suite spelt right, and still there?" + meant


def _wanted(
    suite: _Suite, release: Release | None, architectures: Sequence[str]
) -> Iterator[_Wanted]:
    if suite.source.is_flat:
        yield _Wanted(suite, release, "", "", "")
        return
    seen = set[str]()
    for source in suite.sources:
        limited = [a for a in architectures if a in (source.architectures or architectures)]
        for component in source.components:
            found = False
            for architecture in [*limited, "all"]:
                directory = f"{component}/binary-{architecture}/"
                if directory in seen or not _is_offered(release, directory, architecture):
                    found = found or directory in seen
                    continue
                seen.add(directory)
                found = True
                yield _Wanted(suite, release, component, architecture, directory)
            if release and not found:
                _explain_absence(source, release, component, limited)


def _is_offered(release: Release | None, directory: str, architecture: str) -> bool:
    if release is None:
        return architecture != "all"
    if architecture == "all" and not release.has_all_indexes:
        return False
    return any(f"{directory}Packages{suffix}" in release.files for suffix in _SUFFIXES)


def _explain_absence(
    source: Source, release: Release, component: str, architectures: Sequence[str]
) -> None:
    """Say why a component gives no index: a mistake, or an architecture that it lacks."""
    components = {path.partition("/binary-")[0] for path in release.files if "/binary-" in path}
    if component not in components:
        offered = " ".join(sorted(components)) or "none"
        raise ReleaseError(
            f"{source.place}: {without_credentials(source.uri)} {source.suite} has no component "
            f"{component!r}; it has: {offered}"
        )
    start = f"{component}/binary-"
    known = {
        path[len(start) :].partition("/")[0] for path in release.files if path.startswith(start)
    }
    only_all = ", and those count only if the Architectures of its Release file name all as well"
    messages.warning(
        f"{source.place}: {without_credentials(source.uri)} {source.suite}/{component} has no "
        f"packages for {' '.join(architectures) or 'the architectures asked for'}; it has: "
        f"{' '.join(sorted(known))}{only_all if 'all' in known else ''}"
    )


def _urls(wanted: _Wanted, release: Release, path: str, entry: FileEntry) -> tuple[str, ...]:
    """Where the file may be: under its checksum first, which cannot change under our feet."""
    source = wanted.suite.source
    base = source.base
    named = base + quote(path)
    by_hash = f"{base}{quote(wanted.directory)}by-hash/{field_of(entry.checksum)}/{entry.checksum}"
    if source.by_hash == "force":
        return (by_hash,)
    if source.by_hash == "yes" and release.acquire_by_hash:
        return (by_hash, named)
    return (named,)


def _facts(release: Release) -> ReleaseFacts:
    return ReleaseFacts(
        suite=release.suite,
        codename=release.codename,
        origin=release.origin,
        label=release.label,
        version=release.version,
        not_automatic=release.not_automatic,
        but_automatic_upgrades=release.but_automatic_upgrades,
    )


def _without_signature(data: bytes) -> bytes:
    """The text of an InRelease file that nobody is asked to vouch for."""
    text = data.replace(b"\r\n", b"\n")
    if not text.startswith(b"-----BEGIN PGP SIGNED MESSAGE-----"):
        return text
    body = text.partition(b"\n\n")[2].partition(b"\n-----BEGIN PGP SIGNATURE-----")[0]
    return b"\n".join(line.removeprefix(b"- ") for line in body.split(b"\n")) + b"\n"
