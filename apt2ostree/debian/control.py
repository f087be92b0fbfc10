"""Control data as deb-control(5) and Debian Policy §5.1 define it: one stanza of fields."""

from __future__ import annotations

from collections.abc import Mapping

from apt2ostree.errors import UserError

FIELD_ORDER = (
    *("Package", "Essential", "Protected", "Status", "Priority", "Section", "Installed-Size"),
    *("Origin", "Maintainer", "Bugs", "Architecture", "Multi-Arch", "Source", "Version"),
    *("Replaces", "Provides", "Depends", "Pre-Depends", "Recommends", "Suggests", "Breaks"),
    *("Conflicts", "Enhances", "Conffiles", "Description"),
)
"""The fields that dpkg knows, in the order in which it writes them."""
_SPELLINGS = {name.lower(): name for name in FIELD_ORDER}


def parse_stanza(text: str, what: str) -> dict[str, str]:
    """Parse one stanza into field → value, in the order of the text.

    A value keeps its continuation lines, with their leading space, joined by newlines; blanks
    go at its ends alone, as with dpkg. Names of fields are in any case (Policy §5.1); those that
    dpkg knows come out as it writes them.

    Args:
        text: the stanza; comments are not allowed, blank lines at either end are.
        what: what the text is, for error messages (`"control file of nginx_1.deb"`).

    Raises:
        UserError: a line that is neither a field nor a continuation, a continuation of blanks
            alone (they would end the stanza in dpkg's status file), or a field twice.
    """
    # The lines of each value; joined at the end, for a value of a million lines is as hostile
    # input as any, and joining it line by line takes the square of that.
    fields: dict[str, list[str]] = {}
    seen: set[str] = set()
    name = ""
    for number, line in enumerate(text.strip("\r\n").replace("\r\n", "\n").split("\n"), 1):
        if line.startswith((" ", "\t")) and name:
            if not line.strip():
                raise UserError(f"{what}, line {number}: a blank line in field {name}")
            fields[name].append(line)
            continue
        name, colon, value = line.partition(":")
        if not colon or not name or name.split() != [name]:
            raise UserError(f"{what}, line {number}: expected 'Field: value', got {line[:60]!r}")
        if name.lower() in seen:
            raise UserError(f"{what}, line {number}: field {name} is there twice")
        seen.add(name.lower())
        name = _SPELLINGS.get(name.lower(), name)
        fields[name] = [value.lstrip(" \t")]
    return {name: "\n".join(lines).rstrip() for name, lines in fields.items()}


def render_stanza(fields: Mapping[str, str]) -> str:
    """Return the stanza's text, each field on a line of its own, without a final blank line."""
    return "".join(
        f"{name}:{value}\n" if value.startswith("\n") else f"{name}: {value}\n"
        for name, value in fields.items()
    )
