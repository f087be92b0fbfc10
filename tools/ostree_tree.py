"""Action: make a tree of files, directories, symlinks and tars."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apt2ostree import worker
from apt2ostree.errors import UserError
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.request import at_most_one
from apt2ostree.tree import accounts, attributes, manifest, paths
from apt2ostree.tree.attributes import Attributes
from apt2ostree.tree.manifest import Group, User
from apt2ostree.tree.tree_builder import TreeBuilder

EXECUTABLE_MODE = "0755"
_EXECROOT = re.compile("/(bazel-)?execroot/")


@dataclass(frozen=True)
class Request:
    """What to put into a tree.

    Attributes:
        prefix: directory that everything goes to.
        owner: of files, directories and symlinks: a name or a number.
        group: likewise.
        mode: of files, octal text.
        files: (path, file, or directory that goes there with everything in it).
        executables: the same, files getting the mode 0755; a list for each of several sources.
        empty_files: paths of files without content, likewise.
        generated: as `executables`, of files that actions have made: a symlink to another one of
            them stays a symlink.
        directories: paths.
        symlinks: path → target.
        tars: (name, archive).
        attributes: pattern → JSON: see `attributes.parse`.
        users: name → JSON of a `User` that the tree adds to the image.
        groups: name → JSON of a `Group` that it adds.
        accounts: (name, manifest) of the image whose users and groups names mean, or none.
        zstd: a zstd program, for Python before 3.14, or none.
        manifest: manifest to write.
        objects: objects tar to write.
    """

    prefix: str
    owner: str
    group: str
    mode: str
    files: Sequence[tuple[str, Path]]
    executables: Sequence[Sequence[tuple[str, Path]]]
    empty_files: Sequence[Sequence[str]]
    generated: Sequence[Sequence[tuple[str, Path]]]
    directories: Sequence[str]
    symlinks: Mapping[str, str]
    tars: Sequence[tuple[str, Path]]
    attributes: Mapping[str, str]
    users: Mapping[str, str]
    groups: Mapping[str, str]
    accounts: Sequence[tuple[str, Path]]
    zstd: Sequence[Path]
    manifest: Path
    objects: Path


def main(request: Request) -> None:
    """Run the action."""
    users = {name: User(**json.loads(text)) for name, text in request.users.items()}
    groups = {name: _group(text) for name, text in request.groups.items()}
    with request.objects.open("w+b") as file:
        writer = ObjectsWriter(file)
        known = _accounts(request.accounts)
        accounts.declare(known, users, groups)
        builder = TreeBuilder(
            writer,
            known,
            Attributes(request.owner, request.group, attributes.check_mode(request.mode)),
            attributes.rules(request.attributes.items()),
        )
        _build(builder, request)
        result = builder.manifest()
        writer.close()
    result.users, result.groups = users, groups
    request.manifest.write_text(result.dump(), encoding="utf-8")


def _build(builder: TreeBuilder, request: Request) -> None:
    prefix = _path(request.prefix)
    zstd = at_most_one(request.zstd)

    def place(path: str) -> str:
        return paths.join(prefix, _path(path)).strip("/")

    for name, tar in request.tars:
        builder.add_tar(prefix, tar, name, str(zstd) if zstd else None)
    for path, file in request.files:
        builder.add_path(place(path), file)
    for path, file in itertools.chain(*request.executables):
        builder.add_path(place(path), file, EXECUTABLE_MODE)
    for path in itertools.chain(*request.empty_files):
        builder.add_empty_file(place(path))
    for path, file in itertools.chain(*request.generated):
        target = _kept_target(path, file)
        if target:
            builder.add_symlink(place(path), target)
        else:
            builder.add_path(place(path), file, EXECUTABLE_MODE)
    for path in request.directories:
        builder.add_directory(place(path))
    for path, target in request.symlinks.items():
        builder.add_symlink(place(path), target)


def _kept_target(path: str, file: Path) -> str:
    """Where a symlink that an action made leads; empty for what is to be taken as a file."""
    if not file.is_symlink():
        return ""
    # Not Path.readlink, which would normalise it.
    target = os.readlink(file)  # noqa: PTH115
    if not target.startswith("/"):
        return target
    # Bazel's own, by which an action sees its inputs, lead to where it executes actions.
    if _EXECROOT.search(target):
        return ""
    raise UserError(
        f"/{path.lstrip('/')}: among the runfiles of a program of `binaries` is a symlink to "
        f"{target}, which is of the machine that builds and of no repository: an image cannot "
        "have it. If it is an interpreter, build the program with a Python toolchain whose "
        "interpreter is a file of a repository"
    )


def _path(path: str) -> str:
    """A path that a user wrote, who may start it with a slash."""
    try:
        return paths.normalize(path.lstrip("/"))
    except UserError:
        raise UserError(
            f"path {path!r}: expected one inside the image, without '..' and line ends"
        ) from None


def _accounts(images: Sequence[tuple[str, Path]]) -> accounts.Accounts:
    image = at_most_one(images)
    if image is None:
        return accounts.Accounts()
    name, path = image
    return accounts.from_texts(manifest.load(path).texts, name)


def _group(text: str) -> Group:
    data = json.loads(text)
    return Group(data["gid"], tuple(data["members"]))


if __name__ == "__main__":
    worker.run(main, Request)
