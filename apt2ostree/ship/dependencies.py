"""Which package of an image needs which: why each is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apt2ostree.debian import version
from apt2ostree.debian.control import parse_stanza
from apt2ostree.debian.relations import OrGroup, Relation, parse_provides, parse_relations
from apt2ostree.tree.manifest import PackageKey, PackageRecord

STRONG = ("Pre-Depends", "Depends")
WEAK = ("Recommends", "Suggests")


@dataclass(frozen=True)
class Edge:
    """A relationship that the image meets.

    Attributes:
        field: the control field: one of `STRONG` or `WEAK`.
        target: the package that meets it.
    """

    field: str
    target: PackageKey


def fields_of(record: PackageRecord) -> dict[str, str]:
    """A package's control fields."""
    return parse_stanza(record.control, f"control file of {record.name}")


def edges(records: Sequence[PackageRecord]) -> dict[PackageKey, list[Edge]]:
    """Return package → what it needs of the others, strongest first.

    Of alternatives the first that the image has counts; what it does not have is left out.
    """
    fields = {record.key: fields_of(record) for record in records}
    names: dict[str, list[tuple[PackageKey, str]]] = {}
    for record in records:
        names.setdefault(record.name, []).append((record.key, record.version))
        for provided in parse_provides(fields[record.key].get("Provides", "")):
            names.setdefault(provided.name, []).append((record.key, provided.version))
    result: dict[PackageKey, list[Edge]] = {}
    for record in records:
        found: dict[PackageKey, Edge] = {}
        for field in (*STRONG, *WEAK):
            for group in parse_relations(fields[record.key].get(field, "")):
                target = _meet(group, names)
                if target and target != record.key:
                    found.setdefault(target, Edge(field, target))
        result[record.key] = list(found.values())
    return result


def _meet(group: OrGroup, names: Mapping[str, list[tuple[PackageKey, str]]]) -> PackageKey | None:
    for relation in group:
        for key, provided in names.get(relation.name, []):
            if _satisfies(relation, provided):
                return key
    return None


def _satisfies(relation: Relation, provided: str) -> bool:
    if not relation.operator:
        return True
    return bool(provided) and version.satisfies(provided, relation.operator, relation.version)
