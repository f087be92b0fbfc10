"""What only the host's own `ostree` can do: static deltas and summaries."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from apt2ostree.errors import UserError


def generate_delta(repo: Path, commit: str, parent: str) -> None:
    """Make a static delta between two commits, or from nothing if `parent` is empty.

    Raises:
        UserError: no `ostree`, or it failed.
    """
    start = [f"--from={parent}"] if parent else ["--empty"]
    _run(["static-delta", "generate", f"--repo={repo}", *start, f"--to={commit}"])


def has_delta(repo: Path, commit: str, parent: str) -> bool:
    """Whether there is a static delta as `generate_delta` makes it.

    Raises:
        UserError: no `ostree`, or it failed.
    """
    wanted = f"{parent}-{commit}" if parent else commit
    return wanted in _run(["static-delta", "list", f"--repo={repo}"]).split()


def update_summary(repo: Path, keys: Sequence[str], homedir: Path | None) -> None:
    """Write the repo's summary anew, which lists its refs and static deltas.

    Args:
        repo: the repo.
        keys: to sign it with.
        homedir: gpg's directory of keys; by default its own.

    Raises:
        UserError: no `ostree`, or it failed.
    """
    signing = [f"--gpg-sign={key}" for key in keys]
    if homedir is not None:
        signing.append(f"--gpg-homedir={homedir}")
    _run(["summary", "--update", f"--repo={repo}", *signing])


def _run(arguments: Sequence[str]) -> str:
    try:
        result = subprocess.run(["ostree", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise UserError(
            f"`ostree {arguments[0]}` is needed for this, and there is no ostree on the PATH; "
            "install it and run this again, which does what is missing"
        ) from None
    if result.returncode:
        message = result.stderr.decode(errors="replace").strip()
        raise UserError(
            f"`ostree {' '.join(arguments)}` failed: {message}; run this again, which does what is "
            "missing"
        )
    return result.stdout.decode(errors="replace")
