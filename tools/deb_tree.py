"""Action: turn a .deb into a tree (a manifest and an objects tar)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from apt2ostree import errors, worker
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import deb_tree


def main(arguments: Sequence[str], directory: Path) -> int:
    """Run the action; see --help."""
    parser = worker.ActionParser(description=__doc__)
    parser.add_argument("--deb", required=True, help="the package")
    parser.add_argument("--name", required=True, help="what to call the package in errors")
    parser.add_argument("--manifest", required=True, help="manifest to write")
    parser.add_argument("--objects", required=True, help="objects tar to write")
    parser.add_argument("--zstd", help="zstd program, for Python before 3.14")
    options = parser.parse_args(arguments)
    try:
        with (
            (directory / options.deb).open("rb") as deb,
            (directory / options.objects).open("w+b") as file,
        ):
            writer = ObjectsWriter(file)
            manifest = deb_tree.unpack(deb, writer, options.zstd)
            writer.close()
        (directory / options.manifest).write_text(manifest.dump(), encoding="utf-8")
    except errors.UserError as error:
        raise errors.UserError(f"package {options.name} ({options.deb}): {error}") from error
    except OSError as error:
        where = error.filename or f"writing {options.objects}"
        raise errors.UserError(
            f"package {options.name} ({options.deb}): {where}: {error.strerror}"
        ) from error
    return 0


if __name__ == "__main__":
    worker.run(main)
