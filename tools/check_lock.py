"""Test: the lockfile satisfies what its apt_lock target says, as far as can be told offline.

Every wanted package is in it, everything that they depend on too and nothing besides, and no two
packages of it conflict. Whether the archives have something newer is not asked.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from apt2ostree import errors
from apt2ostree.lock.lock_check import check_lock
from apt2ostree.lock.lock_config import read_config
from apt2ostree.lock.lockfile import read_lock


def main(arguments: Sequence[str]) -> int:
    """Run the test; see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="what the target says (JSON)")
    parser.add_argument("--lockfile", type=Path, required=True, help="the lockfile")
    options = parser.parse_args(arguments)
    config = read_config(options.config, Path(os.environ.get("TEST_SRCDIR", "..")))
    update = f"run\n    bazel run {config.label}"
    if not options.lockfile.exists():
        raise errors.UserError(f"{config.lockfile} does not exist yet; {update}")
    problems = check_lock(config, read_lock(options.lockfile))
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise errors.UserError(
            f"{config.lockfile} does not satisfy {config.label}:\n{listed}\nTo update it, {update}"
        )
    return 0


if __name__ == "__main__":
    errors.run(main)
