"""Directory trees, to compare those that different tools wrote."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path


def listing(root: Path) -> dict[str, tuple[str, str, str]]:
    """Path → type, permissions, and content: a file's checksum, a symlink's target.

    Without setuid and its like, which an ordinary user's copy has not.
    """
    found = {}
    for path in sorted(root.rglob("*")):
        mode = path.lstat().st_mode
        permissions = "" if path.is_symlink() else f"{mode & 0o777:o}"
        content = ""
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(root))] = (stat.filemode(mode)[0], permissions, content)
    return found


def differences(one: Path, other: Path) -> list[str]:
    """What is not the same in both, a line each, as few as a test's log can bear."""
    first, second = listing(one), listing(other)
    return [
        f"{path}: {first.get(path)}, {second.get(path)}"
        for path in sorted(first.keys() | second.keys())
        if first.get(path) != second.get(path)
    ][:50]
