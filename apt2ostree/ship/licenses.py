"""Licences out of Debian's copyright files, under the names of the SPDX licence list.

A machine-readable copyright file (DEP 5, copyright-format 1.0) says per group of files
`License: NAME`, NAME being Debian's short name, and perhaps the text. Other files are prose,
of which nothing is asserted here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from apt2ostree.debian.control import parse_stanza
from apt2ostree.errors import UserError

# Debian's short names whose SPDX names differ by more than a "+"; all in lower case.
_SPDX = {
    "apache-2": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "artistic": "Artistic-1.0-Perl",
    "artistic-2.0": "Artistic-2.0",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd-4-clause": "BSD-4-Clause",
    "bsd-4-clause-uc": "BSD-4-Clause-UC",
    "cc0": "CC0-1.0",
    "cc0-1.0": "CC0-1.0",
    "curl": "curl",
    "expat": "MIT",
    "fsfullr": "FSFULLR",
    "isc": "ISC",
    "mit": "MIT",
    "mpl-1.1": "MPL-1.1",
    "mpl-2.0": "MPL-2.0",
    "openssl": "OpenSSL",
    "postgresql": "PostgreSQL",
    "python-2.0": "Python-2.0",
    "unlicense": "Unlicense",
    "wtfpl-2": "WTFPL",
    "x11": "X11",
    "zlib": "Zlib",
}
_GNU = re.compile(r"(a?gpl|lgpl|gfdl)-?(\d(?:\.\d)?)(\+|-or-later|-only)?")
_HEADER = re.compile(r"format(-specification)?:\s*\S*(copyright-format|dep5)", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s+(?:and/or|and|or)\s+|\s*,\s*(?:and\s+|or\s+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Licenses:
    """What a copyright file says.

    Attributes:
        ids: names of the SPDX list, or `LicenseRef-…`; empty if the file is prose.
        texts: of the `LicenseRef-…`: their text, as far as the file has it.
        names: of the `LicenseRef-…`: Debian's short name.
        holders: lines of the `Copyright` fields.
    """

    ids: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    holders: tuple[str, ...] = ()

    @property
    def expression(self) -> str:
        """An SPDX expression: everything applies to some file of the package."""
        return " AND ".join(self.ids)


def parse(text: str) -> Licenses:
    """Read a copyright file; one that is not machine-readable, or malformed, says nothing."""
    if not _HEADER.match(text.lstrip()):
        return Licenses()
    ids: dict[str, None] = {}
    texts: dict[str, str] = {}
    names: dict[str, str] = {}
    holders: dict[str, None] = {}
    for paragraph in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        try:
            fields = {
                name.lower(): value for name, value in parse_stanza(paragraph, "copyright").items()
            }
        except UserError:
            continue
        for line in fields.get("copyright", "").splitlines():
            holders.setdefault(line.strip())
        short, _, body = fields.get("license", "").partition("\n")
        for name in filter(None, _SEPARATOR.split(short.strip())):
            spdx = spdx_id(name)
            ids.setdefault(spdx)
            if spdx.startswith("LicenseRef-"):
                names[spdx] = name
                if body.strip() and not texts.get(spdx):
                    texts[spdx] = _unfold(body)
    found = tuple(sorted(ids))
    return Licenses(found, texts, names, tuple(filter(None, holders)))


def spdx_id(name: str) -> str:
    """The SPDX name of a licence that Debian calls `name`; `LicenseRef-…` if it has none."""
    lower = name.lower().strip()
    known = _SPDX.get(lower)
    if known:
        return known
    gnu = _GNU.fullmatch(lower)
    if gnu:
        number = gnu[2] if "." in gnu[2] else f"{gnu[2]}.0"
        later = "only" if gnu[3] in (None, "-only") else "or-later"
        candidate = f"{gnu[1].upper()}-{number}-{later}"
        if candidate in _GNU_VERSIONS:
            return candidate
    return "LicenseRef-" + (re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-") or "unnamed")


_GNU_VERSIONS = frozenset(
    f"{name}-{number}-{later}"
    for name, numbers in {
        "GPL": ("1.0", "2.0", "3.0"),
        "LGPL": ("2.0", "2.1", "3.0"),
        "AGPL": ("1.0", "3.0"),
        "GFDL": ("1.1", "1.2", "1.3"),
    }.items()
    for number in numbers
    for later in ("only", "or-later")
)


def _unfold(body: str) -> str:
    lines = (line.strip() for line in body.split("\n"))
    return "\n".join("" if line == "." else line for line in lines).strip()
