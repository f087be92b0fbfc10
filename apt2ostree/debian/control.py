"""Control data as deb822(5) and Debian Policy §5.1 define it: stanzas of fields.

Whatever has this form is read here, strictly or not: control files, locks, apt's sources and
preferences. Packages indexes of whole archives, which are too large for it, are read by
`apt/index.py`, Release files by python-debian, and locks for Bazel by `private/lockfile.bzl`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from apt2ostree.errors import UserError

FIELD_ORDER = (
    *("Package", "Essential", "Protected", "Status", "Priority", "Section", "Installed-Size"),
    *("Origin", "Maintainer", "Bugs", "Architecture", "Multi-Arch", "Source", "Version"),
    *("Replaces", "Provides", "Depends", "Pre-Depends", "Recommends", "Suggests", "Breaks"),
    *("Conflicts", "Enhances", "Conffiles", "Description"),
)
"""The fields that dpkg knows, in the order in which it writes them."""
_SPELLINGS = {name.lower(): name for name in FIELD_ORDER}

NumberedLine = tuple[int, str]
"""A line of a text, and its number, from 1."""
RawField = tuple[int, str, list[str]]
"""The number of a field's line, its name as it stands before the colon, the lines of its value:
what is behind the colon, then continuation lines, as they are."""


class MalformedLineError(UserError):
    """A line that is neither a field nor continues one.

    Attributes:
        number: of the line.
        line: what it is.
    """

    def __init__(self, number: int, line: str) -> None:
        super().__init__(f"line {number}: expected 'Field: value', got {line[:60]!r}")
        self.number, self.line = number, line


def split_stanzas(text: str) -> Iterator[list[NumberedLine]]:
    """Yield the lines of each stanza; comments are left out, lines of blanks are between them."""
    stanza: list[NumberedLine] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip():
            if stanza:
                yield stanza
            stanza = []
        elif not line.startswith("#"):
            stanza.append((number, line))
    if stanza:
        yield stanza


def read_fields(stanza: Iterable[NumberedLine]) -> Iterator[RawField]:
    """Yield the fields of a stanza; what names and values may be, and how often, is not judged.

    Raises:
        MalformedLineError: a line that has no name and colon, or continues nothing.
    """
    field: RawField | None = None
    for number, line in stanza:
        if field and line.startswith((" ", "\t")):
            field[2].append(line)
            continue
        if field:
            yield field
        name, colon, value = line.partition(":")
        if not colon or not name or line.startswith((" ", "\t")):
            raise MalformedLineError(number, line)
        field = number, name, [value]
    if field:
        yield field


def parse_stanzas(text: str, what: str) -> Iterator[dict[str, str]]:
    """Yield each stanza of a text as `parse_stanza` does; comments are allowed."""
    for stanza in split_stanzas(text):
        yield _parse(stanza, what)


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
    lines = text.strip("\r\n").replace("\r\n", "\n").split("\n")
    return _parse(enumerate(lines, 1), what)


def _parse(stanza: Iterable[NumberedLine], what: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    seen: set[str] = set()
    try:
        for number, name, lines in read_fields(stanza):
            if name.split() != [name]:
                raise MalformedLineError(number, f"{name}:{lines[0]}")
            lower = name.lower()
            if lower in seen:
                raise UserError(f"{what}, line {number}: field {name} is there twice")
            seen.add(lower)
            value = lines[0].lstrip(" \t")
            if len(lines) > 1:
                for at, line in enumerate(lines[1:], number + 1):
                    if not line.strip():
                        raise UserError(f"{what}, line {at}: a blank line in field {name}")
                value = "\n".join([value, *lines[1:]])
            fields[_SPELLINGS.get(lower, name)] = value.rstrip()
    except MalformedLineError as error:
        raise UserError(f"{what}, {error}") from None
    return fields


def render_stanza(fields: Mapping[str, str]) -> str:
    """Return the stanza's text, each field on a line of its own, without a final blank line."""
    return "".join(
        f"{name}:{value}\n" if value.startswith("\n") else f"{name}: {value}\n"
        for name, value in fields.items()
    )
