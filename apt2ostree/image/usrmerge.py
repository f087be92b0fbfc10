"""Merged /usr: where `/bin`, `/lib` and their like are symlinks into `/usr`.

From Debian 13 on base-files ships the links. Before, the packages still ship files under
`/bin`, and the bootstrapping program makes the links first: these here are the ones that
debootstrap makes (its `setup_merged_usr`, per architecture).
"""

from __future__ import annotations

from collections.abc import Collection

ALWAYS = ("bin", "lib", "sbin")
PER_ARCHITECTURE = {
    "amd64": ("lib32", "lib64", "libx32"),
    "i386": ("lib64", "libx32"),
    "loong64": ("lib32", "lib64"),
    "mips": ("lib32", "lib64"),
    "mipsel": ("lib32", "lib64"),
    "mips64el": ("lib32", "lib64", "libo32"),
    "powerpc": ("lib64",),
    "ppc64": ("lib32", "lib64"),
    "ppc64el": ("lib64",),
    "s390x": ("lib32",),
    "sparc64": ("lib32", "lib64"),
    "x32": ("lib32", "lib64", "libx32"),
}
MARKERS = frozenset({"usr-is-merged", "usrmerge"})
"""Packages that are only right in an image with a merged /usr."""


def wanted(setting: str, packages: Collection[str]) -> bool:
    """Whether to make the links.

    Args:
        setting: `"yes"`, `"no"`, or `"auto"`: if the set has one of `MARKERS`.
        packages: names of the packages in the image.
    """
    return setting == "yes" or (setting == "auto" and not MARKERS.isdisjoint(packages))


def links(architecture: str) -> dict[str, str]:
    """Link → target, both relative to the root.

    Args:
        architecture: the image's native one.
    """
    names = sorted([*ALWAYS, *PER_ARCHITECTURE.get(architecture, ())])
    return {name: f"usr/{name}" for name in names}
