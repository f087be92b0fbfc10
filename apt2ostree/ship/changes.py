"""The differences between two images by the package, layer or program that they are of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apt2ostree.ship.diff import Diff, FileChange, PackageChange
from apt2ostree.ship.sizes import Item
from apt2ostree.tree import globs

ELSEWHERE = "paths of no part of this image"
"""What was removed, and what is only in other images: nobody here knows whose it was."""
FOLDED = (
    "usr/share/doc/**",
    "usr/share/info/**",
    "usr/share/lintian/**",
    "usr/share/locale/**",
    "usr/share/man/**",
    "var/cache/**",
    "var/lib/dpkg/**",
)
"""Documentation, translations and databases: they change with every version and say nothing."""


@dataclass(frozen=True)
class Group:
    """The changes of one part.

    Attributes:
        name: of the package, the layer, or what made the files.
        package: how the package itself changed, if it did.
        files: its changes, by path.
        folded: those that are only counted, of `FOLDED`.
    """

    name: str
    package: PackageChange | None
    files: tuple[FileChange, ...]
    folded: tuple[FileChange, ...]

    @property
    def growth(self) -> int:
        """Bytes that the image grew by them."""
        return sum(change.growth for change in (*self.files, *self.folded))


def owners(items: Iterable[Item]) -> dict[str, str]:
    """Path → the name of the part that has it."""
    return {path: item.name for item in items for path in item.paths}


def grouped(diff: Diff, owner: Mapping[str, str]) -> list[Group]:
    """Group differences: packages that changed, then other parts, both by name, then the rest.

    Args:
        diff: the differences.
        owner: path → name of a part.
    """
    changed = {change.name: change for change in diff.packages}
    files: dict[str, list[FileChange]] = {name: [] for name in changed}
    for change in diff.files:
        name = owner.get(change.path) or _named(change.path, changed) or ELSEWHERE
        files.setdefault(name, []).append(change)
    groups = [
        Group(
            name,
            changed.get(name),
            tuple(change for change in found if not _is_folded(change.path)),
            tuple(change for change in found if _is_folded(change.path)),
        )
        for name, found in files.items()
    ]
    return sorted(
        groups, key=lambda group: (group.name == ELSEWHERE, not group.package, group.name)
    )


def _named(path: str, packages: Mapping[str, PackageChange]) -> str:
    """The package that a path is named after: its documentation, and what dpkg knows of it."""
    parts = path.split("/")
    if parts[:3] == ["usr", "share", "doc"] and len(parts) > 3 and parts[3] in packages:
        return parts[3]
    if parts[:4] == ["var", "lib", "dpkg", "info"] and len(parts) > 4:
        name = parts[4].rpartition(".")[0].partition(":")[0]
        return name if name in packages else ""
    return ""


def _is_folded(path: str) -> bool:
    return any(globs.compile_glob(pattern).fullmatch(path) for pattern in FOLDED)
