"""Small universes of packages, written in a line each."""

from __future__ import annotations

from collections.abc import Sequence

from apt2ostree.debian.index import Origin, Package, parse_index
from apt2ostree.lock.preferences import Preferences
from apt2ostree.lock.universe import Universe


def index(text: str) -> bytes:
    """Make a Packages index of lines ``NAME[:ARCHITECTURE] [VERSION] [; FIELD: VALUE]…``.

    The architecture is amd64 if the line names none, the version 1.
    """
    stanzas = []
    for line in filter(str.strip, text.splitlines()):
        head, *fields = (part.strip() for part in line.split(";"))
        name, version = [*head.split(), "1"][:2]
        name, _, architecture = name.partition(":")
        architecture = architecture or "amd64"
        given = {field.partition(":")[0] for field in fields}
        fields = [
            f"Package: {name}",
            f"Version: {version}",
            f"Architecture: {architecture}",
            *fields,
        ]
        if "SHA256" not in given:
            fields.append(f"SHA256: {line.strip().encode().hex()}")
        fields += ["Size: 1", f"Filename: pool/{name}_{version}_{architecture}.deb"]
        stanzas.append("\n".join(fields) + "\n")
    return "\n".join(stanzas).encode()


def packages(text: str, origin: Origin | None = None) -> list[Package]:
    """Read the packages of such lines."""
    return parse_index(index(text), "Packages", origin)


def universe(
    text: str, foreign: Sequence[str] = (), preferences: Preferences | None = None
) -> Universe:
    """Make a universe for amd64 of such lines."""
    return Universe(packages(text), "amd64", foreign, preferences)
