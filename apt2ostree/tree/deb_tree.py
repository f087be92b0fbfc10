"""A .deb as a tree: its manifest and its objects tar."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from typing import BinaryIO, Callable

from apt2ostree.deb.package import ControlFile, Deb
from apt2ostree.deb.tar import Member, TarReader
from apt2ostree.debian import info
from apt2ostree.errors import UserError
from apt2ostree.ostree.objects import FileHeader
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import paths, tree
from apt2ostree.tree.manifest import (
    KEPT_TEXTS,
    MAX_TEXT,
    Directory,
    Manifest,
    PackageRecord,
    Row,
    encode_xattrs,
)


def unpack(file: BinaryIO, objects: ObjectsWriter, zstd: str | None = None) -> Manifest:
    """Read a package and write the objects of its files and of its control data.

    Memory does not grow with the content of the package, only with the number of paths.

    Args:
        file: the .deb.
        objects: where content objects go, in the order of data.tar.
        zstd: see `compression.chunks`.

    Raises:
        UserError: broken, hostile or unsupported; the message does not name the package.
    """
    deb = Deb(file, zstd)
    fields = info.control_fields(deb.control)
    conffiles = info.conffiles(deb.control)
    wanted_md5 = {conffile.path[1:] for conffile in conffiles}
    wants_md5: Callable[[str], bool] = (
        wanted_md5.__contains__ if "md5sums" in deb.control else lambda path: True
    )
    contents = _Contents(objects, wants_md5)
    for reader in deb.data():
        contents.read(reader)
    info_files = info.files(fields, deb.control, contents.listed, contents.md5s)
    record = PackageRecord(
        name=fields["Package"].lower(),  # As dpkg has it.
        version=fields["Version"],
        architecture=fields["Architecture"],
        control=deb.control["control"].data.decode("utf-8", "surrogateescape"),
        conffiles=[[item.path, info.conffile_state(item, contents.md5s)] for item in conffiles],
        triggers=deb.control["triggers"].data.decode("utf-8", "surrogateescape")
        if "triggers" in deb.control
        else "",
        info={name: _add_info(objects, file) for name, file in info_files.items()},
        diverts="preinst" in deb.control and b"dpkg-divert" in deb.control["preinst"].data,
    )
    manifest = Manifest(contents.directories, [record], texts=contents.texts)
    manifest.dirtree, manifest.dirmeta, _ = tree.hash_tree(manifest.directories)
    return manifest


def _add_info(objects: ObjectsWriter, file: ControlFile) -> Row:
    """Add a file of dpkg's database; return its row."""
    header = FileHeader(0, 0, stat.S_IFREG | file.mode)
    checksum = objects.add_file(header, len(file.data), [file.data])
    return ["file", f"{file.mode:04o}", 0, 0, len(file.data), checksum]


class _Contents:
    """Gathers the directories of data.tar while its files go into the objects tar."""

    def __init__(self, objects: ObjectsWriter, wants_md5: Callable[[str], bool]) -> None:
        self.directories: dict[str, Directory] = {"": Directory(implicit=True)}
        self.listed: list[str] = []
        self.md5s: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self._objects = objects
        self._wants_md5 = wants_md5

    def read(self, reader: TarReader) -> None:
        """Take in every member."""
        for member in reader:
            path = paths.normalize(member.name)
            try:
                self._add(path, member, reader)
            except UserError as error:
                raise UserError(f"/{path}: {error}") from None
            self.listed.append(path)

    def _add(self, path: str, member: Member, reader: TarReader) -> None:
        if member.type == "directory":
            self._add_directory(path, member)
            return
        if not path:
            raise UserError(f"the root of the package is a {member.type}")
        if path in self.directories:
            raise UserError("both a directory and a file")
        directory_path, name = paths.split(path)
        directory = tree.ensure_directory(self.directories, directory_path)
        if member.type == "hardlink":
            row = self._hardlink_row(path, member)
        else:
            row = self._row(path, member, reader)
        directory.files[name] = row

    def _add_directory(self, path: str, member: Member) -> None:
        directory = tree.ensure_directory(self.directories, path)
        directory.mode = f"{member.mode:04o}"
        directory.uid, directory.gid = member.uid, member.gid
        directory.xattrs = encode_xattrs(member.xattrs) or None
        directory.implicit = False

    def _row(self, path: str, member: Member, reader: TarReader) -> Row:
        row: Row = [member.type, f"{member.mode:04o}", member.uid, member.gid]
        if member.type == "symlink":
            if not member.target:
                raise UserError("a symlink without a target")
            paths.check_length(member.target)
            mode = stat.S_IFLNK | member.mode
            header = FileHeader(member.uid, member.gid, mode, member.target, member.xattrs)
            row += [member.target, self._objects.add_file(header, 0, [])]
        elif member.type == "file":
            mode = stat.S_IFREG | member.mode
            header = FileHeader(member.uid, member.gid, mode, xattrs=member.xattrs)
            content = reader.content()
            digest = hashlib.md5(usedforsecurity=False) if self._wants_md5(path) else None
            if digest:
                content = _digested(content, digest.update)
            if path in KEPT_TEXTS and member.size <= MAX_TEXT:
                data = b"".join(content)
                self.texts[path] = data.decode("utf-8", "surrogateescape")
                content = iter([data])
            row += [member.size, self._objects.add_file(header, member.size, content)]
            if digest:
                self.md5s[path] = digest.hexdigest()
        elif member.type != "fifo":
            row += list(member.device)
        if member.xattrs:
            row.append(encode_xattrs(member.xattrs))
        return row

    def _hardlink_row(self, path: str, member: Member) -> Row:
        """OSTree has no hard links: the same content under another name."""
        target = paths.normalize(member.target)
        directory_path, name = paths.split(target)
        directory = self.directories.get(directory_path)
        row = directory.files.get(name) if directory else None
        if row is None:
            raise UserError(f"hard link to /{target}, which is no file before it in the package")
        if target in self.md5s:
            self.md5s[path] = self.md5s[target]
        return row


def _digested(content: Iterator[bytes], update: Callable[[bytes], None]) -> Iterator[bytes]:
    for chunk in content:
        update(chunk)
        yield chunk
