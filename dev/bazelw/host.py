"""The machine and the user that bazelw runs for: places, files, messages."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path


class BazelwError(Exception):
    """Something that the user has to see to; its text says what."""


def say(text: str) -> None:
    """Tell the user; never on stdout, which is Bazel's."""
    print(f"bazelw: {text}", file=sys.stderr, flush=True)


def user_name() -> str:
    """The present user's name, or a made-up one for a user without a name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user{os.getuid()}"


def home_directory(environment: Mapping[str, str]) -> Path:
    """HOME, or what the user database has, if it can be written to; else a directory in /tmp.

    Raises:
        BazelwError: Somebody else has the directory in /tmp.
    """
    with contextlib.suppress(KeyError):
        for name in (environment.get("HOME", ""), pwd.getpwuid(os.getuid()).pw_dir):
            if name.startswith("/") and os.access(name, os.W_OK | os.X_OK) and Path(name).is_dir():
                return Path(name)
    home = Path(f"/tmp/apt2ostree-{os.getuid()}")
    with contextlib.suppress(FileExistsError):
        home.mkdir(mode=0o700)
    status = home.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o170077 != 0o040000:
        raise BazelwError(f"{home} is not a directory of yours alone; set HOME")
    return home


def cache_directory(environment: Mapping[str, str]) -> Path:
    """Where private roots and what belongs to them are kept."""
    chosen = environment.get("APT2OSTREE_CACHE", "")
    if chosen:
        return Path(chosen).absolute()
    xdg = environment.get("XDG_CACHE_HOME", "")
    base = Path(xdg) if xdg.startswith("/") else home_directory(environment) / ".cache"
    return base / "apt2ostree"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file, and its directories, so that nobody sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)


def remove(*trees: Path) -> None:
    """Remove directory trees, but nothing that may be mounted in them.

    Tries again for some seconds: processes that just got their end may still write there.
    """
    command = ["rm", "-rf", "--one-file-system", "--", *map(str, trees)]
    for patience in range(10):
        if not any(tree.exists() for tree in trees):
            return
        time.sleep(patience / 10)
        subprocess.run(command, stderr=subprocess.DEVNULL, check=False)
    if any(tree.exists() for tree in trees):
        say(f"cannot remove all of {', '.join(map(str, trees))}")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold a lock file; says so when it has to wait for somebody else."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another bazelw, which is making the private root")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
