"""The file system that a device begins with, as a tar: OSTree's repo and one deployment of it.

    ostree/repo/                                     a bare repo with the image's commit
    ostree/deploy/OS/deploy/COMMIT.0/                the deployment, hard links into the repo
    ostree/deploy/OS/deploy/COMMIT.0.origin          what it is updated from
    ostree/deploy/OS/var/
    ostree/boot.0 -> boot.0.1, ostree/boot.0.1/OS/BOOT/0 -> the deployment
    boot/ostree/OS-BOOT/{vmlinuz-…,initramfs-….img}  kernel and initrd
    boot/loader -> loader.0, boot/loader.0/…         entries for the boot loader

It is what `ostree admin init-fs --modern`, `os-init`, `pull-local` and `deploy` make, which could
only write owners as root. BOOT is the SHA-256 of kernel and initrd. Sources: "Anatomy of an
OSTree repository", "Deployments" and "Atomic upgrades" of OSTree's manual.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree import objects_tar
from apt2ostree.ship.contents import Contents
from apt2ostree.ship.export_tar import ContentReader, tar_member
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import (
    CHECKSUM,
    GID,
    MODE,
    SIZE,
    TARGET,
    TYPE,
    UID,
    Directory,
    Row,
    components,
    decode_xattrs,
    row_xattrs,
)

_REPO = "ostree/repo"
_REPO_DIRECTORIES = ("extensions", "refs/heads", "refs/mirrors", "refs/remotes", "state", "tmp")


@dataclass(frozen=True)
class Options:
    """What a device knows besides its image.

    Attributes:
        os_name: the name of its system (stateroot).
        branch: that it follows.
        remote: URL of the repo that it is updated from; empty: none yet.
        keys: OpenPGP public keys, of which one has to have signed what it is updated to.
        kernel_arguments: besides `ostree=`.
    """

    os_name: str
    branch: str
    remote: str = ""
    keys: bytes = b""
    kernel_arguments: tuple[str, ...] = field(default=())


def write(file: BinaryIO, image: BuiltImage, options: Options) -> str:
    """Write the tar.

    Args:
        file: where to.
        image: a bootable one.
        options: see there.

    Returns:
        The path of the deployment.

    Raises:
        UserError: the image is not laid out to boot.
    """
    if "ostree.linux" not in image.manifest.metadata:
        raise UserError(f"{image.label}: not laid out to boot: set `bootable = True`")
    with (
        Contents(image) as contents,
        tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        return _Sysroot(tar, image, options, contents).write()


class _Sysroot:
    def __init__(
        self, tar: tarfile.TarFile, image: BuiltImage, options: Options, contents: Contents
    ) -> None:
        self._tar = tar
        self._image = image
        self._options = options
        self._contents = contents
        self._made = {""}
        self._objects: dict[str, str] = {}
        self.deployment = f"ostree/deploy/{options.os_name}/deploy/{image.commit}.0"

    def write(self) -> str:
        """Write everything; return the deployment's path."""
        self._tar.addfile(_directory("", "0755"))
        self._repo()
        self._deployment()
        self._boot()
        return self.deployment

    def _repo(self) -> None:
        options = self._options
        for name in _REPO_DIRECTORIES:
            self._directory(f"{_REPO}/{name}")
        config = (
            "[core]\nrepo_version=1\nmode=bare\n\n"
            "[sysroot]\nreadonly=true\nbootloader=syslinux\nbootprefix=true\n"
        )
        if options.remote:
            verify = "true" if options.keys else "false"
            config += f'\n[remote "origin"]\nurl={options.remote}\ngpg-verify={verify}\n'
        self._text(f"{_REPO}/config", config)
        if options.keys:
            self._bytes(f"{_REPO}/origin.trustedkeys.gpg", options.keys)
        commit = f"{self._image.commit}\n"
        self._text(f"{_REPO}/refs/remotes/origin/{options.branch}", commit)
        self._text(f"{_REPO}/refs/heads/ostree/0/1/0", commit)
        rows = {
            f"{row[CHECKSUM]}.file": row
            for directory in self._image.manifest.directories.values()
            for row in directory.files.values()
        }
        for name, file, size in self._image.read_objects(self._image.object_names()):
            path = f"{_REPO}/{objects_tar.object_path(name)}"
            if name in rows:
                self._objects[name] = path
                self._file(path, rows[name])
            else:
                self._bytes(path, file.read(size))

    def _deployment(self) -> None:
        options = self._options
        directories = self._image.manifest.directories
        self._directory(paths.parent(self.deployment))
        self._directory(f"ostree/deploy/{options.os_name}/var")
        for path in sorted(directories, key=components):
            self._tree(f"{self.deployment}/{path}".rstrip("/"), directories[path], linked=True)
        # Of its own: it is changed on the device.
        for path in sorted(directories, key=components):
            if path == "usr/etc" or path.startswith("usr/etc/"):
                place = f"{self.deployment}/{path[len('usr/') :]}"
                self._tree(place, directories[path], linked=False)
        origin = f"[origin]\nrefspec=origin:{options.branch}\n"
        self._text(f"{self.deployment}.origin", origin)

    def _tree(self, place: str, directory: Directory, linked: bool) -> None:
        self._made.add(place)
        self._tar.addfile(
            _directory(
                place,
                directory.mode,
                directory.uid,
                directory.gid,
                decode_xattrs(directory.xattrs),
            )
        )
        for name, row in sorted(directory.files.items()):
            path = f"{place}/{name}"
            if linked and row[TYPE] == "file":
                self._link(path, row)
            else:
                self._file(path, row)

    def _boot(self) -> None:
        options, image = self._options, self._image
        release = str(image.manifest.metadata["ostree.linux"])
        modules = f"usr/lib/modules/{release}"
        digest = hashlib.sha256()
        for name in ("vmlinuz", "initramfs.img"):
            for chunk in self._contents.chunks(self._row(f"{modules}/{name}")[CHECKSUM]):
                digest.update(chunk)
        boot = digest.hexdigest()
        place = f"boot/ostree/{options.os_name}-{boot}"
        names = {"vmlinuz": f"vmlinuz-{release}", "initramfs.img": f"initramfs-{release}.img"}
        self._directory(place)
        for name, known_as in names.items():
            self._link(f"{place}/{known_as}", self._row(f"{modules}/{name}"))
        below = f"ostree/boot.0.1/{options.os_name}/{boot}"
        self._directory(below)
        self._symlink(f"{below}/0", f"../../../{self.deployment[len('ostree/') :]}")
        self._symlink("ostree/boot.0", "boot.0.1")
        self._symlink("boot/loader", "loader.0")
        title = f"{self._title()} (ostree:0)"
        entry = {
            "title": title,
            "version": "1",
            "options": " ".join(
                [*options.kernel_arguments, f"ostree=/ostree/boot.0/{options.os_name}/{boot}/0"]
            ),
            "linux": f"/{place}/{names['vmlinuz']}",
            "initrd": f"/{place}/{names['initramfs.img']}",
        }
        self._text(
            "boot/loader.0/entries/ostree-1.conf",
            "".join(f"{key} {value}\n" for key, value in entry.items()),
        )
        self._text(
            "boot/loader.0/syslinux.cfg",
            f"DEFAULT {title}\nTIMEOUT 20\n\nLABEL {title}\n\tKERNEL {entry['linux']}\n"
            f"\tAPPEND {entry['options']}\n\tINITRD {entry['initrd']}\n",
        )
        # What makes OSTree write the file for the next deployment, too.
        self._symlink("boot/syslinux/syslinux.cfg", "../loader/syslinux.cfg")

    def _title(self) -> str:
        text = self._contents.read_text("usr/lib/os-release") or ""
        lines = (line.partition("=") for line in text.splitlines())
        values = {key: value.strip("\"'") for key, _, value in lines}
        name = values.get("PRETTY_NAME") or values.get("NAME") or self._options.os_name
        version = self._image.manifest.metadata.get("version", "")
        return f"{name} {version}".rstrip()

    def _row(self, path: str) -> Row:
        row = self._image.manifest.row(path)
        assert row is not None, path
        return row

    def _directory(self, path: str) -> None:
        """Make a directory of root's, with those above it, unless it is there."""
        if path not in self._made:
            self._directory(paths.parent(path))
            self._made.add(path)
            self._tar.addfile(_directory(path, "0755"))

    def _file(self, path: str, row: Row) -> None:
        self._directory(paths.parent(path))
        info = tar_member(path, row[MODE], row[UID], row[GID], row_xattrs(row))
        if row[TYPE] == "symlink":
            info.type, info.linkname = tarfile.SYMTYPE, row[TARGET]
            self._tar.addfile(info)
        else:
            info.size = row[SIZE]
            chunks = self._contents.chunks(row[CHECKSUM])
            self._tar.addfile(info, cast(BinaryIO, ContentReader(chunks)))

    def _link(self, path: str, row: Row) -> None:
        """A hard link to a file's object."""
        self._directory(paths.parent(path))
        info = tar_member(path, row[MODE], row[UID], row[GID], {})
        target = self._objects[f"{row[CHECKSUM]}.file"]
        info.type, info.linkname = tarfile.LNKTYPE, f"./{target}"
        self._tar.addfile(info)

    def _symlink(self, path: str, target: str) -> None:
        self._directory(paths.parent(path))
        info = tar_member(path, "0777", 0, 0, {})
        info.type, info.linkname = tarfile.SYMTYPE, target
        self._tar.addfile(info)

    def _text(self, path: str, text: str) -> None:
        self._bytes(path, text.encode("utf-8"))

    def _bytes(self, path: str, data: bytes) -> None:
        self._directory(paths.parent(path))
        info = tar_member(path, "0644", 0, 0, {})
        info.size = len(data)
        self._tar.addfile(info, io.BytesIO(data))


def _directory(
    path: str, mode: str, uid: int = 0, gid: int = 0, xattrs: Mapping[str, bytes] | None = None
) -> tarfile.TarInfo:
    info = tar_member(path, mode, uid, gid, xattrs or {})
    info.type = tarfile.DIRTYPE
    return info
