"""The lockfile: a Packages index with the packages of an image alone.

The format is that of a Debian archive's Packages index (Debian Policy 5.1), with up to three
fields added to each stanza, at its end:

``APT-Sources``
    the index it is from, in the words of ``apt-cache show``:
    ``http://ftp.debian.org/debian bookworm/main amd64 Packages``;
``Auto-Installed``
    ``1`` if nobody asked for the package, and it is there because another needs it: what apt
    keeps in /var/lib/apt/extended_states, for autoremove on the device;
``Snapshot``
    the archive's URL at its snapshot service at the time of the lock, with a slash at the end; a
    file that the archive has dropped is at this URL followed by ``Filename``. Left out where the
    archive has no snapshots, and never changed while the package is the same;
``Archive-Date``
    in its place where there is none: when the archive was made that had the package first, by
    its Release file, as ``20260901T120000Z``.

Stanzas are ordered by package name, then architecture, and the fields stand as the archive has
them, so that the difference between two locks is the difference between two images. An archive's
fields are all kept, known or not, but for those of :data:`DROPPED`.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from apt2ostree import messages
from apt2ostree.archive.snapshots import TIME, date_of, parse_time
from apt2ostree.debian.checksum import FIELDS, field_of, is_checksum
from apt2ostree.debian.index import MalformedIndexError, Origin, Package, parse_index
from apt2ostree.errors import UserError

ORIGIN = "APT-Sources"
SNAPSHOT = "Snapshot"
DATE = "Archive-Date"
AUTOMATIC = "Auto-Installed"

DROPPED = frozenset(
    {
        "bugs",
        "build-ids",
        "cnf-extra-commands",
        "cnf-ignore-commands",
        "cnf-priority-bonus",
        "cnf-visible-pkgname",
        "description-md5",
        "md5sum",
        "modaliases",
        "phased-update-percentage",
        "sha1",
        "sha512",
        "supported",
        "tag",
        "task",
    }
)
"""What no part of dpkg, apt, a rebuild or a report reads, in lower case: texts that belong to
translations, search tools and installers, checksums weaker or longer than the one that
decides, and what an archive changes without changing the package. A SHA512 that is alone
decides, and stays."""

_CONFLICT = re.compile(rb"^(?:<<<<<<< .*|\|\|\|\|\|\|\|.*|=======|>>>>>>> .*)$\n?", re.MULTILINE)
"""The lines that git writes around what two branches have made of a place."""


MAX_NAME = 128
"""Characters of a package's name: it is part of the names of directories."""
RESERVED_NAMES = frozenset({"build.bazel", "module.bazel", "repo.bazel", "workspace.bazel"})
"""What Bazel reads in a directory, in lower case."""


class LockfileError(UserError):
    """A lockfile, or a stanza for one, cannot be used; the text names file and line."""


def read_lock(path: Path) -> list[Package]:
    """Read a lockfile; one that is not there, or empty, has no packages.

    The packages' ``origins`` are those of the lock: without what the Release file said, and
    empty in locks of the first apt2ostree, which knew one archive only.

    Raises:
        LockfileError: naming the file and the line.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    return parse_lock(data, str(path))


def read_old_lock(path: Path) -> list[Package]:
    """Read a lockfile that is to be written anew: as `read_lock`, but for merge conflicts.

    Of a lock with conflicts this is what stanzas are whole on either side, the first of two.

    Raises:
        LockfileError: naming the file and the line.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    without = _CONFLICT.sub(b"", data)
    if without == data:
        return parse_lock(data, str(path))
    messages.warning(f"{path}: it has unresolved merge conflicts, and is written anew")
    try:
        packages = parse_index(without, str(path), unusable=[])
    except MalformedIndexError as error:
        raise LockfileError(str(error)) from None
    found = dict[tuple[str, str], Package]()
    for package in packages:
        found.setdefault((package.name, package.architecture), _with_origin(package))
    return list(found.values())


def parse_lock(data: bytes, filename: str) -> list[Package]:
    """Read the content of a lockfile; ``filename`` is for messages. See :func:`read_lock`."""
    try:
        packages = [_with_origin(package) for package in parse_index(data, filename)]
    except MalformedIndexError as error:
        hint = (
            "; it has an unresolved merge conflict: have update_lock write it anew"
            if _CONFLICT.search(data)
            else ""
        )
        raise LockfileError(f"{error}{hint}") from None
    seen: dict[tuple[str, str], Package] = {}
    for package in packages:
        first = seen.setdefault((package.name, package.architecture), package)
        if first is not package:
            raise LockfileError(
                f"{package.where}: {package.name}:{package.architecture} is here twice; the first "
                f"is at {first.where}"
            )
    return packages


def render_lock(
    packages: Iterable[Package],
    old: Iterable[Package],
    snapshot: Callable[[Origin], str],
    automatic: Container[Package] = frozenset(),
    date: Callable[[Origin], datetime | None] = lambda origin: None,
) -> bytes:
    """Return the content of a lockfile.

    Args:
        packages: what to lock, with their origins; the first origin is the one that counts.
        old: the packages of the lockfile that this one replaces.
        snapshot: gives the URL of an archive at its snapshot service, or "".
        automatic: those of the packages that nobody asked for.
        date: tells when an archive was made.

    Raises:
        LockfileError: if a stanza says too little to download the package, or something that
            cannot be.
    """
    known = {_identity(package): package for package in old}
    stanzas = []
    for package in sorted(packages, key=lambda p: (p.name, p.architecture)):
        _check(package)
        origin = package.origins[0] if package.origins else None
        kept = known.get(_identity(package))
        url = (kept.get(SNAPSHOT) if kept else "") or (snapshot(origin) if origin else "")
        added = {
            ORIGIN: str(origin or ""),
            AUTOMATIC: "1" if package in automatic else "",
            SNAPSHOT: url,
            DATE: "" if url else kept.get(DATE) if kept else _time(origin, date),
        }
        stanzas.append(_stanza(package, added))
    return b"\n".join(stanzas)


def write_lock(path: Path, content: bytes) -> bool:
    """Replace a lockfile as a whole; returns whether there was anything to change.

    At any moment, even after a crash, the old content or the new one is there. The file's
    mode is kept, and a symbolic link stays one.
    """
    path = path.resolve()
    try:
        if path.read_bytes() == content:
            return False
        mode = path.stat().st_mode & 0o7777
    except FileNotFoundError:
        mode = 0o666 & ~_umask()
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return True


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _with_origin(package: Package) -> Package:
    for field in (ORIGIN, SNAPSHOT):
        value = package.get(field)
        if not value.isprintable():
            raise LockfileError(
                f"{package.where}: {package.name}: {field}: {value!a} is no URL; write the lock "
                "anew with update_lock"
            )
    value = package.get(ORIGIN)
    if not value:
        return package
    try:
        return package.with_origins((Origin.parse(value),))
    except UserError as error:
        raise LockfileError(f"{package.where}: {package.name}: {ORIGIN}: {error}") from None


def _identity(package: Package) -> Sequence[str]:
    """What is the same as long as a package's file has not changed, nor its place."""
    return (
        str(package),
        package.checksum,
        package.get("Filename"),
        package.origins[0].uri if package.origins else "",
    )


def archive_date(package: Package) -> datetime | None:
    """When the archive was made that had a locked package first, if the lock tells.

    Raises:
        LockfileError: the lock has something else where it would tell.
    """
    value = package.get(DATE)
    if not value:
        return date_of(package.get(SNAPSHOT))
    try:
        return parse_time(value)
    except ValueError:
        raise LockfileError(
            f"{package.where}: {package.name}: {DATE}: {value!a} is no time such as "
            "20260901T120000Z"
        ) from None


def _time(origin: Origin | None, date: Callable[[Origin], datetime | None]) -> str:
    made = date(origin) if origin else None
    return made.strftime(TIME) if made else ""


def _stanza(package: Package, added: Mapping[str, str]) -> bytes:
    """A package's stanza, with fields of the lock's own at its end, those that are not empty."""
    dropped = DROPPED.union(map(str.lower, added))
    dropped -= {field_of(package.checksum).lower()}
    lines = [field for name, field in package.raw_fields() if name not in dropped]
    lines += [f"{name}: {value}".encode() for name, value in added.items() if value]
    return b"\n".join(lines) + b"\n"


def _check(package: Package) -> None:
    """Refuse what no archive would say of a package, before anybody relies on it."""
    if len(package.name) > MAX_NAME or package.name in RESERVED_NAMES:
        raise LockfileError(
            f"{package.where}: a package cannot be called {package.name[:60]!r} here: names have "
            f"{MAX_NAME} characters at most, and are none of Bazel's own files"
        )
    if not any(is_checksum(package.checksum, field) for field in FIELDS.values()):
        raise LockfileError(
            f"{package.where}: {package} has neither SHA256 nor SHA512 in its archive's index; ask "
            "whoever runs the archive to add it"
        )
    if not re.fullmatch("[0-9]{1,15}", package.get("Size")):
        raise LockfileError(f"{package.where}: {package}: Size: {package.get('Size')!r} is no size")
    filename = package.get("Filename")
    if not filename or filename.startswith("/") or ".." in filename.split("/"):
        raise LockfileError(
            f"{package.where}: {package}: Filename: {filename!r} is not a path inside the archive"
        )
