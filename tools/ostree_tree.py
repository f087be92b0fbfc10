"""Action: make a tree of files, directories, symlinks and tars."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from apt2ostree import worker
from apt2ostree.errors import UserError
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import accounts, attributes, manifest, paths
from apt2ostree.tree.attributes import Attributes
from apt2ostree.tree.manifest import Group, User
from apt2ostree.tree.tree_builder import TreeBuilder

EXECUTABLE_MODE = "0755"


def main(arguments: Sequence[str], directory: Path) -> int:
    """Run the action; see --help."""
    options = _parser().parse_args(arguments)
    users = {name: User(**json.loads(text)) for name, text in options.user}
    groups = {name: _group(text) for name, text in options.declared_group}
    with (directory / options.objects).open("w+b") as file:
        writer = ObjectsWriter(file)
        known = _accounts(options.accounts, directory)
        accounts.declare(known, users, groups)
        builder = TreeBuilder(
            writer,
            known,
            Attributes(options.owner, options.group, attributes.check_mode(options.mode)),
            attributes.rules(options.attributes),
        )
        _build(builder, options, directory)
        result = builder.manifest()
        writer.close()
    result.users, result.groups = users, groups
    (directory / options.manifest).write_text(result.dump(), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = worker.ActionParser(description=__doc__)
    parser.add_argument("--prefix", default="", help="directory that everything goes to")
    parser.add_argument("--owner", default="0", help="of files, directories and symlinks")
    parser.add_argument("--group", default="0")
    parser.add_argument("--mode", default="0644", help="of files")

    def add(name: str, metavar: tuple[str, ...], text: str) -> None:
        parser.add_argument(
            name, action="append", default=[], nargs=len(metavar), metavar=metavar, help=text
        )

    add("--file", ("PATH", "FILE"), "a file, or a directory with everything in it")
    add("--executable", ("PATH", "FILE"), "the same, files getting the mode 0755")
    add("--empty-file", ("PATH",), "a file without content")
    add("--directory", ("PATH",), "a directory")
    add("--symlink", ("PATH", "TARGET"), "a symlink")
    add("--tar", ("NAME", "FILE"), "an archive")
    add("--attributes", ("PATTERN", "JSON"), "attributes of the paths that match")
    add("--user", ("NAME", "JSON"), "a user that the tree adds to the image")
    add("--declared-group", ("NAME", "JSON"), "a group that the tree adds to the image")
    add("--accounts", ("NAME", "MANIFEST"), "an image whose users and groups names mean")
    parser.add_argument("--zstd", help="zstd program, for Python before 3.14")
    parser.add_argument("--manifest", required=True, help="manifest to write")
    parser.add_argument("--objects", required=True, help="objects tar to write")
    return parser


def _build(builder: TreeBuilder, options: argparse.Namespace, directory: Path) -> None:
    prefix = _path(options.prefix)

    def place(path: str) -> str:
        return paths.join(prefix, _path(path)).strip("/")

    for name, file in options.tar:
        builder.add_tar(prefix, directory / file, name, options.zstd)
    for path, file in options.file:
        builder.add_path(place(path), directory / file)
    for path, file in options.executable:
        builder.add_path(place(path), directory / file, EXECUTABLE_MODE)
    for (path,) in options.empty_file:
        builder.add_empty_file(place(path))
    for (path,) in options.directory:
        builder.add_directory(place(path))
    for path, target in options.symlink:
        builder.add_symlink(place(path), target)


def _path(path: str) -> str:
    """A path that a user wrote, who may start it with a slash."""
    try:
        return paths.normalize(path.lstrip("/"))
    except UserError:
        raise UserError(f"path {path!r}: expected one inside the image, without '..'") from None


def _accounts(images: Sequence[Sequence[str]], directory: Path) -> accounts.Accounts:
    if not images:
        return accounts.Accounts()
    ((name, path),) = images
    return accounts.from_texts(manifest.load(directory / path).texts, name)


def _group(text: str) -> Group:
    data = json.loads(text)
    return Group(data["gid"], tuple(data["members"]))


if __name__ == "__main__":
    worker.run(main)
