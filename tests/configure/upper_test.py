"""What is taken in is what lies there, whatever fakeroot's database says."""

from __future__ import annotations

import os
import stat
import unittest
from collections.abc import Mapping
from pathlib import Path

from apt2ostree.configure.upper import Changes, Upper
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.sandbox import tree
from apt2ostree.sandbox.fakeroot import Status
from apt2ostree.sandbox.recorder import Inode, Record
from apt2ostree.sandbox.root import Known
from apt2ostree.sandbox.tree import Tree
from apt2ostree.tree.manifest import Directory
from tests.support.judges import ScratchTest


class UpperTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        self.root = self.scratch / "root"
        self.root.mkdir()
        self.secret = self.scratch / "secret"
        self.secret.write_text("secret", encoding="ascii")
        self.tar = self.scratch / "objects.tar"

    def taken(
        self,
        statuses: Mapping[Inode, Status],
        touched: Mapping[Inode, str] | None = None,
    ) -> tuple[dict[str, Directory], Changes]:
        """The directories once everything below `root` is taken in."""
        directories = {"": Directory()}
        with self.tar.open("w+b") as file, Tree(self.root) as root:
            records: Mapping[Inode, Record] = {}
            upper = Upper(
                directories,
                root,
                root,
                Known(statuses, records),
                lambda path, target: False,
                ObjectsWriter(file),
            )
            return directories, upper.apply(touched or {})

    def inode(self, name: str) -> Inode:
        status = (self.root / name).lstat()
        return status.st_dev, status.st_ino

    def test_a_symlink_stays_one(self) -> None:
        (self.root / "link").symlink_to(self.secret)
        directories, _ = self.taken({self.inode("link"): Status(stat.S_IFREG | 0o644, 7, 8)})
        row = directories[""].files["link"]
        self.assertEqual(["symlink", "0777", 0, 0, str(self.secret)], row[:5])
        self.assertNotIn(b"\nsecret", self.tar.read_bytes())

    def test_a_directory_stays_one(self) -> None:
        (self.root / "directory").mkdir()
        self.taken({self.inode("directory"): Status(stat.S_IFREG | 0o644, 0, 0)})
        directories, _ = self.taken({self.inode("directory"): Status(stat.S_IFLNK | 0o777, 0, 0)})
        self.assertEqual({"", "directory"}, set(directories))

    def test_fakeroot_makes_device_nodes_of_files(self) -> None:
        (self.root / "null").touch()
        status = Status(stat.S_IFCHR | 0o666, 0, 0, 259)
        directories, changes = self.taken({self.inode("null"): status})
        self.assertEqual({}, directories[""].files)
        self.assertEqual([("null", "character device")], changes.left_out)

    def test_nothing_is_taken_from_beyond_a_symlink(self) -> None:
        (self.root / "out").symlink_to(self.scratch)
        status = self.secret.lstat()
        inode = status.st_dev, status.st_ino
        directories, _ = self.taken({inode: Status(status.st_mode, 7, 8)}, {inode: "out/secret"})
        self.assertEqual(["out"], list(directories[""].files))

    def test_directories_below_directories_are_all_taken(self) -> None:
        self.addCleanup(tree.remove, self.root)
        before = os.open(".", os.O_RDONLY)
        os.chdir(self.root)
        try:
            for _ in range(1500):
                Path("x").mkdir()
                os.chdir("x")
        finally:
            os.fchdir(before)
            os.close(before)
        directories, _ = self.taken({})
        self.assertIn("/".join(["x"] * 1500), directories)


if __name__ == "__main__":
    unittest.main()
