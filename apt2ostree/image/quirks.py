"""Corrections of packages that would not install, or install wrongly, as they are.

A quirk is a JSON file:

    {
        "package": "pylint",
        "versions": "(<< 2.1.1-2)",
        "bug": "https://bugs.debian.org/…",
        "description": "What goes wrong, and what is done about it.",
        "files": {"/usr/share/x/y": {"mode": "0644", "lines": ["…", "…"]}},
        "skip": ["postinst"]
    }

`versions` are relations as in a dependency, all of which the package has to meet; left out, every
version is meant. `files` are added to the package, or replace its own; each line gets a newline.
`skip` names maintainer scripts that are left out of dpkg's database, so that nobody runs them.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from apt2ostree.debian import version
from apt2ostree.errors import UserError
from apt2ostree.ostree.objects import FileHeader
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import paths, tree
from apt2ostree.tree.manifest import Manifest, PackageRecord

SCRIPTS = frozenset({"config", "postinst", "postrm", "preinst", "prerm"})
_KEYS = frozenset({"package", "versions", "bug", "description", "files", "skip"})
_REQUIRED = ("package", "bug", "description")
_RELATIONS = re.compile(r"\s*(\(\s*(<<|<=|=|>=|>>)\s*[^()\s]+\s*\)\s*)*")
_RELATION = re.compile(r"\(\s*(<<|<=|=|>=|>>)\s*([^()\s]+)\s*\)")
_MODE = re.compile("[0-7]{3,4}")


@dataclass(frozen=True)
class AddedFile:
    """A file that a quirk puts into a package.

    Attributes:
        mode: permission bits as octal text, `"0755"`.
        content: all of it.
    """

    mode: str
    content: bytes


@dataclass(frozen=True)
class Quirk:
    """A correction of some versions of a package.

    Attributes:
        name: of the file that says it.
        package: whose.
        versions: (operator, version) that a version has to meet, each.
        files: path without the first slash → file to add or to put in the place of another.
        skip: maintainer scripts to leave out.
    """

    name: str
    package: str
    versions: tuple[tuple[str, str], ...] = ()
    files: Mapping[str, AddedFile] = field(default_factory=dict)
    skip: frozenset[str] = frozenset()

    def matches(self, record: PackageRecord) -> bool:
        """Whether a package is one of those that it corrects."""
        return record.name == self.package and all(
            version.satisfies(record.version, operator, other) for operator, other in self.versions
        )


def load(path: Path, name: str) -> Quirk:
    """Read a quirk.

    Args:
        path: of the file.
        name: what to call it in messages.

    Raises:
        UserError: it is not one; says what was expected.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UserError(f"{name}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{name}: expected an object, see apt2ostree/quirks/README.md")
    for key in value:
        if key not in _KEYS:
            raise UserError(f"{name}: {key!r} is no key of a quirk: {', '.join(sorted(_KEYS))}")
    for key in _REQUIRED:
        if not value.get(key) or not isinstance(value[key], str):
            raise UserError(f"{name}: {key!r} is missing: expected a text")
    return Quirk(
        name=name,
        package=value["package"],
        versions=_versions(value.get("versions", ""), name),
        files={_path(key, name): _file(item, name) for key, item in _files(value, name)},
        skip=_skip(value.get("skip", []), name),
    )


def apply(manifest: Manifest, quirks: Iterable[Quirk], objects: ObjectsWriter) -> bool:
    """Correct a package, in place.

    Args:
        manifest: of the package.
        quirks: those that are known.
        objects: where the added files' content goes.

    Returns:
        Whether it has other paths than before.

    Raises:
        UserError: a path is a directory in the package.
    """
    changed = False
    for quirk in quirks:
        for index, record in enumerate(manifest.packages):
            if not quirk.matches(record):
                continue
            manifest.packages[index] = _without(record, quirk.skip)
            for path, added in quirk.files.items():
                changed = _add(manifest, path, added, quirk, objects) or changed
    return changed


def _without(record: PackageRecord, scripts: Collection[str]) -> PackageRecord:
    kept = {n: row for n, row in record.info.items() if n.rpartition(".")[2] not in scripts}
    return replace(record, info=kept)


def _add(
    manifest: Manifest, path: str, added: AddedFile, quirk: Quirk, objects: ObjectsWriter
) -> bool:
    if path in manifest.directories:
        raise UserError(f"{quirk.name}: /{path} is a directory in package {quirk.package}")
    above, name = paths.split(path)
    files = tree.ensure_directory(manifest.directories, above).files
    header = FileHeader(0, 0, stat.S_IFREG | int(added.mode, 8))
    checksum = objects.add_file(header, len(added.content), [added.content])
    is_new = name not in files
    files[name] = ["file", f"{int(added.mode, 8):04o}", 0, 0, len(added.content), checksum]
    return is_new


def _versions(text: Any, name: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(text, str) or not _RELATIONS.fullmatch(text):
        raise UserError(f"{name}: versions {text!r}: expected relations such as '(<< 2.1.1-2)'")
    found = tuple((operator, other) for operator, other in _RELATION.findall(text))
    for _, other in found:
        try:
            version.key(other)
        except version.VersionError as error:
            raise UserError(f"{name}: versions: {error}") from None
    return found


def _files(value: Mapping[str, Any], name: str) -> Iterable[tuple[str, Any]]:
    files = value.get("files", {})
    if not isinstance(files, dict):
        raise UserError(f"{name}: files: expected an object of paths")
    return files.items()


def _path(path: str, name: str) -> str:
    try:
        normal = paths.normalize(path.removeprefix("/"))
    except UserError as error:
        raise UserError(f"{name}: {path!r}: {error}") from None
    if not path.startswith("/") or not normal:
        raise UserError(f"{name}: {path!r}: expected an absolute path")
    return normal


def _file(value: Any, name: str) -> AddedFile:
    if (
        not isinstance(value, dict)
        or set(value) - {"mode", "lines"}
        or not isinstance(value.get("lines"), list)
        or not all(isinstance(line, str) for line in value["lines"])
        or not isinstance(value.get("mode", ""), str)
    ):
        raise UserError(f'{name}: a file is {{"mode": "0644", "lines": ["…"]}}, not {value!r}')
    mode = value.get("mode", "0644")
    if not _MODE.fullmatch(mode):
        raise UserError(f"{name}: mode {mode!r}: expected octal digits such as 0644")
    return AddedFile(mode, "".join(f"{line}\n" for line in value["lines"]).encode())


def _skip(value: Any, name: str) -> frozenset[str]:
    if not isinstance(value, list) or not all(
        isinstance(script, str) and script in SCRIPTS for script in value
    ):
        raise UserError(f"{name}: skip {value!r}: expected a list of {', '.join(sorted(SCRIPTS))}")
    return frozenset(value)
