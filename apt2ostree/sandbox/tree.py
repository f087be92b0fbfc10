"""A directory tree that others have written, opened by descriptors alone.

A path means what it says: no symlink on the way, and none at its end, is followed. Where a
program inside would follow some, as to `/bin/sh`, they are followed as if the tree were the root.
Either way nothing outside is reached, whatever the tree holds, and whoever changes it meanwhile.
Sources: openat2(2), path_resolution(7), symlink(7).
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from apt2ostree.errors import UserError
from apt2ostree.sandbox import linux

MAX_TEXT = 256 << 20
"""Bytes that a file which is read at once may have."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_EXACTLY = linux.RESOLVE_IN_ROOT | linux.RESOLVE_NO_SYMLINKS | linux.RESOLVE_NO_XDEV
_AS_INSIDE = linux.RESOLVE_IN_ROOT | linux.RESOLVE_NO_XDEV


class Tree:
    """A tree; paths are relative to it, and surrogates stand for bytes that are not UTF-8.

    Args:
        root: its directory.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def __enter__(self) -> Tree:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._root)

    def open(self, path: str, flags: int = os.O_PATH | os.O_NOFOLLOW, mode: int = 0) -> int:
        """Open what the path names, which no symlink leads to; return the descriptor.

        Raises:
            UserError: the path is longer than the kernel takes.
            OSError: ENOENT, ELOOP for a symlink on the way, …
        """
        return self._open(path, flags, mode, _EXACTLY)

    @contextlib.contextmanager
    def opened(self, path: str, flags: int = os.O_PATH | os.O_NOFOLLOW) -> Iterator[int]:
        """`open`, for as long as the block runs."""
        descriptor = self.open(path, flags)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def found(self, path: str) -> Iterator[int]:
        """A descriptor (O_PATH) of what a program inside finds at a path, symlinks followed."""
        descriptor = self._open(path, os.O_PATH, 0, _AS_INSIDE)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def above(self, path: str) -> Iterator[tuple[int, str]]:
        """The directory that a program inside finds a path's last component in, and its name."""
        directory, _, name = path.strip("/").rpartition("/")
        if name == "..":  # which the kernel would look for in the directory of the machine
            raise UserError(f"{path}: expected a path of the image that does not end in '..'")
        descriptor = self._open(directory, os.O_PATH | os.O_DIRECTORY, 0, _AS_INSIDE)
        try:
            yield descriptor, name or "."
        finally:
            os.close(descriptor)

    def exists(self, path: str) -> bool:
        """Whether there is anything, be it a symlink that leads nowhere."""
        try:
            with self.above(path) as (directory, name):
                os.lstat(name, dir_fd=directory)
        except OSError:
            return False
        return True

    def real(self, path: str) -> str:
        """A path, relative to the tree, with no symlink on the way to its last component.

        Raises:
            OSError: the directory is not there.
        """
        with self.above(path) as (directory, name):
            return os.path.relpath(f"{_place(directory)}/{name}", _place(self._root))

    def place(self, path: str) -> str:
        """Where on the machine that is which a program inside finds at a path.

        Only for as long as nobody else can write to the tree.

        Raises:
            OSError: it is not there.
        """
        with self.found(path) as descriptor:
            return _place(descriptor)

    def rename(self, source: str, target: str) -> None:
        """rename(2); symlinks are followed up to the last components."""
        with self.above(source) as (one, old), self.above(target) as (other, new):
            os.rename(old, new, src_dir_fd=one, dst_dir_fd=other)

    def scan(self, path: str) -> Iterator[os.DirEntry[str]]:
        """Yield what is in a directory."""
        with self.opened(path, _DIRECTORY) as descriptor, os.scandir(descriptor) as entries:
            yield from entries

    def read(self, path: str) -> bytes:
        """The content of the file that a program inside finds at a path.

        Raises:
            FileNotFoundError: it is not there.
            UserError: it is no regular file, or too large.
        """
        try:
            with self.found(path) as descriptor:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_TEXT:
                    raise UserError(
                        f"/{path}: expected a file of at most {MAX_TEXT:,} bytes, and a script "
                        "has left something else"
                    )
                with open(link(descriptor), "rb") as file:
                    return file.read(MAX_TEXT)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                raise FileNotFoundError(error.errno, "no such file", f"/{path}") from None
            raise UserError(f"/{path}: expected a file: {error.strerror}") from None

    def read_text(self, path: str) -> str:
        """`read`, as text."""
        return self.read(path).decode("utf-8", "surrogateescape")

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Make a file anew in the directory that a program inside finds."""
        with self.above(path) as (directory, name):
            put(directory, name, content, mode)

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        """Make a directory anew in the one that a program inside finds."""
        self.remove(path)
        with self.above(path) as (directory, name):
            os.mkdir(name, 0o700, dir_fd=directory)
            made = _open_directory(name, directory)
            os.fchmod(made, mode)
            os.close(made)

    def remove(self, path: str) -> None:
        """Remove what a path names, and all that is in it, if it is there."""
        with self.above(path) as (directory, name), contextlib.suppress(FileNotFoundError):
            _remove(name, directory)

    def _open(self, path: str, flags: int, mode: int, resolve: int) -> int:
        try:
            name = os.fsencode(path) or b"."
            return linux.open_in_root(self._root, name, flags | os.O_CLOEXEC, mode, resolve)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise UserError(
                    f"/{path[:60]}…: a path of more than 4095 bytes, which no program can open"
                ) from None
            raise


def link(descriptor: int) -> str:
    """A path that leads to what a descriptor is open on, for calls that take no descriptor."""
    return f"/proc/self/fd/{descriptor}"


def put(directory: int, name: str, content: bytes, mode: int = 0o644) -> None:
    """Make a file anew in a directory, a descriptor of which is given."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o600, dir_fd=directory)
    with open(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(descriptor, mode)


def remove(root: Path) -> None:
    """Remove a directory and all that is in it, to whatever depth, however it is closed."""
    _remove(str(root), None)


def _remove(name: str, above: int | None) -> None:
    if not stat.S_ISDIR(os.lstat(name, dir_fd=above).st_mode):
        os.unlink(name, dir_fd=above)
        return
    top = _open_directory(name, above)
    try:
        numbers = itertools.count()
        while True:
            names = os.listdir(top)
            if not names:
                break
            for below in names:
                _flatten(below, top, numbers)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=above)


def _flatten(name: str, top: int, numbers: Iterator[int]) -> None:
    """Remove what a name in a directory names; the directories in it come up into that one.

    So that it takes no more descriptors, and no longer paths, the deeper they are.
    """
    if not stat.S_ISDIR(os.lstat(name, dir_fd=top).st_mode):
        os.unlink(name, dir_fd=top)
        return
    directory = _open_directory(name, top)
    try:
        for below in os.listdir(directory):
            if not stat.S_ISDIR(os.lstat(below, dir_fd=directory).st_mode):
                os.unlink(below, dir_fd=directory)
                continue
            # Only who may write to a directory can move it: its `..` changes.
            os.close(_open_directory(below, directory))
            free = (f"{number:x}" for number in numbers if not _exists(f"{number:x}", top))
            os.rename(below, next(free), src_dir_fd=directory, dst_dir_fd=top)
    finally:
        os.close(directory)
    os.rmdir(name, dir_fd=top)


def _exists(name: str, directory: int) -> bool:
    try:
        os.lstat(name, dir_fd=directory)
    except FileNotFoundError:
        return False
    return True


def _open_directory(name: str, above: int | None) -> int:
    """Open a directory, and let ourselves into it if it is closed to us."""
    descriptor = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
    try:
        if os.fstat(descriptor).st_mode & 0o700 != 0o700:
            os.chmod(link(descriptor), 0o700)
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor)
    finally:
        os.close(descriptor)


def _place(descriptor: int) -> str:
    return os.readlink(link(descriptor))
