"""Changing a tree by its metadata alone: what moves keeps its objects."""

from __future__ import annotations

import stat

from apt2ostree.ostree.objects import FileHeader
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import paths, tree
from apt2ostree.tree.manifest import Directory, Row


class Editor:
    """Changes directories in place. Paths are relative to the root.

    Args:
        directories: of the tree.
        objects: where the objects go of files and links that are made.
    """

    def __init__(self, directories: dict[str, Directory], objects: ObjectsWriter) -> None:
        self.directories = directories
        self._objects = objects

    def below(self, path: str) -> list[str]:
        """The directory at `path`, if there is one, and all directories below it."""
        start = f"{path}/"
        return [other for other in self.directories if other == path or other.startswith(start)]

    def files(self, path: str) -> list[str]:
        """Paths of the files and links below the directory at `path`."""
        return [
            paths.join(directory, name)
            for directory in self.below(path)
            for name in self.directories[directory].files
        ]

    def move(self, old: str, new: str) -> None:
        """Move a directory, with all it holds, to where there is nothing."""
        tree.ensure_directory(self.directories, paths.parent(new))
        for path in self.below(old):
            self.directories[new + path[len(old) :]] = self.directories.pop(path)

    def move_file(self, old: str, new: str) -> None:
        """Move a file or a link."""
        row = self.take(old)
        above, name = paths.split(new)
        tree.ensure_directory(self.directories, above).files[name] = row

    def take(self, path: str) -> Row:
        """Remove a file or a link, and return its row."""
        above, name = paths.split(path)
        return self.directories[above].files.pop(name)

    def drop(self, path: str) -> None:
        """Remove a directory with all it holds, or a file or a link, if there is one."""
        above, name = paths.split(path)
        if above in self.directories:
            self.directories[above].files.pop(name, None)
        for directory in self.below(path):
            del self.directories[directory]

    def make(self, path: str, mode: str = "0755") -> None:
        """Make an empty directory of root's, in place of what is there."""
        self.drop(path)
        tree.ensure_directory(self.directories, paths.parent(path))
        self.directories[path] = Directory(mode=mode)

    def link(self, path: str, target: str) -> None:
        """Make a symlink, in place of what is there."""
        self.drop(path)
        header = FileHeader(0, 0, stat.S_IFLNK | 0o777, target)
        self._add(path, ["symlink", "0777", 0, 0, target], header, b"")

    def write(self, path: str, text: str, mode: str = "0644") -> None:
        """Make a file of root's, in place of one that is there."""
        data = text.encode("utf-8", "surrogateescape")
        header = FileHeader(0, 0, stat.S_IFREG | int(mode, 8))
        self._add(path, ["file", mode, 0, 0, len(data)], header, data)

    def _add(self, path: str, row: Row, header: FileHeader, data: bytes) -> None:
        above, name = paths.split(path)
        row.append(self._objects.add_file(header, len(data), [data]))
        tree.ensure_directory(self.directories, above).files[name] = row
