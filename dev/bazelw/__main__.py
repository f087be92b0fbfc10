"""Run Bazel in the current workspace, also on a machine where Bazel cannot be had.

Usage: tools/bazelw [BAZEL ARGUMENTS...]
       tools/bazelw --bazelw-exec COMMAND [ARGUMENTS...]
       tools/bazelw --bazelw-help

Every argument goes to Bazel, and Bazel's exit code comes back. Which Bazel:

1. The one in APT2OSTREE_BAZEL, if that is set to a path.
2. `bazel` or `bazelisk` on PATH, if it is 7.1 or newer and reaches the registries that this
   workspace's modules come from. The answer is remembered for a day.
3. Otherwise a private Debian system with Bazel in it, made once (about 90 seconds, 2.4 GB)
   with mmdebstrap from the Debian mirror that this machine's apt uses, and entered with bubblewrap.
   Nothing is installed into this machine but mmdebstrap and bubblewrap themselves, and those
   only by root. All directories of this machine but the system's own (/usr, /etc, /var, ...)
   are seen in it under the same paths. `--bazelw-exec` runs another command in there.

Environment:
  APT2OSTREE_BAZEL     a path: use this Bazel, unchecked; "private": always the private system
  APT2OSTREE_CACHE     where the private system and what Bazel makes in it are kept
                       (default: $XDG_CACHE_HOME/apt2ostree or ~/.cache/apt2ostree)
  APT2OSTREE_MIRROR    the Debian mirror to make the private system from
  APT2OSTREE_MIRRORS   FROM=TO[,FROM=TO...]: where the lockfiles' archives are downloaded from.
                       If unset, the archives of Debian are mapped to this machine's mirror.
  BUILDOZER            a path, not of a system directory: what `mod tidy` edits MODULE.bazel with
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

if __name__ == "__main__":
    # Run by path, isolated from the user's own Python packages.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dev.bazelw.apt_sources import apt_sources, mirror_map
from dev.bazelw.host import BazelwError, cache_directory, home_directory, say
from dev.bazelw.own_bazel import find_workspace, own_bazel
from dev.bazelw.private_root import ROOT, private_root
from dev.bazelw.sandbox import enter


def _exit_on_signal(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def main(arguments: Sequence[str]) -> int:
    """Do what the module's docstring says."""
    if arguments[:1] == ["--bazelw-help"]:
        print((__doc__ or "").strip())
        return 0
    signal.signal(signal.SIGTERM, _exit_on_signal)
    signal.signal(signal.SIGHUP, _exit_on_signal)
    environment = {**os.environ, "HOME": str(home_directory(os.environ))}
    mirrors = mirror_map(apt_sources(Path("/etc/apt")))
    if mirrors:
        environment.setdefault("APT2OSTREE_MIRRORS", mirrors)
    cache = cache_directory(environment)
    command = ["bazel", *arguments]
    if arguments[:1] == ["--bazelw-exec"]:
        command = list(arguments[1:]) or ["/bin/bash"]
    else:
        bazel = own_bazel(environment, cache, find_workspace(Path.cwd()))
        if bazel:
            os.execve(bazel, [bazel, *arguments], environment)
    environment["APT2OSTREE_CACHE"] = str(cache)
    return enter(private_root(cache, ROOT, environment), cache, environment, command)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BazelwError as error:
        say(f"error: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
