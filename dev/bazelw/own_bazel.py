"""Whether the user's own Bazel serves a workspace."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from dev.bazelw.host import BazelwError, say, write_atomically

OLDEST_BAZEL = (7, 1)
REMEMBER_SECONDS = 24 * 3600


def bazel_version(text: str) -> tuple[int, int] | None:
    """The version in what `bazel --version` prints, as in `bazel 7.7.1`; None for anything else."""
    match = re.search(r"^bazel (\d+)\.(\d+)", text, re.MULTILINE)
    return (int(match[1]), int(match[2])) if match else None


def registry_is_unreachable(stderr: str) -> bool:
    """Whether Bazel failed because it could not reach a registry, not by a fault of the user's."""
    return "Error accessing registry" in stderr or "Failed to fetch registry file" in stderr


def find_workspace(directory: Path) -> Path | None:
    """The Bazel workspace that directory is in, found as Bazel finds it."""
    markers = ("MODULE.bazel", "REPO.bazel", "WORKSPACE.bazel", "WORKSPACE")
    for candidate in (directory, *directory.parents):
        if any((candidate / marker).is_file() for marker in markers):
            return candidate
    return None


def own_bazel(environment: Mapping[str, str], cache: Path, workspace: Path | None) -> str | None:
    """The user's Bazel if it serves this workspace, else None.

    Raises:
        BazelwError: APT2OSTREE_BAZEL names no program.
    """
    chosen = environment.get("APT2OSTREE_BAZEL", "")
    if chosen == "private":
        return None
    if chosen:
        program = shutil.which(chosen)
        if program is None:
            raise BazelwError(
                f"APT2OSTREE_BAZEL={chosen} is not a program; give the path of a Bazel, or unset it"
            )
        return program
    bazelw = Path(__file__).resolve().parents[2] / "tools/bazelw"
    for name in ("bazel", "bazelisk"):
        program = shutil.which(name)
        if program is None or Path(program).resolve() == bazelw:
            continue
        if not _remembered_fault(program, cache, workspace, environment):
            return program
    return None


def _remembered_fault(
    program: str, cache: Path, workspace: Path | None, environment: Mapping[str, str]
) -> str:
    """Why a Bazel does not serve, or an empty string; asked anew if what it hangs on changed."""
    files = [Path(program).resolve()]
    if workspace:
        files += [workspace / ".bazelversion", workspace / ".bazelrc"]
    stamps = [(str(file), file.stat().st_mtime_ns if file.exists() else 0) for file in files]
    key = repr((program, str(workspace), stamps, environment.get("USE_BAZEL_VERSION")))
    note = cache / "bazels" / hashlib.sha256(key.encode()).hexdigest()[:24]
    with contextlib.suppress(OSError):
        if time.time() - note.stat().st_mtime < REMEMBER_SECONDS:
            return note.read_text()
    fault = _fault(program, workspace)
    if fault:
        say(f"not using {program}: {fault}")
    with contextlib.suppress(OSError):
        write_atomically(note, fault.encode())
    return fault


def _fault(program: str, workspace: Path | None) -> str:
    """Why a Bazel does not serve, or an empty string."""
    try:
        version = subprocess.run(
            [program, "--version"], stdout=subprocess.PIPE, text=True, timeout=600, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return "`--version` fails"
    if (bazel_version(version) or (0, 0)) < OLDEST_BAZEL:
        return f"it is {version.strip() or 'of no version'}, older than 7.1"
    if workspace is None:
        return ""
    say(f"asking {program} whether it reaches this workspace's module registries")
    try:
        answer = subprocess.run(
            [program, "mod", "dump_repo_mapping", ""],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=120,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "it takes more than two minutes to resolve modules"
    if answer.returncode and registry_is_unreachable(answer.stderr):
        return "it cannot reach a module registry"
    return ""
