"""Temporary directories in a repo's `tmp/`, which their maker holds a lock on.

What somebody's killed import has left is known by its lock being free, and removed.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "apt2ostree-"


def make(parent: Path) -> tuple[Path, int]:
    """Make a locked temporary directory; remove those whose maker was killed.

    Returns:
        The directory, and the descriptor that holds the lock on it.
    """
    parent.mkdir(exist_ok=True)
    for stale in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # locked: in use by another import
            descriptor = _lock(stale)
            # With the lock: its maker may be between making and locking it.
            shutil.rmtree(stale, ignore_errors=True)
            os.close(descriptor)
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        # Between the two calls another process may take it for stale and remove it, lock in hand.
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            descriptor = _lock(path)
            if path.exists():
                return path, descriptor
            os.close(descriptor)


def _lock(directory: Path) -> int:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def sync(directory: Path) -> None:
    """Write everything of the directory's file system to disk: syncfs(2), one call for all."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(descriptor):
            raise OSError(ctypes.get_errno(), "syncfs failed", str(directory))
    finally:
        os.close(descriptor)
