"""Write the file with the ids of an image's users and groups, or see whether it has them all."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from apt2ostree import errors
from apt2ostree.device import accounts
from apt2ostree.errors import UserError
from apt2ostree.tree import manifest


def main(arguments: Sequence[str]) -> int:
    """Run the tool; see --help."""
    options = parser().parse_args(arguments)
    texts = manifest.load(options.image).texts
    workspace = Path() if options.check else _workspace()
    path = workspace / options.accounts
    if not path.is_file():
        raise UserError(f"{options.accounts} does not exist: make an empty file")
    text = path.read_text(encoding="utf-8")
    if options.check:
        faults = list(accounts.faults(text, texts, options.accounts))
        if faults:
            listed = "\n".join(f"  {fault}" for fault in faults)
            raise UserError(
                f"{options.accounts} does not fix the ids of the image:\n{listed}\n"
                f"To update it, run\n    bazel run {options.target}"
            )
        return 0
    new = accounts.updated(text, texts, options.accounts)
    if new == text:
        print(f"{options.accounts}: nothing is new")
    else:
        path.write_text(new, encoding="utf-8")
        print(f"{options.accounts}: {_count(new) - _count(text)} lines added")
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line's parser."""
    result = argparse.ArgumentParser(prog="update_accounts", description=__doc__)
    hidden = argparse.SUPPRESS  # What the rule passes.
    result.add_argument("--target", required=True, help=hidden)
    result.add_argument("--image", required=True, type=Path, help=hidden)
    result.add_argument("--accounts", required=True, help=hidden)
    result.add_argument(
        "--check", action="store_true", help="write nothing; fail if it lacks something"
    )
    return result


def _count(text: str) -> int:
    return sum(line[:1] not in ("", "#") for line in text.splitlines())


def _workspace() -> Path:
    directory = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not directory:
        raise UserError(
            "the source tree is not known: run this with `bazel run`, which sets "
            "BUILD_WORKSPACE_DIRECTORY"
        )
    return Path(directory)


if __name__ == "__main__":
    errors.run(main)
