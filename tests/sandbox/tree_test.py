"""A tree that leads out is not followed out."""

from __future__ import annotations

import os
import unittest
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.sandbox import tree
from apt2ostree.sandbox.tree import Tree
from tests.support.judges import ScratchTest


class TreeTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        self.outside = self.scratch / "outside"
        (self.outside / "sub").mkdir(parents=True)
        (self.outside / "secret").write_text("secret", encoding="ascii")
        self.root = self.scratch / "root"
        (self.root / "usr/bin").mkdir(parents=True)
        (self.root / "usr/bin/sh").write_text("inside", encoding="ascii")
        self.tree = Tree(self.root)
        self.addCleanup(self.tree.__exit__, None, None, None)

    def link(self, name: str, target: str | Path) -> None:
        (self.root / name).symlink_to(target)

    def test_what_leads_out_leads_inside_or_nowhere(self) -> None:
        self.link("absolute", self.outside / "secret")
        self.link("relative", "../outside/secret")
        self.link("magic", "/proc/self/root")
        for name in ("absolute", "relative", "magic"):
            self.assertTrue(self.tree.exists(name))
            with self.assertRaises(FileNotFoundError):
                self.tree.read(name)
        self.link("out", self.outside)
        for operation in (
            lambda: self.tree.write("out/made", b""),
            lambda: self.tree.rename("usr/bin/sh", "out/sh"),
            lambda: self.tree.rename("out/secret", "usr/secret"),
            lambda: self.tree.make_directory("out/made"),
            lambda: self.tree.open("out/secret"),
            lambda: list(self.tree.scan("out")),
        ):
            with self.assertRaises(OSError):
                operation()
        self.assertEqual({"secret", "sub"}, {path.name for path in self.outside.iterdir()})

    def test_symlinks_are_followed_as_a_program_inside_does(self) -> None:
        self.link("bin", "/usr/bin")
        self.link("up", "../../../usr/bin")
        for name in ("bin", "up"):
            self.assertEqual("inside", self.tree.read_text(f"{name}/sh"))
            self.assertEqual("usr/bin/new", self.tree.real(f"/{name}/new"))
            self.assertTrue(self.tree.exists(f"{name}/sh"))
        self.tree.write("/bin/new", b"new", 0o755)
        self.assertEqual("new", (self.root / "usr/bin/new").read_text(encoding="ascii"))
        self.tree.rename("/bin/new", "/up/newer")
        self.assertTrue((self.root / "usr/bin/newer").exists())

    def test_a_symlink_in_the_place_of_a_file_is_replaced(self) -> None:
        self.link("file", self.outside / "secret")
        self.tree.write("file", b"ours")
        self.assertEqual("ours", (self.root / "file").read_text(encoding="ascii"))
        self.assertEqual("secret", (self.outside / "secret").read_text(encoding="ascii"))

    def test_what_is_no_file_is_not_read(self) -> None:
        os.mkfifo(self.root / "fifo")
        (self.root / "directory").mkdir()
        for name in ("fifo", "directory"):
            with self.assertRaisesRegex(UserError, f"/{name}: expected a file of at most"):
                self.tree.read(name)
        self.link("loop", "loop")
        with self.assertRaisesRegex(UserError, "/loop: expected a file: Too many levels"):
            self.tree.read("loop")

    def test_the_directory_above_is_nobodys(self) -> None:
        with self.assertRaisesRegex(UserError, "/usr/..: expected a path of the image that does"):
            self.tree.rename("/usr/..", "/usr/x")

    def test_paths_that_no_program_can_open(self) -> None:
        with self.assertRaisesRegex(UserError, "a path of more than 4095 bytes"):
            self.tree.open("x/" * 2100)


class RemoveTest(ScratchTest):
    def test_all_is_removed_and_nothing_else(self) -> None:
        kept = self.scratch / "kept"
        (kept / "sub").mkdir(parents=True)
        top = self.scratch / "top"
        below = top / "closed/0/1"
        below.mkdir(parents=True)
        (below / "out").symlink_to(kept)
        (top / "out").symlink_to(kept)
        os.mkfifo(below / "fifo")
        before = os.open(".", os.O_RDONLY)
        os.chdir(below)
        try:
            for _ in range(3000):  # deeper than a path can be long
                Path("x").mkdir()
                os.chdir("x")
        finally:
            os.fchdir(before)
            os.close(before)
        (top / "closed/0").chmod(0)
        (top / "closed").chmod(0o500)
        tree.remove(top)
        self.assertFalse(top.exists())
        self.assertTrue((kept / "sub").exists())


if __name__ == "__main__":
    unittest.main()
