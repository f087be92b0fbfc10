"""`why`: why a package is in an image: the way to it from one that was asked for."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from apt2ostree.command_line import did_you_mean
from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ship import dependencies, reasons
from apt2ostree.ship.dependencies import STRONG
from apt2ostree.tree.manifest import PackageKey, PackageRecord

HELP = "say why a package is in the image"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("package", metavar="PACKAGE", help="NAME or NAME:ARCHITECTURE")


def run(image: BuiltImage, options: argparse.Namespace) -> int:
    """Print the reason for each package of that name."""
    records = image.manifest.packages
    name, _, architecture = options.package.partition(":")
    found = [r for r in records if r.name == name and architecture in ("", r.architecture)]
    if not found:
        names = sorted({record.name for record in records})
        raise UserError(
            f"{image.label} has no package {options.package}{did_you_mean(name, names)}"
        )
    for record in found:
        for line in explain(records, record.key):
            print(line)
    return 0


def explain(records: Sequence[PackageRecord], key: PackageKey) -> Iterator[str]:
    """Yield the lines on one package: what it is, the way to it, and what else needs it."""
    by_key = {record.key: record for record in records}
    found = reasons.reasons(records)
    yield f"{_title(by_key[key])}: {found[key].kind}"
    way = reasons.chain(found, key)
    for depth, step in enumerate(way):
        reason = found[step]
        words = f"{reason.field}: {step[0]}" if reason.by else f"{step[0]} ({reason.kind})"
        yield "  " * (depth + 1) + words
    edges = dependencies.edges(records)
    needing = sorted(
        {of[0] for of, out in edges.items() for e in out if e.target == key and e.field in STRONG}
    )
    if needing:
        yield f"needed by: {', '.join(needing)}"


def _title(record: PackageRecord) -> str:
    return f"{record.name} {record.version} {record.architecture}"
