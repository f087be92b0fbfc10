"""One self-contained HTML page on what makes up an image.

The page is `report.html` with the image's data, as JSON, in place of a marker. It asks for
nothing from anywhere: its Content-Security-Policy would forbid it.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ship import dependencies, diff_text
from apt2ostree.ship.diff import Diff
from apt2ostree.ship.parts import Part, parts
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import CHECKSUM, SIZE, TYPE, Manifest, PackageKey, components

TEMPLATE = Path(__file__).with_name("report.html")
LARGEST = 200
"""Files that the page lists."""
DUPLICATES = 100
CHANGED_FILES = 1000
_TITLE = "@TITLE@"
_DATA = "@DATA@"


def page(image: BuiltImage, changes: Diff | None = None, against: str = "") -> str:
    """Return the page.

    Args:
        image: the image.
        changes: from another image to this one.
        against: what the other image is called.
    """
    data: dict[str, Any] = describe(image, parts(image))
    if changes is not None:
        data["changes"] = _changes(changes, against)
    # "<" would let a file's name end the script.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    template = TEMPLATE.read_text(encoding="utf-8")
    return template.replace(_TITLE, html.escape(image.label)).replace(_DATA, text)


def describe(image: BuiltImage, found: Sequence[Part]) -> dict[str, Any]:
    """What the page shows, as JSON."""
    manifest = image.manifest
    sizes = {
        paths.join(path, name): row[SIZE]
        for path, directory in manifest.directories.items()
        for name, row in directory.files.items()
        if row[TYPE] == "file"
    }
    numbers = {part.record.key: index for index, part in enumerate(found) if part.record}
    owners = {path: index for index, part in enumerate(found) for path in part.paths}
    largest = sorted(sizes, key=lambda path: (-sizes[path], path))[:LARGEST]
    return {
        "label": image.label,
        "ref": image.ref,
        "commit": image.commit,
        "bytes": sum(sizes.values()),
        "files": len(sizes),
        "links": sum(len(directory.files) for directory in manifest.directories.values())
        - len(sizes),
        "directories": len(manifest.directories),
        "packages": _packages(manifest, found, sizes, numbers),
        "tree": _tree(manifest, sizes),
        "largest": [[_text(path), sizes[path], owners.get(path, -1)] for path in largest],
        "duplicates": _duplicates(manifest, sizes),
    }


def _packages(
    manifest: Manifest,
    found: Sequence[Part],
    sizes: Mapping[str, int],
    numbers: Mapping[PackageKey, int],
) -> list[dict[str, Any]]:
    """The parts, each with its size and, by number, what it needs."""
    needs = dependencies.edges(manifest.packages)
    result = []
    for part in found:
        files = [path for path in part.paths if path in sizes]
        item: dict[str, Any] = {
            "name": part.name or "(dpkg database, configuration)",
            "bytes": sum(sizes[path] for path in files),
            "files": len(files),
        }
        if part.record:
            fields = dependencies.fields_of(part.record)
            item |= {
                "version": part.record.version,
                "architecture": part.record.architecture,
                "source": part.source,
                "section": fields.get("Section", ""),
                "priority": fields.get("Priority", ""),
                "essential": fields.get("Essential", "no") == "yes",
                "summary": _text(fields.get("Description", "").split("\n")[0]),
                "needs": [
                    [numbers[edge.target], int(edge.field in dependencies.STRONG)]
                    for edge in needs[part.record.key]
                    if edge.field != "Suggests"
                ],
            }
        result.append(item)
    return result


def _tree(manifest: Manifest, sizes: Mapping[str, int]) -> list[Any]:
    """Directories as [name, bytes of the files in it, subdirectories]."""
    nodes: dict[str, list[Any]] = {}
    for path in sorted(manifest.directories, key=components):
        names = manifest.directories[path].files
        own = sum(sizes.get(paths.join(path, name), 0) for name in names)
        above, name = paths.split(path)
        nodes[path] = [_text(name), own, []]
        if path:
            nodes[above][2].append(nodes[path])
    return nodes[""]


def _duplicates(manifest: Manifest, sizes: Mapping[str, int]) -> list[Any]:
    """[bytes of one, paths] of equal files, by what the copies take."""
    places: dict[str, list[str]] = {}
    for path, directory in manifest.directories.items():
        for name, row in directory.files.items():
            if row[TYPE] == "file" and row[SIZE]:
                places.setdefault(row[CHECKSUM], []).append(paths.join(path, name))
    found = [(sizes[equal[0]], sorted(equal)) for equal in places.values() if len(equal) > 1]
    found.sort(key=lambda item: (-item[0] * (len(item[1]) - 1), item[1]))
    return [[size, [_text(path) for path in equal]] for size, equal in found[:DUPLICATES]]


def _changes(changes: Diff, against: str) -> dict[str, Any]:
    return {
        "against": against,
        "summary": diff_text.summary(changes),
        "packages": [asdict(change) for change in changes.packages],
        "files": [
            [change.kind, _text(change.path), list(change.what), change.growth]
            for change in changes.files[:CHANGED_FILES]
        ],
        "more": max(0, len(changes.files) - CHANGED_FILES),
    }


def _text(text: str) -> str:
    """Text that any reader of JSON takes: bytes that are not UTF-8 are shown escaped."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
