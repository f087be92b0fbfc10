"""Action: write images into a new archive repo."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from apt2ostree import errors
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree import repo
from apt2ostree.ship.import_image import add_image


def main(arguments: Sequence[str]) -> int:
    """Run the action; see --help."""
    parser = argparse.ArgumentParser(description=__doc__, fromfile_prefix_chars="@")
    parser.add_argument("--repo", required=True, type=Path, help="the repo to make")
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        nargs=3,
        metavar=("REF", "COMMIT", "MANIFEST"),
        help="an image, and the ref it gets",
    )
    parser.add_argument(
        "--objects",
        action="extend",
        nargs="+",
        default=[],
        type=Path,
        help="objects tars of the images",
    )
    options = parser.parse_args(arguments)
    target = repo.create(options.repo, "archive")
    for ref, commit, manifest in options.image:
        image = BuiltImage(
            label=ref,
            ref=ref,
            commit=Path(commit).read_text(encoding="ascii").strip(),
            manifest_path=Path(manifest),
            objects=options.objects,
        )
        with target.transaction() as transaction:
            add_image(transaction, target, image)
            transaction.set_ref(ref, image.commit)
    (options.repo / ".lock").unlink()
    return 0


if __name__ == "__main__":
    errors.run(main)
