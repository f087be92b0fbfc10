"""A small image that has what a device needs: a kernel, an initrd, systemd's and OSTree's names."""

from __future__ import annotations

import io

from apt2ostree.device import layout
from apt2ostree.image import compose
from apt2ostree.ostree.objects_tar import ObjectsWriter
from tests.support.debs import Entry, control, deb, directory, file, symlink
from tests.support.images import Composed, compose_debs

KERNEL = "6.1.0-1-amd64"
_LINKS = ("bin", "lib", "sbin", "lib64")


def packages(*entries: Entry, kernel: str = KERNEL, initrd: bool = True) -> list[bytes]:
    """Packages of which a bootable image can be made.

    Args:
        *entries: what the package `appliance` ships.
        kernel: the release of the kernel.
        initrd: with an initrd, as if scripts had made one.
    """
    base = deb(
        *(directory(f"./{name}") for name in ("usr", "usr/bin", "usr/lib", "usr/sbin")),
        *(symlink(f"./{name}", f"usr/{name}") for name in _LINKS),
        *(directory(f"./{name}") for name in ("dev", "home", "media", "opt", "srv", "usr/local")),
        directory("./root", 0o700),
        file("./root/.profile", b"umask 022\n"),
        directory("./usr/local/share"),
        symlink("./usr/local/man", "share"),
        directory("./tmp", 0o1777),
        directory("./etc"),
        file("./etc/motd", b"hello\n"),
        file("./usr/lib/os-release", b"ID=debian\nNAME=Debian\nPRETTY_NAME=Debian\n"),
        symlink("./etc/os-release", "../usr/lib/os-release"),
        control=control("base-files"),
    )
    linux = deb(
        directory("./boot"),
        file(f"./boot/vmlinuz-{kernel}", b"kernel"),
        file(f"./boot/config-{kernel}", b"CONFIG_64BIT=y\n"),
        file(f"./boot/System.map-{kernel}", b"map"),
        *([file(f"./boot/initrd.img-{kernel}", b"initrd")] if initrd else []),
        *(directory(f"./usr/lib/{name}") for name in ("", "modules", f"modules/{kernel}")),
        file(f"./usr/lib/modules/{kernel}/modules.order", b""),
        symlink("./vmlinuz", f"boot/vmlinuz-{kernel}"),
        control=control(f"linux-image-{kernel}"),
    )
    return [
        base,
        linux,
        deb(file("./usr/sbin/init", b"init", 0o755), control=control("systemd-sysv")),
        deb(control=control("ostree")),
        deb(
            directory("./usr/lib/ostree"),
            file("./usr/lib/ostree/ostree-prepare-root", b"prepare", 0o755),
            control=control("ostree-boot"),
        ),
        deb(*entries, control=control("appliance")),
    ]


def lay_out(image: Composed, version: str = "") -> Composed:
    """Lay an image out."""
    buffer = io.BytesIO()
    writer = ObjectsWriter(buffer)
    manifest, commit = layout.lay_out(image.manifest, version, writer)
    writer.close()
    return Composed(manifest, commit, [*image.objects, buffer.getvalue()])


def bootable(*entries: Entry, version: str = "") -> Composed:
    """Compose the small image and lay it out; see `packages`."""
    options = compose.Options(architectures=("amd64",))
    return lay_out(compose_debs(packages(*entries), options), version)
