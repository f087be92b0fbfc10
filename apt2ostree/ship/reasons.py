"""Why each package is in an image: what the lock says was asked for, and what that needs.

The lock marks what nobody asked for (`Auto-Installed`), and packages' records keep it. A lock of
the original apt2ostree does not; there what no other package needs counts as asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apt2ostree.ship import dependencies
from apt2ostree.ship.dependencies import Edge
from apt2ostree.tree.manifest import PackageKey, PackageRecord

ESSENTIAL = "Essential"
REQUIRED = "priority required"
ASKED_FOR = "asked for"
LEFT_OVER = "nothing here needs it"
KINDS = {
    "Pre-Depends": "needed",
    "Depends": "needed",
    "Recommends": "recommended",
    "Suggests": "suggested",
}


@dataclass(frozen=True)
class Reason:
    """Why a package is there.

    Attributes:
        kind: `ESSENTIAL`, `REQUIRED`, `ASKED_FOR`, `LEFT_OVER`, or a value of `KINDS`.
        by: the package that leads to it, on the shortest way from one that was asked for.
        field: the control field that does.
    """

    kind: str
    by: PackageKey | None = None
    field: str = ""


def reasons(records: Sequence[PackageRecord]) -> dict[PackageKey, Reason]:
    """Return package → why it is there.

    Depends are followed first, Recommends only to what they do not reach, then Suggests.
    """
    edges = dependencies.edges(records)
    found = {record.key: Reason(_root_kind(record)) for record in _roots(records, edges)}
    strong = dependencies.STRONG
    for fields in (strong, (*strong, "Recommends"), (*strong, *dependencies.WEAK)):
        queue = list(found)
        for key in queue:
            for edge in edges[key]:
                if edge.field in fields and edge.target not in found:
                    found[edge.target] = Reason(KINDS[edge.field], key, edge.field)
                    queue.append(edge.target)
    return found | {r.key: Reason(LEFT_OVER) for r in records if r.key not in found}


def chain(found: Mapping[PackageKey, Reason], key: PackageKey) -> list[PackageKey]:
    """The packages from one that was asked for down to `key`, both included."""
    way = [key]
    while (by := found[way[0]].by) is not None:
        way.insert(0, by)
    return way


def _roots(
    records: Sequence[PackageRecord], edges: Mapping[PackageKey, Sequence[Edge]]
) -> list[PackageRecord]:
    if any(record.automatic for record in records):
        return [record for record in records if not record.automatic]
    needed = {
        edge.target for key in edges for edge in edges[key] if edge.field in dependencies.STRONG
    }
    return [record for record in records if record.key not in needed or _is_essential(record)]


def _root_kind(record: PackageRecord) -> str:
    if _is_essential(record):
        return ESSENTIAL
    required = dependencies.fields_of(record).get("Priority") == "required"
    return REQUIRED if required else ASKED_FOR


def _is_essential(record: PackageRecord) -> bool:
    return dependencies.fields_of(record).get("Essential") == "yes"
