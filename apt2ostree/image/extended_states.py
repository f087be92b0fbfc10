"""Apt's memory of what nobody asked for: /var/lib/apt/extended_states.

One stanza for each package that was installed for another's sake, as apt-mark(8) writes it, so
that `apt autoremove` on a device is right. Packages for all architectures count as native ones.
"""

from __future__ import annotations

from collections.abc import Collection

from apt2ostree.tree.manifest import PackageRecord

PATH = "var/lib/apt/extended_states"


def text(records: Collection[PackageRecord], native: str) -> str:
    """The file's content; "" where no package is automatic, or no apt would read it.

    Args:
        records: the image's packages.
        native: the image's own architecture.
    """
    if all(record.name != "apt" for record in records):
        return ""
    found = sorted(
        (record.name, native if record.architecture == "all" else record.architecture)
        for record in records
        if record.automatic
    )
    return "".join(
        f"Package: {name}\nArchitecture: {architecture}\nAuto-Installed: 1\n\n"
        for name, architecture in found
    )
