"""`ls`: list an image's files, in the manner of `ostree ls`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import Directory, Manifest, Row, components

HELP = "list the image's files with mode, owner and size"
_LETTERS = {"file": "-", "symlink": "l"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("path", nargs="?", default="/", help="a file or a directory (default: /)")
    parser.add_argument(
        "-R", "--recursive", action="store_true", help="list what is below directories too"
    )
    parser.add_argument(
        "-C", "--checksum", action="store_true", help="print files' content checksums"
    )


def run(image: BuiltImage, options: argparse.Namespace) -> int:
    """Print a line per path."""
    path = "/".join(part for part in options.path.split("/") if part not in ("", "."))
    lines = listing(image.manifest, path, options.recursive, options.checksum)
    for line in lines:
        print(line.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
    return 0


def listing(manifest: Manifest, path: str, recursive: bool, checksum: bool) -> Iterator[str]:
    """Yield lines: type and mode, owner, group, size, checksum if wanted, path.

    Raises:
        UserError: no such path.
    """
    directory = manifest.directories.get(path)
    if directory is None:
        above, name = paths.split(path)
        row = manifest.directories.get(above, Directory()).files.get(name)
        if row is None:
            raise UserError(f"/{path}: no such file in the image")
        yield _file_line(path, row, checksum)
        return
    yield from _below(manifest, _subdirectories(manifest), path, recursive, checksum)


def _subdirectories(manifest: Manifest) -> dict[str, list[str]]:
    """The names of the directories in each directory."""
    found: dict[str, list[str]] = {}
    for path in manifest.directories:
        if path:
            above, name = paths.split(path)
            found.setdefault(above, []).append(name)
    return found


def _below(
    manifest: Manifest,
    subdirectories: Mapping[str, Sequence[str]],
    path: str,
    recursive: bool,
    checksum: bool,
) -> Iterator[str]:
    """Yield the lines of a directory and of what is in it."""
    directory = manifest.directories[path]
    yield _directory_line(path, directory, checksum)
    for name in sorted([*directory.files, *subdirectories.get(path, ())], key=components):
        child = f"{path}/{name}" if path else name
        if name in directory.files:
            yield _file_line(child, directory.files[name], checksum)
        elif recursive:
            yield from _below(manifest, subdirectories, child, recursive, checksum)
        else:
            yield _directory_line(child, manifest.directories[child], checksum)


def _directory_line(path: str, directory: Directory, checksum: bool) -> str:
    digest = f"{'':64} " if checksum else ""
    mode = directory.mode.zfill(5)
    return f"d{mode} {directory.uid:5} {directory.gid:5} {0:>10} {digest}/{path}"


def _file_line(path: str, row: Row, checksum: bool) -> str:
    kind, mode, uid, gid, what, content, *_ = row
    size = what if kind == "file" else 0
    digest = f"{content} " if checksum else ""
    target = f" -> {what}" if kind == "symlink" else ""
    return f"{_LETTERS[kind]}{mode.zfill(5)} {uid:5} {gid:5} {size:>10} {digest}/{path}{target}"
