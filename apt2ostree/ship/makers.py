"""What made the files of an image that no package and no layer ships.

Composing makes dpkg's database, configuring nearly all else: packages' scripts call programs
whose caches, indexes and archives are known by where they are.
"""

from __future__ import annotations

from collections.abc import Iterable

from apt2ostree.tree import globs

REST = "configuration"
"""What is in no row of the table: maintainer scripts wrote it, or a hook did."""

MAKERS: dict[str, tuple[str, ...]] = {
    "dpkg's database": ("var/lib/dpkg/**", "var/cache/debconf/**"),
    "initrd (update-initramfs, dracut)": (
        "boot/initrd*",
        "boot/initramfs*",
        "usr/lib/modules/*/initramfs.img",
        "usr/lib/modules/*/initrd",
        "var/lib/initramfs-tools/**",
    ),
    "hwdb (systemd-hwdb)": ("etc/udev/hwdb.bin", "usr/lib/udev/hwdb.bin"),
    "kernel module indexes (depmod)": ("usr/lib/modules/*/modules.*", "lib/modules/*/modules.*"),
    "Python bytecode (py3compile)": ("**/__pycache__/*", "**/*.pyc"),
    "locales (localedef)": ("usr/lib/locale/**", "etc/locale.gen", "etc/default/locale"),
    "certificates (update-ca-certificates)": ("etc/ssl/certs/**",),
    "linker cache (ldconfig)": ("etc/ld.so.cache", "var/cache/ldconfig/**"),
    "fonts (fc-cache)": ("var/cache/fontconfig/**",),
    "icons (gtk-update-icon-cache)": ("usr/share/icons/**/icon-theme.cache",),
    "MIME types (update-mime-database)": (
        "usr/share/mime/**",
        "usr/share/applications/mimeinfo.cache",
    ),
    "GLib schemas and modules": (
        "usr/share/glib-2.0/schemas/gschemas.compiled",
        "usr/lib/**/giomodule.cache",
        "usr/lib/**/gdk-pixbuf-*/**/loaders.cache",
        "usr/lib/**/immodules.cache",
    ),
    "manual pages (mandb)": ("var/cache/man/**",),
    "dictionaries": ("var/cache/dictionaries-common/**", "var/lib/dictionaries-common/**"),
    "documentation catalogs": ("etc/xml/**", "etc/sgml/**", "var/lib/xml-core/**"),
    "alternatives": ("etc/alternatives/*",),
    "accounts": (
        "etc/passwd*",
        "etc/group*",
        "etc/shadow*",
        "etc/gshadow*",
        "etc/subuid*",
        "etc/subgid*",
    ),
    "enabled services": ("etc/systemd/**", "etc/rc?.d/*", "var/lib/systemd/**"),
    "apt": ("etc/apt/**", "var/lib/apt/**"),
}
"""What made it → where it is; of several rows that match, the first counts."""


def makers(paths: Iterable[str]) -> dict[str, set[str]]:
    """Group paths by what made them, in the order of the table."""
    found: dict[str, set[str]] = {}
    for path in paths:
        found.setdefault(maker(path), set()).add(path)
    return {name: found[name] for name in (*MAKERS, REST) if name in found}


def maker(path: str) -> str:
    """What made a path."""
    for name, patterns in MAKERS.items():
        if any(globs.compile_glob(pattern).fullmatch(path) for pattern in patterns):
            return name
    return REST
