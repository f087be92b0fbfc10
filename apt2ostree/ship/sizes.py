"""What takes how much of an image: packages, layers, and what else made files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from apt2ostree.image.built_image import BuiltImage
from apt2ostree.progress import format_size
from apt2ostree.ship.makers import makers
from apt2ostree.ship.parts import Part, parts
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import SIZE, TYPE, Manifest

PACKAGE, LAYER, GENERATED = "package", "layer", "generated"


@dataclass(frozen=True)
class Item:
    """A part of an image.

    Attributes:
        kind: `PACKAGE`, `LAYER` or `GENERATED`.
        name: of the package, the layer's target, or what made the files.
        paths: what is in it: files, links, and directories with nothing in them.
        bytes: of the files.
        files: how many.
        part: as `parts` has it.
    """

    kind: str
    name: str
    paths: frozenset[str]
    bytes: int
    files: int
    part: Part


def file_sizes(manifest: Manifest) -> dict[str, int]:
    """Path → bytes of every file; links and devices have none."""
    return {
        paths.join(path, name): row[SIZE]
        for path, directory in manifest.directories.items()
        for name, row in directory.files.items()
        if row[TYPE] == "file"
    }


def items(image: BuiltImage) -> list[Item]:
    """The parts: packages by name, layers, then the rest by what made it."""
    sizes = file_sizes(image.manifest)
    *known, rest = parts(image)
    made = [Part(name, paths=found) for name, found in makers(rest.paths).items()]
    return [
        *(_item(PACKAGE if part.record else LAYER, part, sizes) for part in known),
        *(_item(GENERATED, part, sizes) for part in made),
    ]


def _item(kind: str, part: Part, sizes: Mapping[str, int]) -> Item:
    files = [path for path in part.paths if path in sizes]
    total = sum(sizes[path] for path in files)
    return Item(kind, part.name, frozenset(part.paths), total, len(files), part)


def table(found: Sequence[Item], limit: int) -> Iterator[str]:
    """Lines for a terminal: the largest first, and a total.

    Args:
        found: the parts.
        limit: how many to list at most; the others are one line.
    """
    total = sum(item.bytes for item in found)
    ordered = sorted(found, key=lambda item: (-item.bytes, item.name))
    rest = ordered[limit:]
    rows = [(item.bytes, item.files, item.name) for item in ordered[:limit]]
    if rest:
        others = sum(item.bytes for item in rest), sum(item.files for item in rest)
        rows.append((*others, f"{len(rest)} smaller"))
    rows.append((total, sum(item.files for item in found), "all"))
    yield f"{'size':>9}  {'share':>7}  {'files':>7}  part"
    for size, files, name in rows:
        share = 100 * size / total if total else 0
        yield f"{format_size(size):>9}  {share:5.1f} %  {files:7,}  {name}"
