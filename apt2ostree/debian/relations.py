"""Relationship fields: Depends, Conflicts, Provides and their like.

The syntax is that of Debian Policy 7.1 and deb-control(5): comma-separated groups of
alternatives separated by ``|``, each a package name with an optional ``:architecture``
qualifier, an optional version constraint in parentheses and, tolerated although they belong to
source packages, architecture restrictions in brackets and build profiles in angle brackets.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from apt2ostree.errors import UserError

_ALTERNATIVE = re.compile(
    r"""\s* (?P<name> [A-Za-z0-9][A-Za-z0-9+._-]* )
        (?: : (?P<qualifier> [a-z0-9][a-z0-9-]* ) )?
        (?: \s* \( \s* (?P<operator> << | <= | >= | >> | = | < | > )
                   \s* (?P<version> [^\s()<=>]+ ) \s* \) )?
        (?: \s* \[ (?P<architectures> [^\]]* ) \] )?
        (?: \s* < [^<>]* > )*
        \s*""",
    re.VERBOSE,
)
# Policy 7.1: the single characters are obsolete spellings of "or equal".
_OPERATORS = {"<": "<=", ">": ">="}


class RelationError(UserError):
    """Text that is not a relationship field."""


class Relation(NamedTuple):
    """One alternative of a relationship field, as ``libc6:any (>= 2.36)``.

    `qualifier` is what follows the colon (an architecture or ``any``), or None. `operator` (one
    of ``<<  <=  =  >=  >>``) and `version` are "" together where the field names no version.
    """

    name: str
    qualifier: str | None = None
    operator: str = ""
    version: str = ""

    def __str__(self) -> str:
        qualifier = f":{self.qualifier}" if self.qualifier else ""
        version = f" ({self.operator} {self.version})" if self.operator else ""
        return f"{self.name}{qualifier}{version}"


OrGroup = tuple[Relation, ...]
"""Alternatives, any one of which will do, in order of preference."""


def format_group(group: OrGroup) -> str:
    """Return a group in the syntax of the field: ``a (>= 1) | b``."""
    return " | ".join(map(str, group))


def parse_relations(text: str, architecture: str = "") -> tuple[OrGroup, ...]:
    """Parse the value of a relationship field into its or-groups, in order.

    Alternatives restricted to architectures other than `architecture` are left out; without an
    `architecture` the restrictions are ignored. Empty items (a trailing comma) are skipped.
    Raises RelationError, naming the item that cannot be understood.
    """
    groups = []
    for item in text.split(","):
        if not item.strip():
            continue
        group = tuple(_alternatives(item, architecture))
        if group:
            groups.append(group)
    return tuple(groups)


def parse_provides(text: str) -> tuple[Relation, ...]:
    """Parse a Provides field: names, each with an optional exact version.

    A name provided with another operator than ``=`` means nothing (deb-control(5) allows the
    exact version alone) and is ignored, as apt ignores it; so is one that ``|`` follows. Raises
    RelationError.
    """
    return tuple(group[-1] for group in parse_relations(text) if group[-1].operator in ("", "="))


def _alternatives(item: str, architecture: str) -> list[Relation]:
    relations = []
    for alternative in item.split("|"):
        match = _ALTERNATIVE.fullmatch(alternative)
        if match is None:
            raise RelationError(
                f"{alternative.strip()!r} is not a package relation; "
                "expected 'name', 'name:architecture' or 'name (>= version)'"
            )
        restrictions = match["architectures"]
        if architecture and restrictions is not None and not _admits(restrictions, architecture):
            continue
        operator = match["operator"] or ""
        relations.append(
            Relation(
                match["name"],
                match["qualifier"],
                _OPERATORS.get(operator, operator),
                match["version"] or "",
            )
        )
    return relations


def _admits(restrictions: str, architecture: str) -> bool:
    """Tell whether an architecture list, all plain or all negated, admits `architecture`."""
    entries = restrictions.split()
    if any(entry.startswith("!") for entry in entries):
        return f"!{architecture}" not in entries
    return architecture in entries or bool({"any", "linux-any"} & set(entries))
