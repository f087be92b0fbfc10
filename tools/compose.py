"""Action: compose an image from manifests."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path

from apt2ostree import worker
from apt2ostree.image import compose, quirks
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import manifest


def main(arguments: Sequence[str], directory: Path) -> int:
    """Run the action; see --help."""
    parser = worker.ActionParser(description=__doc__)
    parser.add_argument(
        "--base", nargs=2, metavar=("NAME", "MANIFEST"), help="an image to begin with"
    )
    parser.add_argument(
        "--base-package",
        action="extend",
        nargs="+",
        default=[],
        help="manifests of the packages of the base",
    )
    # One option with thousands of values: argparse takes quadratic time for thousands of options.
    parser.add_argument(
        "--package", action="extend", nargs="+", default=[], help="manifests of packages"
    )
    parser.add_argument(
        "--local-package",
        action="append",
        default=[],
        metavar="MANIFEST",
        help="which of these is a package that no lock names",
    )
    parser.add_argument(
        "--layer",
        action="append",
        default=[],
        nargs=2,
        metavar=("NAME", "MANIFEST"),
        help="a tree to lay over the packages",
    )
    parser.add_argument(
        "--architecture", action="append", default=[], help="native first, then foreign ones"
    )
    parser.add_argument("--merged-usr", choices=["auto", "yes", "no"], default="auto")
    parser.add_argument("--overlay-conflicts", choices=["error", "replace"], default="error")
    parser.add_argument(
        "--remove", action="append", default=[], metavar="PATTERN", help="paths to leave out"
    )
    parser.add_argument("--unmatched-globs", choices=["warning", "error"], default="warning")
    parser.add_argument(
        "--automatic",
        action="append",
        default=[],
        metavar="NAME:ARCHITECTURE",
        help="a package that nobody asked for",
    )
    parser.add_argument(
        "--quirk",
        action="append",
        default=[],
        nargs=2,
        metavar=("NAME", "FILE"),
        help="a correction of a package",
    )
    parser.add_argument("--manifest", required=True, help="manifest to write")
    parser.add_argument("--objects", required=True, help="objects tar to write")
    parser.add_argument("--commit", required=True, help="commit checksum to write")
    options = parser.parse_args(arguments)
    with (directory / options.objects).open("w+b") as file:
        writer = ObjectsWriter(file)
        packages = {path: manifest.load(directory / path) for path in options.package}
        image, commit = compose.compose(
            list(packages.values()),
            {name: manifest.load(directory / path) for name, path in options.layer},
            compose.Options(
                options.architecture,
                options.merged_usr,
                options.overlay_conflicts,
                options.remove,
                options.unmatched_globs,
                frozenset(options.automatic),
                [one.key for path in options.local_package for one in packages[path].packages],
                [quirks.load(directory / path, name) for name, path in options.quirk],
            ),
            writer,
            _base(options, directory),
        )
        writer.close()
    (directory / options.manifest).write_text(image.dump(), encoding="utf-8")
    (directory / options.commit).write_text(f"{commit}\n", encoding="ascii")
    return 0


def _base(options: argparse.Namespace, directory: Path) -> compose.Base | None:
    if options.base is None:
        return None
    name, path = options.base
    return compose.Base(
        name,
        manifest.load(directory / path),
        functools.cache(lambda: [manifest.load(directory / path) for path in options.base_package]),
    )


if __name__ == "__main__":
    worker.run(main)
