"""`import`: write an image into an OSTree repo, under its ref."""

from __future__ import annotations

import argparse
from pathlib import Path

from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree import host_ostree
from apt2ostree.ostree.repo import Repo
from apt2ostree.progress import format_size
from apt2ostree.ship.import_image import add_image
from apt2ostree.ship.package_refs import add_packages

HELP = "write the image into an OSTree repo: missing objects only, then the ref"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--repo", required=True, type=Path, help="an OSTree repo, such as `ostree init` makes"
    )
    parser.add_argument(
        "--package-refs",
        action="store_true",
        help="give each package a ref of its own, too: deb/pool/…/data",
    )
    parser.add_argument("--ref", help="ref to set (default: the image's own)")


def run(image: BuiltImage, options: argparse.Namespace) -> int:
    """Import, and print what was written."""
    repo = Repo(options.repo)
    ref = options.ref or image.ref
    before = repo.resolve(ref)
    with repo.transaction() as transaction:
        add_image(transaction, repo, image)
        transaction.set_ref(ref, image.commit)
        packages = add_packages(transaction, repo, image) if options.package_refs else []
    written = transaction.written
    print(f"{ref} {image.commit}{' (as before)' if before == image.commit else ''}")
    for name, checksum in packages:
        print(f"{name} {checksum}")
    print(
        f"wrote {written.content} content objects ({format_size(written.content_bytes)}) and "
        f"{written.metadata} metadata objects into {options.repo}"
    )
    if repo.updates_summary:
        host_ostree.update_summary(options.repo, [], None)
    return 0
