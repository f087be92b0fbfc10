"""The real tools that judge ours. Where one is missing, its tests are skipped aloud."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Sequence
from pathlib import Path


class ScratchTest(unittest.TestCase):
    """A test with a directory of its own, `self.scratch`."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(directory.cleanup)
        self.scratch = Path(directory.name)


def skip_aloud(case: unittest.TestCase, reason: str) -> None:
    """Skip, and say so where Bazel's log shows it."""
    print(f"SKIPPED {case.id()}: {reason}", file=sys.stderr)
    case.skipTest(reason)


def need(case: unittest.TestCase, *programs: str) -> None:
    """Skip unless the programs are there."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        skip_aloud(case, f"no {', '.join(missing)} here")


def run(*command: str | Path, cwd: Path | None = None, check: bool = True) -> str:
    """Run a tool; return what it printed on both outputs."""
    result = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    text = result.stdout.decode("utf-8", "surrogateescape")
    if check and result.returncode:
        raise AssertionError(f"{command} exited with {result.returncode}:\n{text}")
    return text


def ostree(repo: Path, verb: str, *arguments: str | Path, check: bool = True) -> str:
    """Run an `ostree` command on a repo."""
    return run("ostree", verb, f"--repo={repo}", *arguments, check=check)


def tar_checksums(scratch: Path, tar: bytes, *options: str) -> tuple[str, str]:
    """What `ostree commit --tree=tar=` makes of an archive: root dirtree and dirmeta.

    Raises:
        AssertionError: ostree refuses it; the text has its words.
    """
    repo, archive = scratch / "judge", scratch / "judge.tar"
    if not repo.exists():
        ostree(repo, "init", "--mode=bare-user")
        with (repo / "config").open("a", encoding="utf-8") as config:
            config.write("fsync=false\n")
    archive.write_bytes(tar)
    ostree(repo, "commit", "--branch=judge", f"--tree=tar={archive}", *options)
    _mode, _uid, _gid, _size, tree, meta, _path = ostree(repo, "ls", "-dC", "judge", "/").split()
    return tree, meta


def in_namespace(script: str, *arguments: str | Path) -> Sequence[str]:
    """A command that runs a shell script as root of a mount namespace of its own."""
    return ["unshare", "-rm", "sh", "-euc", script, "sh", *map(str, arguments)]
