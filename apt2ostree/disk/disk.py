"""A disk that boots an image: GPT, an EFI system partition with GRUB, and a root of ext4.

GRUB's core reads on the root what OSTree writes there for syslinux, so that a deployment is
switched by one rename, as OSTree has it, and nothing on the ESP ever changes. Everything that
could be random is made of the image's commit.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from apt2ostree.disk import gpt, sysroot
from apt2ostree.disk.toolbox import Toolbox
from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage

EPOCH = 1
"""Seconds since 1970 of all times in the file systems."""
ROOT_LABEL = "ostree-root"
ESP_SIZE = 64 << 20
_CHUNK = 1 << 20
_GRUB = "usr/lib/grub/x86_64-efi"
_GRUB_DIRECTORY = "/EFI/apt2ostree"
_GRUB_MODULES = (
    *("boot", "configfile", "echo", "ext2", "fat", "linux", "minicmd", "normal", "part_gpt"),
    *("reboot", "search", "search_label", "serial", "sleep", "syslinuxcfg", "terminal", "test"),
    "true",
)
_GRUB_CONFIG = f"""\
set timeout=2
serial --unit=0
terminal_input console serial
terminal_output console serial
search --no-floppy --label {ROOT_LABEL} --set=root
set default=0
syslinux_source -s /boot/loader/syslinux.cfg
boot
"""
_IMMUTABLE_DIRECTORY = "0x80010"
"""Flags of an ext4 directory of extents that nothing can be made in (ext2_fs.h)."""


@dataclass(frozen=True)
class Options:
    """What a disk is besides its image.

    Attributes:
        sysroot: see there.
        root_size: bytes of the root, a multiple of a mebibyte.
    """

    sysroot: sysroot.Options
    root_size: int


def make(
    output: BinaryIO, image: BuiltImage, options: Options, toolbox: Toolbox, scratch: Path
) -> None:
    """Write a disk.

    Args:
        output: an empty file.
        image: a bootable one.
        options: see there.
        toolbox: programs of e2fsprogs, dosfstools, mtools and GRUB.
        scratch: an empty directory with room for the image twice.

    Raises:
        UserError: the image cannot boot, or does not fit.
    """
    ids = _ids(image.commit)
    partitions = [
        gpt.Partition(gpt.ESP, next(ids), "esp", ESP_SIZE),
        gpt.Partition(gpt.ROOT_X86_64, next(ids), "root", options.root_size),
    ]
    gpt.write(output, next(ids), partitions)
    root = _root(image, options, toolbox, scratch, (next(ids), next(ids)))
    for start, content in zip(gpt.starts(partitions), (_esp(toolbox, scratch, next(ids)), root)):
        copy_sparse(content, output, start)
        content.unlink()


def root_size(total: int) -> int:
    """Bytes of the root on a disk of so many.

    Raises:
        UserError: no room for one.
    """
    left = total - gpt.size([]) - ESP_SIZE
    if left < ESP_SIZE:
        raise UserError(f"`size` {total >> 20}: a disk of so many MB has no room for an image")
    return left


def _ids(commit: str) -> Iterator[uuid.UUID]:
    """Ids that are a disk's own as long as its commit is."""
    for number in range(100):
        yield uuid.uuid5(uuid.UUID(commit[:32]), str(number))


def _esp(toolbox: Toolbox, scratch: Path, volume: uuid.UUID) -> Path:
    """The EFI system partition."""
    loader, config, esp = scratch / "BOOTX64.EFI", scratch / "grub.cfg", scratch / "esp.img"
    toolbox.run(
        "usr/bin/grub-mkimage",
        *("-O", "x86_64-efi", "-d", toolbox.root / _GRUB, "-p", _GRUB_DIRECTORY, "-o", loader),
        *_GRUB_MODULES,
    )
    config.write_text(_GRUB_CONFIG, encoding="ascii")
    with esp.open("wb") as file:
        file.truncate(ESP_SIZE)
    number = f"{volume.int & 0xFFFFFFFF:08x}"
    toolbox.run("usr/sbin/mkfs.fat", "-F", "32", "--invariant", "-i", number, "-n", "ESP", esp)
    for directory in ("/EFI", "/EFI/BOOT", _GRUB_DIRECTORY):
        toolbox.run("usr/bin/mtools", "-c", "mmd", "-i", esp, f"::{directory}")
    for file_, place in (
        (loader, "/EFI/BOOT/BOOTX64.EFI"),
        (config, f"{_GRUB_DIRECTORY}/grub.cfg"),
    ):
        toolbox.run("usr/bin/mtools", "-c", "mcopy", "-i", esp, file_, f"::{place}")
    return esp


def _root(
    image: BuiltImage,
    options: Options,
    toolbox: Toolbox,
    scratch: Path,
    ids: tuple[uuid.UUID, uuid.UUID],
) -> Path:
    """The root file system."""
    tar, root = scratch / "root.tar", scratch / "root.img"
    with tar.open("wb") as file:
        deployment = sysroot.write(file, image, options.sysroot)
    needed = tar.stat().st_size
    if needed > options.root_size * 9 // 10:
        raise UserError(
            f"{image.label}: {needed >> 20} MB do not fit on a root of {options.root_size >> 20} "
            "MB, where an update needs room besides: set `size` to at least "
            f"{(needed * 2 + ESP_SIZE >> 20) + 2}"
        )
    with root.open("wb") as file:
        file.truncate(options.root_size)
    toolbox.run(
        "usr/sbin/mke2fs",
        *("-q", "-t", "ext4", "-L", ROOT_LABEL, "-U", str(ids[0])),
        *("-E", f"hash_seed={ids[1]},lazy_itable_init=1,root_owner=0:0", "-O", "verity"),
        *("-d", tar, root),
    )
    tar.unlink()
    # As OSTree leaves a deployment: a tar has no such flag.
    toolbox.run(
        "usr/sbin/debugfs",
        *("-w", "-R", f"set_inode_field /{deployment} flags {_IMMUTABLE_DIRECTORY}", root),
    )
    return root


def copy_sparse(source: Path, output: BinaryIO, start: int = 0) -> None:
    """Copy a file into one that is zero from `start` on, leaving out what is zero.

    Where it ends in zeros the output has to have its size.
    """
    with source.open("rb") as file:
        output.seek(start)
        while chunk := file.read(_CHUNK):
            if chunk.count(0) == len(chunk):
                output.seek(len(chunk), 1)
            else:
                output.write(chunk)
