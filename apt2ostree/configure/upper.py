"""The overlay's upper directory: what configuring changed, brought into the manifest.

A character device in the upper directory is a whiteout: the path is gone. A directory with
`user.overlay.opaque` hides all of the lower one. What a file is, its own inode says; owners, modes
and attributes come from fakeroot's database and the recorder by the inode that the merged tree
shows. Everything that is read here others have written: `sandbox/tree.py`. Source: the kernel's
overlayfs.rst.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from apt2ostree.ostree.objects import FileHeader
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.sandbox import acl, creator
from apt2ostree.sandbox.fakeroot import Status
from apt2ostree.sandbox.recorder import Inode
from apt2ostree.sandbox.root import Known
from apt2ostree.sandbox.tree import Tree, link
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import Directory, Row, encode_xattrs

CHUNK = 1 << 20
_OPAQUE = "user.overlay.opaque"
_OWN = ("user.overlay.", creator.ATTRIBUTE)
_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


@dataclass
class Changes:
    """What was brought in.

    Attributes:
        left_out: (path, type) of what OSTree cannot store.
        cleaned: paths that were left behind and not taken.
    """

    left_out: list[tuple[str, str]] = field(default_factory=list)
    cleaned: list[str] = field(default_factory=list)


class Upper:
    """Brings the changes into `directories`, in place.

    Args:
        directories: the tree as it was; changed in place.
        upper: the overlay's upper directory.
        merged: the overlay.
        known: owners, modes, attributes.
        removes: whether a path that configuring made, and that leads to another if it is a
            symlink, is not to be kept.
        objects: where content that the image does not have yet goes.
    """

    def __init__(
        self,
        directories: dict[str, Directory],
        upper: Tree,
        merged: Tree,
        known: Known,
        removes: Callable[[str, str], bool],
        objects: ObjectsWriter,
    ) -> None:
        self._directories = directories
        self._shipped = set(_all_paths(directories))
        self._upper = upper
        self._merged = merged
        self._known = known
        self._removes = removes
        self._objects = objects
        self.changes = Changes()

    def apply(self, touched: Mapping[Inode, str]) -> Changes:
        """Bring everything in.

        Args:
            touched: paths of the lower directory by inode, of which only owner, mode or
                attributes may have changed.
        """
        pending = [""]
        while pending:
            pending += reversed(self._directory(pending.pop()))
        for path in sorted(touched.values()):
            if not self._is_there(path):
                self._update(path)
        return self.changes

    def _is_there(self, path: str) -> bool:
        """Whether the upper tree has a path, or something else in place of a directory above it."""
        try:
            os.close(self._upper.open(path))
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def _directory(self, path: str) -> list[str]:
        """Take in a directory of the upper tree and its files; return its directories."""
        self._update(path)
        with self._upper.opened(path) as descriptor:
            opaque = _is_opaque(descriptor)
        if opaque:
            self._drop_content(path)
        directories = []
        for entry in sorted(self._upper.scan(path), key=lambda entry: entry.name):
            below = paths.join(path, entry.name)
            if below not in self._shipped and self._removes(below, self._target(entry, below)):
                self.changes.cleaned.append(below)
            elif entry.is_dir(follow_symlinks=False):
                directories.append(below)
            elif entry.is_file(follow_symlinks=False) or entry.is_symlink():
                self._update(below)
            else:
                self._update_special(below)
        return directories

    def _update_special(self, path: str) -> None:
        """Take in what is neither file nor directory: a whiteout, a fifo, a socket."""
        with self._upper.opened(path) as descriptor:
            is_whiteout = stat.S_ISCHR(os.fstat(descriptor).st_mode)
        if is_whiteout:
            self._drop(path)
        else:
            self._update(path)

    def _target(self, entry: os.DirEntry[str], path: str) -> str:
        """Where a symlink leads, relative to the root; empty if it is none."""
        if not entry.is_symlink():
            return ""
        with self._upper.opened(path) as descriptor:
            target = os.readlink("", dir_fd=descriptor)
        return os.path.normpath(os.path.join("/", path, "..", target)).lstrip("/")

    def _update(self, path: str) -> None:
        """Take in one path as the merged tree has it."""
        try:
            descriptor = self._merged.open(path)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                return
            raise
        try:
            self._update_from(path, descriptor)
        finally:
            os.close(descriptor)

    def _update_from(self, path: str, descriptor: int) -> None:
        disk = os.fstat(descriptor)
        inode = disk.st_dev, disk.st_ino
        status = self._status(path, disk, descriptor)
        xattrs = self._xattrs(disk, descriptor)
        self._follow_chmod(inode, disk, xattrs)
        mode = acl.apply_to_mode(status.mode, xattrs)
        xattrs = acl.without_trivial(xattrs)
        type_ = _TYPES[stat.S_IFMT(mode)]
        status = Status(mode, status.uid, status.gid, status.rdev)
        if type_ == "directory":
            self._update_directory(path, status, xattrs)
        elif type_ in ("file", "symlink"):
            self._drop_directory(path)
            above, name = paths.split(path)
            row = self._row(descriptor, type_, status, xattrs)
            self._directories[above].files[name] = row
        else:
            self._drop(path)
            self.changes.left_out.append((path, type_))

    def _status(self, path: str, disk: os.stat_result, descriptor: int) -> Status:
        inode = disk.st_dev, disk.st_ino
        status = self._known.statuses.get(inode)
        if status is None or not _may_be(status.mode, disk.st_mode):
            status = Status(disk.st_mode, 0, 0)
        maker = None if stat.S_ISLNK(disk.st_mode) else creator.read_note(descriptor)
        if maker:
            # fakeroot says root's of whatever was not given away.
            uid, gid = status.uid or maker.uid, status.gid or maker.gid
            status = Status(status.mode, uid, gid, status.rdev)
        if path not in self._shipped and status.gid in (0, maker.gid if maker else 0):
            # What is made in a setgid directory belongs to the directory's group, and a directory
            # becomes setgid itself: the kernel does that, and fakeroot does not see it.
            parent = self._directories[paths.parent(path)]
            if int(parent.mode, 8) & stat.S_ISGID:
                mode = status.mode | disk.st_mode & stat.S_ISGID
                status = Status(mode, status.uid, parent.gid, status.rdev)
        record = self._known.records.get(inode)
        if record:
            uid = status.uid if record.uid is None else record.uid
            gid = status.gid if record.gid is None else record.gid
            status = Status(status.mode, uid, gid, status.rdev)
        return status

    def _xattrs(self, disk: os.stat_result, descriptor: int) -> dict[str, bytes]:
        xattrs = {}
        if stat.S_ISREG(disk.st_mode) or stat.S_ISDIR(disk.st_mode):
            place = link(descriptor)
            for name in os.listxattr(place):
                if name.startswith("user.") and not name.startswith(_OWN):
                    xattrs[name] = os.getxattr(place, name)
        record = self._known.records.get((disk.st_dev, disk.st_ino))
        if record:
            xattrs.update(record.xattrs)
        return xattrs

    def _follow_chmod(self, inode: Inode, disk: os.stat_result, xattrs: dict[str, bytes]) -> None:
        """Bring an ACL up to date with a chmod(2) that came after it."""
        record = self._known.records.get(inode)
        if not record or record.acl_mode is None or acl.ACCESS not in xattrs:
            return
        # The owner's bits are not compared: fakeroot leaves files readable on the disk.
        if (disk.st_mode ^ record.acl_mode) & 0o077:
            xattrs[acl.ACCESS] = acl.after_chmod(xattrs[acl.ACCESS], disk.st_mode)

    def _update_directory(self, path: str, status: Status, xattrs: Mapping[str, bytes]) -> None:
        if path:
            above, name = paths.split(path)
            self._directories[above].files.pop(name, None)
        directory = self._directories.setdefault(path, Directory())
        directory.mode = f"{stat.S_IMODE(status.mode):04o}"
        directory.uid, directory.gid = status.uid, status.gid
        directory.xattrs = encode_xattrs(xattrs) or None

    def _row(self, descriptor: int, type_: str, status: Status, xattrs: Mapping[str, bytes]) -> Row:
        row: Row = [type_, f"{stat.S_IMODE(status.mode):04o}", status.uid, status.gid]
        if type_ == "symlink":
            target = os.readlink("", dir_fd=descriptor)
            header = FileHeader(status.uid, status.gid, status.mode, target, xattrs)
            row += [target, self._objects.add_file(header, 0, [])]
        else:
            header = FileHeader(status.uid, status.gid, status.mode, xattrs=xattrs)
            with open(link(descriptor), "rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                chunks = iter(lambda: file.read(CHUNK), b"")
                row += [size, self._objects.add_file(header, size, chunks)]
        if xattrs:
            row.append(encode_xattrs(xattrs))
        return row

    def _drop(self, path: str) -> None:
        above, name = paths.split(path)
        if above in self._directories:
            self._directories[above].files.pop(name, None)
        self._drop_directory(path)

    def _drop_directory(self, path: str) -> None:
        if path in self._directories:
            self._drop_content(path)
            del self._directories[path]

    def _drop_content(self, path: str) -> None:
        self._directories[path].files.clear()
        start = f"{path}/"
        for other in [other for other in self._directories if other.startswith(start)]:
            del self._directories[other]


def _may_be(mode: int, disk: int) -> bool:
    """Whether fakeroot's mode can be that of what is on the disk.

    It makes device nodes of files; any other type is of a file that had the inode before, or of
    none.
    """
    type_, real = stat.S_IFMT(mode), stat.S_IFMT(disk)
    return type_ == real or (real == stat.S_IFREG and type_ in (stat.S_IFCHR, stat.S_IFBLK))


def _is_opaque(descriptor: int) -> bool:
    try:
        return os.getxattr(link(descriptor), _OPAQUE) == b"y"
    except OSError:
        return False


def _all_paths(directories: Mapping[str, Directory]) -> Iterator[str]:
    for path, directory in directories.items():
        yield path
        for name in directory.files:
            yield paths.join(path, name)
