"""`diff`: compare images: packages added, removed, upgraded; files with owner, mode and size.

Each of the two is a target (`//image:rootfs`, built before), a manifest that the build wrote,
or, with --repo, a ref or a commit. With one given, it is compared with this image.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from apt2ostree import messages
from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree import repo_files
from apt2ostree.ostree.repo import Repo
from apt2ostree.ship import changes, diff, diff_text, repo_image, sizes
from apt2ostree.tree import manifest, sysusers
from apt2ostree.tree.manifest import Manifest

HELP = "compare the image with another one, or two others: packages and files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("old", metavar="A", help="what to compare with")
    parser.add_argument("new", metavar="B", nargs="?", help="the newer one (default: this image)")
    parser.add_argument("--repo", type=Path, help="the repo that refs and commits are in")
    parser.add_argument("--format", choices=["text", "markdown", "json"], default="text")
    parser.add_argument(
        "--limit",
        type=count,
        metavar="N",
        help="list N paths at most; with markdown, of each package (default there: "
        f"{diff_text.PATHS}); not with json",
    )
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 1 if there are differences"
    )


def count(text: str) -> int:
    """A number of things to list, from the command line."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return int(text)


def run(image: BuiltImage, options: argparse.Namespace) -> int:
    """Print the differences."""
    old = load_operand(options.old, options.repo)
    new = image.manifest if options.new is None else load_operand(options.new, options.repo)
    found = diff.compare(old, new)
    for change in sysusers.moved(old.texts, new.texts):
        messages.warning(f"{change}; files that devices have in /var keep the old one")
    if options.format == "json":
        print(diff_text.as_json(found))
    elif options.format == "markdown":
        owner = changes.owners(sizes.items(image)) if options.new is None else {}
        print(diff_text.as_markdown(found, owner, options.limit))
    else:
        print(diff_text.as_text(found, options.limit))
    return int(options.exit_code and bool(found.packages or found.files))


def load_operand(text: str, repo: Path | None) -> Manifest:
    """Load what a user calls an image.

    Args:
        text: a target, a manifest's path, or a ref or commit of the repo.
        repo: the repo, if one was given.

    Raises:
        UserError: it is none of these.
    """
    if "//" in text:
        return manifest.load(_manifest_of_target(text))
    if text.endswith(".json"):
        return manifest.load(_existing(Path(text), text))
    if repo is None:
        raise UserError(
            f"{text}: neither a target (//image:rootfs) nor a manifest (….manifest.json); for a "
            "ref or a commit say which --repo it is in"
        )
    opened = Repo(repo)
    return repo_image.load(opened, repo_files.resolve(opened, text))


def _manifest_of_target(label: str) -> Path:
    binaries = Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", "."), "bazel-bin")
    repository, _, path = label.partition("//")
    package, _, name = path.partition(":")
    manifest_path = Path(package, f"{name or package.rpartition('/')[2]}.manifest.json")
    if not repository.strip("@"):
        return _existing(binaries / manifest_path, label)
    if repository.startswith("@@"):
        return _existing(binaries / "external" / repository[2:] / manifest_path, label)
    # Bazel calls a module's repository NAME, and its version or nothing, with one of these between.
    module = re.compile(re.escape(repository[1:]) + "([~+][^~+]*)?")
    places = sorted(
        place
        for place in (binaries / "external").glob("*")
        if module.fullmatch(place.name) and (place / manifest_path).is_file()
    )
    if len(places) > 1:
        names = " or ".join(f"@@{place.name}//{path}" for place in places)
        raise UserError(f"{label}: more than one repository could be meant; say which: {names}")
    if not places:
        raise UserError(
            f"{label}: {binaries}/external has no {manifest_path} of such a repository; build the "
            f"image first: bazel build {label}. If MODULE.bazel has the repository under a name of "
            "its own, say the one that Bazel has: @@NAME//…"
        )
    return places[0] / manifest_path


def _existing(path: Path, what: str) -> Path:
    if not path.is_file():
        raise UserError(f"{what}: {path} is not there; build the image first: bazel build {what}")
    return path
