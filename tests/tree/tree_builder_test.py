import gzip
import io
import json
import os
import subprocess
import tarfile
import unittest
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree.accounts import Accounts
from apt2ostree.tree.attributes import Attributes, rules
from apt2ostree.tree.manifest import CHECKSUM, SIZE, TYPE, UID, Manifest, Row, row_xattrs
from apt2ostree.tree.tree_builder import TreeBuilder
from tests.support import debs, images
from tests.support.judges import ScratchTest

NOTHING = {"owner": "", "group": "", "mode": "", "xattrs": {}, "capabilities": ""}


def rule(pattern: str, **values: object) -> tuple[str, str]:
    return pattern, json.dumps({**NOTHING, **values})


class TreeBuilderTest(ScratchTest):
    def builder(self, *found: tuple[str, str]) -> TreeBuilder:
        self.buffer = io.BytesIO()
        accounts = Accounts({"root": 0, "app": 700}, {"root": 0, "adm": 4})
        defaults = Attributes("app", "adm", "0640")
        return TreeBuilder(ObjectsWriter(self.buffer), accounts, defaults, rules(found))

    def write(self, name: str, data: bytes = b"") -> Path:
        return debs.write(self.scratch / name, data)

    def row(self, manifest: Manifest, path: str) -> Row:
        row = manifest.row(path)
        assert row
        return row

    def test_files_have_the_defaults_and_rules_go_before_them(self) -> None:
        builder = self.builder(rule("usr/bin/x", mode="4755", owner="0"))
        builder.add_path("etc/app.conf", self.write("conf", b"a=1"))
        builder.add_path("usr/bin/x", self.write("x", b"#!"))
        manifest = builder.manifest()
        self.assertEqual(self.row(manifest, "etc/app.conf")[:CHECKSUM], ["file", "0640", 700, 4, 3])
        self.assertEqual(self.row(manifest, "usr/bin/x")[:CHECKSUM], ["file", "4755", 0, 4, 2])
        self.assertTrue(manifest.directories["etc"].implicit)

    def test_content_and_links_are_in_the_objects_tar(self) -> None:
        builder = self.builder()
        builder.add_path("a", self.write("a", b"text"))
        builder.add_symlink("b", "a")
        manifest = builder.manifest()
        builder._objects.close()
        found = images.contents([self.buffer.getvalue()])
        self.assertEqual(found[str(self.row(manifest, "a")[CHECKSUM])], b"text")
        self.assertEqual(self.row(manifest, "b")[:CHECKSUM], ["symlink", "0777", 700, 4, "a"])

    def test_directories_empty_ones_too(self) -> None:
        builder = self.builder(rule("var/lib/app", mode="2750", group="0"))
        builder.add_directory("var/lib/app")
        directory = builder.manifest().directories["var/lib/app"]
        self.assertEqual((directory.mode, directory.uid, directory.gid), ("2750", 700, 0))
        self.assertFalse(directory.implicit)

    def test_a_directory_on_disk_with_all_it_holds_links_followed(self) -> None:
        self.write("tree/a/b", b"x")
        (self.scratch / "tree/c").symlink_to(self.scratch / "tree/a/b")
        builder = self.builder()
        builder.add_path("opt", self.scratch / "tree")
        manifest = builder.manifest()
        self.assertEqual(self.row(manifest, "opt/a/b")[SIZE], 1)
        self.assertEqual(self.row(manifest, "opt/c")[TYPE], "file")

    def test_extended_attributes_and_capabilities(self) -> None:
        builder = self.builder(rule("x", xattrs={"user.a": "1"}, capabilities="cap_chown=ep"))
        builder.add_path("x", self.write("x"))
        self.assertEqual(
            sorted(row_xattrs(self.row(builder.manifest(), "x"))),
            ["security.capability", "user.a"],
        )

    def test_a_tar_keeps_its_owners_modes_and_links(self) -> None:
        data = debs.tar(
            debs.directory("./d", 0o700, uid=5),
            debs.file("./d/f", b"abc", 0o4711, uid=6, gid=7),
            debs.hardlink("./d/h", "./d/f"),
            debs.symlink("./d/s", "f", uid=8),
        )
        builder = self.builder()
        path = self.write("x", gzip.compress(data, mtime=0))
        builder.add_tar("srv", path, "files.tar.gz")
        manifest = builder.manifest()
        self.assertEqual(self.row(manifest, "srv/d/f")[:CHECKSUM], ["file", "4711", 6, 7, 3])
        self.assertEqual(self.row(manifest, "srv/d/h"), self.row(manifest, "srv/d/f"))
        self.assertEqual(self.row(manifest, "srv/d/s")[:CHECKSUM], ["symlink", "0777", 8, 0, "f"])
        self.assertEqual(manifest.directories["srv/d"].uid, 5)

    def test_rules_apply_to_what_a_tar_brings(self) -> None:
        builder = self.builder(rule("**", owner="app", group="adm"))
        builder.add_tar("", self.write("x", debs.tar(debs.file("./f", uid=1000))), "x.tar")
        self.assertEqual(self.row(builder.manifest(), "f")[UID:SIZE], [700, 4])

    def test_the_same_tree_as_ostree_makes_of_the_tar(self) -> None:
        data = debs.tar(
            debs.ROOT,
            debs.directory("./a"),
            debs.file("./a/b", b"1" * 1000, uid=3),
            debs.symlink("./c", "a/b"),
            debs.directory("./e", 0o1777),
            format=tarfile.PAX_FORMAT,
        )
        builder = self.builder()
        path = self.write("x.tar", data)
        builder.add_tar("", path, "x.tar")
        manifest = builder.manifest()
        repo = self.scratch / "repo"
        ostree = ["ostree", f"--repo={repo}"]
        subprocess.run([*ostree, "init", "--mode=archive"], check=True)
        subprocess.run(
            [*ostree, "commit", "-b", "x", f"--tree=tar={path}", "--timestamp=@0"],
            check=True,
            capture_output=True,
        )
        listed = subprocess.run(
            [*ostree, "ls", "-C", "-d", "x", "/"], check=True, capture_output=True, text=True
        ).stdout.split()
        # ostree makes the root's metadata from the tar's; here a root without files is implicit.
        self.assertEqual(listed[4], manifest.dirtree)

    def test_one_path_from_two_places_is_an_error(self) -> None:
        builder = self.builder()
        builder.add_path("a", self.write("one"))
        with self.assertRaisesRegex(UserError, r"^/a: twice in the tree: from .*/one and from"):
            builder.add_path("a", self.write("two"))
        with self.assertRaisesRegex(UserError, "/a: twice in the tree|both a directory and a file"):
            builder.add_path("a/b", self.write("two"))

    def test_errors_name_the_path(self) -> None:
        builder = self.builder(rule("x", owner="nobody"))
        with self.assertRaisesRegex(UserError, r"^/x: unknown user 'nobody'"):
            builder.add_path("x", self.write("x"))
        with self.assertRaisesRegex(UserError, r"x\.zip: not a tar by its name"):
            self.builder().add_tar("", self.write("x.zip"), "x.zip")
        with self.assertRaisesRegex(UserError, r"x\.tar: \.\./x: '\.\.' in a member name"):
            data = debs.tar(debs.file("../x"))
            self.builder().add_tar("", self.write("x.tar", data), "x.tar")
        with self.assertRaisesRegex(UserError, r"dev\.tar: /null: a character device"):
            data = debs.tar(debs.special("null", tarfile.CHRTYPE))
            self.builder().add_tar("", self.write("dev.tar", data), "dev.tar")

    def test_texts_of_account_files_are_kept(self) -> None:
        builder = self.builder()
        builder.add_path("etc/passwd", self.write("p", b"root:x:0:0::/:/\n"))
        self.assertEqual(builder.manifest().texts, {"etc/passwd": "root:x:0:0::/:/\n"})

    def test_the_result_does_not_depend_on_the_order_of_a_directory(self) -> None:
        for name in ("b", "a", "c"):
            self.write(f"tree/{name}", os.urandom(10))
        one, two = self.builder(), self.builder()
        for builder in (one, two):
            builder.add_path("", self.scratch / "tree")
        self.assertEqual(one.manifest().dump(), two.manifest().dump())


if __name__ == "__main__":
    unittest.main()
