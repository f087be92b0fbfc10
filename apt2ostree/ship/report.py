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
from apt2ostree.ship import changes, dependencies, diff_text, reasons, sizes
from apt2ostree.ship.diff import Diff
from apt2ostree.ship.sizes import Item
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import CHECKSUM, SIZE, TYPE, Manifest, PackageKey, components

TEMPLATE = Path(__file__).with_name("report.html")
LARGEST = 200
"""Files that the page lists."""
DUPLICATES = 100
CHANGED_FILES = 100
"""Of one package."""
_TITLE = "@TITLE@"
_DATA = "@DATA@"


def page(image: BuiltImage, diff: Diff | None = None, against: str = "") -> str:
    """Return the page.

    Args:
        image: the image.
        diff: the differences from another image to this one.
        against: what the other image is called.
    """
    found = sizes.items(image)
    data: dict[str, Any] = describe(image, found)
    if diff is not None:
        data["changes"] = _changes(diff, found, against)
    # "<" would let a file's name end the script.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    template = TEMPLATE.read_text(encoding="utf-8")
    return template.replace(_TITLE, html.escape(image.label)).replace(_DATA, text)


def describe(image: BuiltImage, found: Sequence[Item]) -> dict[str, Any]:
    """What the page shows, as JSON."""
    manifest = image.manifest
    bytes_of = sizes.file_sizes(manifest)
    owners = {path: index for index, item in enumerate(found) for path in item.paths}
    largest = sorted(bytes_of, key=lambda path: (-bytes_of[path], path))[:LARGEST]
    return {
        "label": image.label,
        "ref": image.ref,
        "commit": image.commit,
        "bytes": sum(bytes_of.values()),
        "files": len(bytes_of),
        "links": sum(len(directory.files) for directory in manifest.directories.values())
        - len(bytes_of),
        "directories": len(manifest.directories),
        "parts": _parts(manifest, found),
        "tree": _tree(manifest, bytes_of),
        "largest": [[_text(path), bytes_of[path], owners.get(path, -1)] for path in largest],
        "duplicates": _duplicates(manifest, bytes_of),
    }


def _parts(manifest: Manifest, found: Sequence[Item]) -> list[dict[str, Any]]:
    """The parts, each with its size; packages with why they are there and, by number, what they
    need."""
    numbers = {item.part.record.key: i for i, item in enumerate(found) if item.part.record}
    needs = dependencies.edges(manifest.packages)
    why = reasons.reasons(manifest.packages)
    result = []
    for item in found:
        part: dict[str, Any] = {
            "kind": item.kind,
            "name": item.name,
            "bytes": item.bytes,
            "files": item.files,
            "why": item.kind,
        }
        if item.part.record:
            key = item.part.record.key
            part |= _package(item, why[key], numbers)
            part["needs"] = [
                [numbers[edge.target], int(edge.field in dependencies.STRONG)]
                for edge in needs[key]
                if edge.field != "Suggests"
            ]
        result.append(part)
    return result


def _package(item: Item, why: reasons.Reason, numbers: Mapping[PackageKey, int]) -> dict[str, Any]:
    record = item.part.record
    assert record
    fields = dependencies.fields_of(record)
    return {
        "why": why.kind,
        "by": numbers[why.by] if why.by else -1,
        "version": record.version,
        "architecture": record.architecture,
        "source": item.part.source,
        "section": fields.get("Section", ""),
        "summary": _text(fields.get("Description", "").split("\n")[0]),
    }


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


def _changes(diff: Diff, found: Sequence[Item], against: str) -> dict[str, Any]:
    """The differences by package: [kind, path, what differs, growth] of each path."""
    groups = changes.grouped(diff, changes.owners(found))
    return {
        "against": against,
        "summary": diff_text.summary(diff),
        "groups": [
            {
                "name": group.name,
                "package": asdict(group.package) if group.package else None,
                "growth": group.growth,
                "folded": len(group.folded),
                "more": max(0, len(group.files) - CHANGED_FILES),
                "files": [
                    [change.kind, _text(change.path), diff_text.differs(change), change.growth]
                    for change in group.files[:CHANGED_FILES]
                ],
            }
            for group in groups
        ],
    }


def _text(text: str) -> str:
    """Text that any reader of JSON takes: bytes that are not UTF-8 are shown escaped."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
