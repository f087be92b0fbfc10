"""A tree made of a user's files, directories, symlinks and tars."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from apt2ostree.deb import compression
from apt2ostree.deb.tar import Member, TarReader
from apt2ostree.errors import UserError
from apt2ostree.ostree.objects import FileHeader
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import paths, tree
from apt2ostree.tree.accounts import Accounts
from apt2ostree.tree.attributes import Attributes, Rules
from apt2ostree.tree.manifest import KEPT_TEXTS, MAX_TEXT, Directory, Manifest, Row, encode_xattrs

DIRECTORY_MODE = "0755"
CHUNK = 1 << 18
_SUFFIXES = {
    ".tar": "",
    ".tar.gz": ".gz",
    ".tgz": ".gz",
    ".tar.xz": ".xz",
    ".txz": ".xz",
    ".tar.bz2": ".bz2",
    ".tbz2": ".bz2",
    ".tar.lzma": ".lzma",
    ".tar.zst": ".zst",
    ".tzst": ".zst",
}


class TreeBuilder:
    """Gathers a tree.

    Args:
        objects: where the content objects go.
        accounts: what the names of owners mean.
        defaults: attributes of what the tree's own files and directories have; the mode is
            that of files.
        rules: attributes of particular paths, which go before everything else.
    """

    def __init__(
        self, objects: ObjectsWriter, accounts: Accounts, defaults: Attributes, rules: Rules
    ) -> None:
        self.directories: dict[str, Directory] = {"": Directory(implicit=True)}
        self.texts: dict[str, str] = {}
        self._objects = objects
        self._accounts = accounts
        self._defaults = defaults
        self._rules = rules
        self._sources: dict[str, str] = {}

    def manifest(self) -> Manifest:
        """Return the tree.

        Raises:
            UserError: a rule that matches no path.
        """
        for path, directory in self.directories.items():
            if path and directory.implicit:
                self._finish_implicit(path, directory)
        self._rules.check_all_used()
        manifest = Manifest(self.directories, texts=self.texts)
        manifest.dirtree, manifest.dirmeta, _ = tree.hash_tree(self.directories)
        return manifest

    def add_path(self, path: str, source: Path, mode: str = "") -> None:
        """Add a file, or a directory with everything in it.

        Symlinks are followed: in an action's sandbox every file may be one.

        Args:
            path: where it goes.
            source: what it is on disk.
            mode: of files, in place of the default one.
        """
        if not source.is_dir():
            self._add_file(path, source, mode)
            return
        self.add_directory(path, implicit=True)
        for entry in sorted(source.iterdir()):
            self.add_path(paths.join(path, entry.name), entry, mode)

    def add_empty_file(self, path: str, mode: str = "") -> None:
        """Add a file without content."""
        attributes = self._attributes(path, Attributes(mode=mode).over(self._defaults))
        self._put_file(path, "the runfiles", attributes, 0, iter([]))

    def add_directory(self, path: str, implicit: bool = False) -> None:
        """Add a directory; an implicit one takes its attributes from any tree that ships it."""
        self._check(path, "a directory of the tree", directory=True)
        directory = tree.ensure_directory(self.directories, path)
        if not implicit and path:
            defaults = Attributes(self._defaults.owner, self._defaults.group, DIRECTORY_MODE)
            self._finish_directory(directory, self._attributes(path, defaults))

    def add_symlink(self, path: str, target: str) -> None:
        """Add a symlink."""
        if not target or "\0" in target:
            raise UserError(f"/{path}: a symlink to {target!r}: expected a path")
        defaults = Attributes(self._defaults.owner, self._defaults.group)
        attributes = self._attributes(path, defaults)
        self._put_symlink(path, "`symlinks`", attributes, target)

    def add_tar(self, prefix: str, source: Path, name: str, zstd: str | None = None) -> None:
        """Add everything in a tar; its owners and modes are kept unless a rule says otherwise.

        Args:
            prefix: the directory it goes to.
            source: the archive.
            name: what errors call it; its end tells the compression.
            zstd: see `compression.chunks`.
        """
        try:
            with source.open("rb") as file:
                chunks = compression.chunks(_compression(name), file, zstd)
                reader = TarReader(chunks)
                for member in reader:
                    self._add_member(prefix, name, member, reader)
                for _ in chunks:
                    pass
        except UserError as error:
            raise UserError(f"{name}: {error}") from error

    def _add_member(self, prefix: str, name: str, member: Member, reader: TarReader) -> None:
        path = paths.join(prefix, paths.normalize(member.name)).strip("/")
        given = Attributes(str(member.uid), str(member.gid), f"{member.mode:04o}", member.xattrs)
        attributes = self._attributes(path, given)
        if member.type == "directory":
            if path:
                self._check(path, name, directory=True)
                self._finish_directory(tree.ensure_directory(self.directories, path), attributes)
        elif member.type == "symlink":
            self._put_symlink(path, name, attributes, member.target)
        elif member.type == "file":
            self._put_file(path, name, attributes, member.size, reader.content())
        elif member.type == "hardlink":
            self._put_row(path, name, self._linked_row(prefix, member))
        else:
            raise UserError(f"/{path}: a {member.type}, which OSTree cannot store")

    def _linked_row(self, prefix: str, member: Member) -> Row:
        target = paths.join(prefix, paths.normalize(member.target)).strip("/")
        row = Manifest(self.directories).row(target)
        if row is None:
            raise UserError(f"{member.name}: hard link to {member.target}, which is not before it")
        return row

    def _add_file(self, path: str, source: Path, mode: str) -> None:
        attributes = self._attributes(path, Attributes(mode=mode).over(self._defaults))
        with source.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = iter(lambda: file.read(CHUNK), b"")
            self._put_file(path, str(source), attributes, size, content)

    def _attributes(self, path: str, defaults: Attributes) -> Attributes:
        return self._rules.find(path).over(defaults)

    def _put_file(
        self, path: str, source: str, attributes: Attributes, size: int, content: Iterator[bytes]
    ) -> None:
        uid, gid = self._owner(path, attributes)
        mode = attributes.mode or "0644"
        header = FileHeader(uid, gid, stat.S_IFREG | int(mode, 8), xattrs=attributes.xattrs)
        if path in KEPT_TEXTS and size <= MAX_TEXT:
            data = b"".join(content)
            self.texts[path] = data.decode("utf-8", "surrogateescape")
            content = iter([data])
        checksum = self._objects.add_file(header, size, content)
        row: Row = ["file", mode, uid, gid, size, checksum]
        if attributes.xattrs:
            row.append(encode_xattrs(attributes.xattrs))
        self._put_row(path, source, row)

    def _put_symlink(self, path: str, source: str, attributes: Attributes, target: str) -> None:
        uid, gid = self._owner(path, attributes)
        header = FileHeader(uid, gid, stat.S_IFLNK | 0o777, target)
        row: Row = ["symlink", "0777", uid, gid, target, self._objects.add_file(header, 0, [])]
        self._put_row(path, source, row)

    def _put_row(self, path: str, source: str, row: Row) -> None:
        self._check(path, source)
        above, name = paths.split(path)
        tree.ensure_directory(self.directories, above).files[name] = row

    def _check(self, path: str, source: str, directory: bool = False) -> None:
        """Each file comes from one place only; directories may come from several."""
        if directory:
            clash = self._sources.get(path)
        elif not path:
            raise UserError(f"{source}: a file needs a path in the image, not its root")
        else:
            other = self._sources.setdefault(path, source)
            clash = "a directory" if path in self.directories else other
            clash = None if clash == source else clash
        if clash:
            raise UserError(f"/{path}: twice in the tree: from {clash} and from {source}")

    def _finish_directory(self, directory: Directory, attributes: Attributes) -> None:
        directory.mode = attributes.mode or DIRECTORY_MODE
        directory.uid = self._accounts.uid(attributes.owner or "0")
        directory.gid = self._accounts.gid(attributes.group or "0")
        directory.xattrs = encode_xattrs(attributes.xattrs) or None
        directory.implicit = False

    def _finish_implicit(self, path: str, directory: Directory) -> None:
        """A directory that only a rule names becomes one of the tree's own."""
        attributes = self._rules.find(path)
        if attributes != Attributes():
            self._finish_directory(directory, attributes)

    def _owner(self, path: str, attributes: Attributes) -> tuple[int, int]:
        try:
            owner, group = attributes.owner or "0", attributes.group or "0"
            return self._accounts.uid(owner), self._accounts.gid(group)
        except UserError as error:
            raise UserError(f"/{path}: {error}") from None


def _compression(name: str) -> str:
    for suffix, compressed in _SUFFIXES.items():
        if name.endswith(suffix):
            return compressed
    raise UserError(
        f"not a tar by its name: expected it to end in one of {', '.join(sorted(_SUFFIXES))}"
    )
