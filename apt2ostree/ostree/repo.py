"""Writing into OSTree repositories without libostree.

Layout: `config`, `objects/ab/cdef….TYPE`, `refs/heads/REF`, `tmp/`; how a content object
is kept depends on the repo's mode, see `object_files.py`.

Objects are written under a temporary name in `tmp/`, synced to disk together, moved into
place, and only then the ref is written: whenever this is killed, the repo is whole.
Sources: libostree's "Repository anatomy", and ostree-repo-commit.c's observable behaviour.
"""

from __future__ import annotations

import configparser
import contextlib
import errno
import fcntl
import hashlib
import io
import os
import re
import shutil
import struct
import sys
import time
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from apt2ostree import processes
from apt2ostree.errors import UserError
from apt2ostree.ostree import free_space, object_files, objects, staging
from apt2ostree.ostree.free_space import FreeSpace
from apt2ostree.ostree.object_files import DEFAULT_ZLIB_LEVEL, MODES
from apt2ostree.ostree.objects import Commit
from apt2ostree.ostree.objects_tar import Location

CHUNK = 1 << 18
_REF_COMPONENT = r"[A-Za-z0-9_][-._A-Za-z0-9_]*"
_REF = re.compile(f"{_REF_COMPONENT}(/{_REF_COMPONENT})*")
_F_OFD_SETLK = 37
_F_OFD_SETLKW = 38
DEFAULT_LOCK_TIMEOUT = 300
"""Seconds that libostree waits for a lock."""
BATCH_OBJECTS = 64
BATCH_BYTES = 1 << 22
_FLOCK = struct.Struct("hhqqi4x")


def _lock_shared(descriptor: int, wait: bool) -> None:
    if sys.platform == "linux":
        request = _FLOCK.pack(fcntl.F_RDLCK, 0, 0, 0, 0)
        fcntl.fcntl(descriptor, _F_OFD_SETLKW if wait else _F_OFD_SETLK, request)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_SH if wait else fcntl.LOCK_SH | fcntl.LOCK_NB)


@dataclass
class Written:
    """What a transaction put into the repo.

    Attributes:
        content: content objects (files and symlinks).
        metadata: dirtree, dirmeta and commit objects.
        content_bytes: bytes of the content objects' streams, before any compression.
    """

    content: int = 0
    metadata: int = 0
    content_bytes: int = 0

    def count(self, type_: str, size: int) -> None:
        """Count an object of `size` bytes."""
        if type_ == "file":
            self.content += 1
            self.content_bytes += size
        else:
            self.metadata += 1

    def add(self, other: Written) -> None:
        """Count what another has counted."""
        self.content += other.content
        self.metadata += other.metadata
        self.content_bytes += other.content_bytes


class Repo:
    """An OSTree repository on disk.

    Args:
        path: the repo's directory.
        children: those whose parent it is, directly or not.

    Raises:
        UserError: there is none, its mode is not one of `MODES`, or it is its own parent.
    """

    def __init__(self, path: Path, children: Collection[Path] = ()) -> None:
        self.path = path
        config = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            with (path / "config").open(encoding="utf-8") as file:
                config.read_file(file)
        except FileNotFoundError:
            raise UserError(
                f"{path}: no OSTree repo there; make one with "
                f"`ostree init --repo={path} --mode=archive`"
            ) from None
        except (NotADirectoryError, IsADirectoryError):
            raise UserError(f"{path}: not an OSTree repo") from None
        except (configparser.Error, UnicodeDecodeError) as error:
            raise UserError(f"{path / 'config'}: {error}") from error
        mode = config.get("core", "mode", fallback="bare")
        self.mode = "archive" if mode == "archive-z2" else mode
        if self.mode not in MODES:
            raise UserError(f"{path}: repo mode {mode!r}; expected one of {', '.join(MODES)}")
        level = config.get("archive", "zlib-level", fallback=str(DEFAULT_ZLIB_LEVEL))
        self.zlib_level = int(level) if level.isdigit() and int(level) < 10 else DEFAULT_ZLIB_LEVEL
        self.fsync = config.get("core", "fsync", fallback="true").lower() != "false"
        self.collection_id = config.get("core", "collection-id", fallback="")
        self.updates_summary = any(
            config.get("core", key, fallback="false").lower() == "true"
            for key in ("auto-update-summary", "commit-update-summary")
        )
        core = dict(config["core"]) if config.has_section("core") else {}
        try:
            self.reserve = free_space.parse(core)
        except UserError as error:
            raise UserError(f"{path / 'config'}: {error}") from None
        timeout = config.get("core", "lock-timeout-secs", fallback="")
        self.lock_timeout = int(timeout) if timeout.lstrip("-").isdigit() else DEFAULT_LOCK_TIMEOUT
        parent = config.get("core", "parent", fallback="")
        known = {*children, path.resolve()}
        if parent and (path / parent).resolve() in known:
            raise UserError(
                f"{path / 'config'}: parent {parent!r}: the repo would be its own parent"
            )
        self.parent = Repo(path / parent, known) if parent else None

    def object_path(self, name: str) -> Path:
        """Where `CHECKSUM.TYPE` is kept, `file` being `filez` in an archive repo."""
        suffix = "z" if self.mode == "archive" and name.endswith(".file") else ""
        return self.path / "objects" / name[:2] / (name[2:] + suffix)

    def has(self, name: str) -> bool:
        """Whether the object `CHECKSUM.TYPE` is there, or in the repo that is this one's parent."""
        return os.path.lexists(self.object_path(name)) or (
            self.parent is not None and self.parent.has(name)
        )

    def read_metadata(self, name: str) -> bytes:
        """Return a `dirtree`, `dirmeta` or `commit` object.

        Raises:
            UserError: it is not there, or not what its name says.
        """
        checksum, _, type_ = name.partition(".")
        try:
            data = self.object_path(name).read_bytes()
        except FileNotFoundError:
            if self.parent is not None:
                return self.parent.read_metadata(name)
            raise UserError(
                f"{self.path}: the repo has no {type_} object {checksum}: pull it whole first"
            ) from None
        if objects.checksum(data) != checksum:
            raise UserError(f"{self.path}: object {name} is corrupt; `ostree fsck` says more")
        return data

    def read_commit(self, checksum: str) -> Commit:
        """Return a commit."""
        return objects.parse_commit(self.read_metadata(f"{checksum}.commit"))

    def resolve(self, ref: str) -> str | None:
        """The commit that a ref points to, or `None`.

        Raises:
            UserError: what the ref holds is no checksum.
        """
        path = self.path / "refs" / "heads" / check_ref(ref)
        try:
            text = path.read_text("ascii", errors="replace").strip()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        if not re.fullmatch("[0-9a-f]{64}", text):
            raise UserError(f"{path}: not the checksum of a commit: the repo is broken")
        return text

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Write objects and refs: all of them when the block ends, none if it fails."""
        try:
            with self._shared_lock():
                transaction = Transaction(self)
                try:
                    yield transaction
                    transaction.commit()
                finally:
                    transaction.clean_up()
        except OSError as error:
            raise UserError(_explain(error, self.path)) from error

    @contextlib.contextmanager
    def _shared_lock(self) -> Iterator[None]:
        """Keep `ostree prune` out, the way libostree does: an OFD lock on `.lock`.

        Those are Linux's; elsewhere, as on macOS, libostree takes flock(2), and so is it here.
        """
        descriptor = os.open(self.path / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o660)
        try:
            self._wait_for_lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _wait_for_lock(self, descriptor: int) -> None:
        """Wait as long as the repo's `lock-timeout-secs` says; -1 is forever."""
        if self.lock_timeout < 0:
            _lock_shared(descriptor, wait=True)
            return
        end = time.monotonic() + self.lock_timeout
        while True:
            try:
                _lock_shared(descriptor, wait=False)
                return
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise UserError(
                        f"{self.path}: locked by another process (such as `ostree prune`) for "
                        f"{self.lock_timeout} s; try again when it is done"
                    ) from None
                time.sleep(0.1)


@dataclass
class Staged:
    """Objects that were written to a temporary directory.

    Attributes:
        paths: name → where it is.
        written: the same, counted.
        taken: bytes of the disk that the content objects have.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    written: Written = field(default_factory=Written)
    taken: int = 0

    def add(self, other: Staged) -> None:
        """Have what another has, too."""
        self.paths.update(other.paths)
        self.written.add(other.written)
        self.taken += other.taken


class _Stage:
    """Writes objects to a temporary directory, each in the repo's own form.

    Args:
        repo: where they are to go.
        directory: where they are until then.
        space: what the repo may still take.
        taken: bytes of it that others' objects have.

    Attributes:
        staged: what was written.
    """

    def __init__(self, repo: Repo, directory: Path, space: FreeSpace, taken: int = 0) -> None:
        self._repo, self._directory, self._space, self._others = repo, directory, space, taken
        self.staged = Staged()

    def add_batch(self, batch: Sequence[tuple[str, Location]]) -> Staged:
        """Write objects of objects tars, on no account but the result's: see `map_forked`."""
        # Of its own: who makes files in one directory waits for the others that do.
        directory = self._directory / str(os.getpid())
        directory.mkdir(exist_ok=True)
        part = _Stage(self._repo, directory, self._space, self._others + self.staged.taken)
        with contextlib.ExitStack() as stack:
            files: dict[Path, BinaryIO] = {}
            for name, location in batch:
                file = files.get(location.path)
                if file is None:
                    file = stack.enter_context(location.path.open("rb"))
                    files[location.path] = file
                file.seek(location.offset)
                part.add_object(name, file, location.size)
        return part.staged

    def add_object(self, name: str, source: BinaryIO, size: int) -> None:
        """See `Transaction.add_object`."""
        if name in self.staged.paths or self._repo.has(name):
            return
        checksum, _, type_ = name.partition(".")
        if type_ == "file":
            digest = self._add_file(name, source, size)
        else:
            data = source.read(size)
            digest = objects.checksum(data)
            self.add_metadata(name, data)
        if digest != checksum:
            raise UserError(
                f"object {name} has the checksum {digest}: a file of the build was changed, or a "
                "cache gave a wrong one; build it again"
            )
        self.staged.written.count(type_, size)

    def add_metadata(self, name: str, data: bytes) -> None:
        """Write an object that is kept as it is."""
        path = self._new_path(name)
        path.write_bytes(data)
        path.chmod(0o644)

    def add_others(self, staged: Staged) -> None:
        """Have what `add_batch` has written, too.

        Raises:
            UserError: all in all it is too much for the disk.
        """
        self.staged.add(staged)
        self._space.check(self._others + self.staged.taken)

    def _add_file(self, name: str, source: BinaryIO, size: int) -> str:
        """Write a content object; return its checksum."""
        start = source.read(min(size, CHUNK))
        header, offset = objects.parse_file_header(start)
        digest = hashlib.sha256(start)
        content = _Tee(digest, source, size - len(start))
        path = self._new_path(name)
        chunks = _prepend(start[offset:], content)
        repo = self._repo
        if repo.mode != "archive":
            self._take(size - offset)
        try:
            object_files.write(path, repo.mode, header, size - offset, chunks, repo.zlib_level)
        except UserError as error:
            raise UserError(f"object {name}: {error}") from None
        if repo.mode == "archive":  # only now it is known what deflating has made of it
            self._take(path.stat().st_size)
        for _ in chunks:
            pass  # of a symlink, or what is wrongly there, for the checksum alone
        return digest.hexdigest()

    def _take(self, size: int) -> None:
        self.staged.taken += size
        self._space.check(self._others + self.staged.taken)

    def _new_path(self, name: str) -> Path:
        path = self.staged.paths[name] = self._directory / name
        return path


class Transaction:
    """Objects and refs on their way into a repo; made by `Repo.transaction`."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._refs: dict[str, tuple[str, str | None]] = {}
        space = FreeSpace(repo.path, repo.reserve)
        self._directory, self._lock = staging.make(repo.path / "tmp")
        self._stage = _Stage(repo, self._directory, space)
        self._adding: Generator[Staged, None, None] = (_ for _ in ())

    @property
    def written(self) -> Written:
        """What was added so far."""
        return self._stage.staged.written

    def add_objects(self, found: Iterable[tuple[str, Location]]) -> Iterator[str]:
        """Add objects, by as many processes as there are processors; yield each name when done.

        Args:
            found: `CHECKSUM.TYPE`, and where in an objects tar it is.

        Raises:
            UserError: see `add_object`.
        """
        known = self._stage.staged.paths
        new = {name: location for name, location in found if name not in known}
        batches = list(_batches(new.items()))
        self._adding = processes.map_forked(self._stage.add_batch, batches, processes.available())
        for added in self._adding:
            self._stage.add_others(added)
            yield from added.paths

    def add_object(self, name: str, source: BinaryIO, size: int) -> None:
        """Add an object, verified against its name, unless the repo has it.

        Args:
            name: `CHECKSUM.TYPE`.
            source: a file, positioned where the object's bytes start.
            size: how many they are; of a content object, header included.

        Raises:
            UserError: its checksum is not its name.
        """
        self._stage.add_object(name, source, size)

    def add_metadata(self, type_: str, data: bytes) -> str:
        """Add a metadata object that was made just now; return its checksum."""
        checksum = objects.checksum(data)
        self.add_object(f"{checksum}.{type_}", io.BytesIO(data), len(data))
        return checksum

    def add_detached_metadata(self, commit: str, data: bytes) -> None:
        """Set a commit's detached metadata (`a{sv}`), its signatures among them."""
        self._stage.add_metadata(f"{commit}.commitmeta", data)

    def set_ref(self, ref: str, checksum: str, before: str | None = None) -> None:
        """Point a ref at a commit when the transaction is through.

        Args:
            ref: its name.
            checksum: of the commit.
            before: the commit that the ref has to point to until then (empty: no such ref),
                if that matters.
        """
        self._refs[check_ref(ref)] = checksum, before

    def commit(self) -> None:
        """Sync, move the objects into place, then write the refs.

        Raises:
            UserError: a ref is not where `set_ref` expected it; none is written then.
        """
        if self._repo.fsync:
            staging.sync(self._directory)
        directories = set()
        # Commits last: until then nothing refers to the objects, so that a repo in which only
        # some are in place when this is killed is as good as before.
        staged = self._stage.staged.paths
        for name, path in sorted(staged.items(), key=lambda item: item[0].endswith("commit")):
            target = self._repo.object_path(name)
            if target.parent not in directories:
                target.parent.mkdir(parents=True, exist_ok=True)
                directories.add(target.parent)
            path.rename(target)
        if self._repo.fsync and staged:
            staging.sync(self._directory)
        with self._refs_lock():
            for ref, (_, before) in self._refs.items():
                self._check_ref_unmoved(ref, before)
            for ref, (checksum, _) in self._refs.items():
                # What libostree leaves for a commit whose pull was interrupted.
                (self._repo.path / "state" / f"{checksum}.commitpartial").unlink(missing_ok=True)
                self._write_ref(ref, checksum)
        os.utime(self._repo.path)  # tells processes that have the repo open, as libostree does

    @contextlib.contextmanager
    def _refs_lock(self) -> Iterator[None]:
        """Keep other imports from moving refs between the check and the writing."""
        heads = self._repo.path / "refs" / "heads"
        heads.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(heads, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _check_ref_unmoved(self, ref: str, before: str | None) -> None:
        now = self._repo.resolve(ref) or ""
        if before is not None and now != before:
            raise moved(ref, before, now)

    def clean_up(self) -> None:
        """Remove what is left of the temporary files, and end who still writes some."""
        self._adding.close()
        shutil.rmtree(self._directory, ignore_errors=True)
        os.close(self._lock)

    def _write_ref(self, ref: str, checksum: str) -> None:
        target = self._repo.path / "refs" / "heads" / ref
        temporary = self._directory / "ref"
        with temporary.open("w", encoding="ascii") as file:
            file.write(f"{checksum}\n")
            file.flush()
            if self._repo.fsync:
                os.fsync(file.fileno())
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.rename(target)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise UserError(
                f"ref {ref}: another ref of the repo is a part of its name, or it of the other's"
            ) from None


def moved(ref: str, expected: str, found: str) -> UserError:
    """The error for a ref that is not where it was expected."""
    return UserError(
        f"branch {ref} moved meanwhile: expected it at {expected or 'no commit'}, found it at "
        f"{found or 'no commit'}; nothing was committed. Look at what is there, and commit again"
    )


def _batches(found: Iterable[tuple[str, Location]]) -> Iterator[list[tuple[str, Location]]]:
    """Group objects so that a batch is worth handing to a process."""
    batch: list[tuple[str, Location]] = []
    size = 0
    for name, location in found:
        batch.append((name, location))
        size += location.size
        if len(batch) >= BATCH_OBJECTS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Tee:
    """The rest of an object's stream, hashed while it is read."""

    def __init__(self, digest: hashlib._Hash, source: BinaryIO, left: int) -> None:
        self._digest, self._source, self._left = digest, source, left

    def __iter__(self) -> Iterator[bytes]:
        while self._left:
            data = self._source.read(min(self._left, CHUNK))
            if not data:
                raise UserError("truncated objects tar; build it again")
            self._left -= len(data)
            self._digest.update(data)
            yield data


def _prepend(first: bytes, rest: _Tee) -> Iterator[bytes]:
    yield first
    yield from rest


def create(path: Path, mode: str) -> Repo:
    """Make an empty repo.

    Args:
        path: a directory that does not exist, or is empty.
        mode: one of `MODES`.
    """
    for name in ("objects", "refs/heads", "refs/mirrors", "refs/remotes", "state", "tmp"):
        (path / name).mkdir(parents=True, exist_ok=True)
    name = "archive-z2" if mode == "archive" else mode
    (path / "config").write_text(f"[core]\nrepo_version=1\nmode={name}\n", encoding="ascii")
    return Repo(path)


def check_ref(ref: str) -> str:
    """Return a ref's name if libostree would take it.

    Raises:
        UserError: it would not: components are letters, digits, `-`, `_` and `.`, not
            starting with `.` or `-`, joined by single slashes.
    """
    if not _REF.fullmatch(ref):
        raise UserError(
            f"ref {ref!a}: expected letters, digits, '-', '_' and '.' between single slashes"
        )
    return ref


def _explain(error: OSError, repo: Path) -> str:
    """Say what an operating system error means for somebody who writes into a repo."""
    where = error.filename or repo
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{repo}: no space left on the disk; nothing was changed in the repo. Free some "
            "(`ostree prune` removes what no ref needs) and run it again"
        )
    if error.errno in (errno.EROFS, errno.EACCES):
        return f"{where}: {error.strerror}; nothing was changed in the repo: it must be writable"
    if error.errno in (errno.EPERM, errno.EINVAL):
        # The latter is chown(2)'s in a user namespace that has no such user.
        return (
            f"{where}: {error.strerror}: a bare repo holds owners and modes themselves, which "
            "needs root; use a repo of mode bare-user or archive"
        )
    if error.errno == errno.EOPNOTSUPP:
        return (
            f"{where}: the file system has no extended attributes, which a bare-user repo "
            "needs; use another file system, or a repo of mode archive"
        )
    return f"{where}: {error.strerror}; nothing was changed in the repo"
