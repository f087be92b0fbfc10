import hashlib
import io
import subprocess
import tarfile
import unittest

from apt2ostree.ship import export_tar
from apt2ostree.ship.contents import Contents
from tests.support.debs import deb, directory, file, hardlink, symlink
from tests.support.judges import ScratchTest
from tests.support.variants import Variant, build

LONG = "x" * 90 + "/" + "y" * 120


class ExportTarTest(ScratchTest):
    def image(self, name: str = "i") -> Variant:
        found = self.scratch / name
        return build(
            found,
            [
                deb(
                    directory("./etc", 0o751, uid=1, gid=2),
                    file("./etc/s", b"secret", 0o4640, uid=3, gid=70000),
                    symlink("./etc/l", "s"),
                    hardlink("./etc/h", "./etc/s"),
                    file(f"./{LONG}", b"long"),
                    file("./f\u00fc", b"u"),
                    file("./big", b"0" * 3_000_000),
                )
            ],
        )

    def tar(self, image: Variant) -> bytes:
        buffer = io.BytesIO()
        with Contents(image.built) as contents:
            export_tar.write(buffer, image.manifest.directories, contents)
        return buffer.getvalue()

    def test_owners_modes_links_and_content(self) -> None:
        with tarfile.open(fileobj=io.BytesIO(self.tar(self.image()))) as tar:
            secret = tar.getmember("./etc/s")
            self.assertEqual((secret.mode, secret.uid, secret.gid), (0o4640, 3, 70000))
            self.assertEqual((secret.mtime, secret.uname), (0, ""))
            self.assertEqual(tar.getmember("./etc").mode, 0o751)
            self.assertEqual(tar.getmember("./etc/l").linkname, "s")
            for name, size in (
                ("./etc/h", 6),
                (f"./{LONG}", 4),
                ("./f\u00fc", 1),
                ("./big", 3_000_000),
            ):
                member = tar.extractfile(name)
                assert member
                self.assertEqual(len(member.read()), size)

    def test_parents_come_first_and_the_bytes_are_always_the_same(self) -> None:
        data = self.tar(self.image())
        self.assertEqual(
            hashlib.sha256(data).digest(), hashlib.sha256(self.tar(self.image("j"))).digest()
        )
        seen: set[str] = set()
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                if member.name != ".":
                    self.assertIn(member.name.rpartition("/")[0], seen)
                seen.add(member.name)

    def test_ostree_commits_the_same_tree(self) -> None:
        image = self.image()
        (self.scratch / "x.tar").write_bytes(self.tar(image))
        ostree = ["ostree", f"--repo={self.scratch / 'repo'}"]
        subprocess.run([*ostree, "init", "--mode=archive"], check=True)
        subprocess.run(
            [*ostree, "commit", "-b", "x", f"--tree=tar={self.scratch / 'x.tar'}"],
            check=True,
            capture_output=True,
        )
        listed = subprocess.run(
            [*ostree, "ls", "-C", "-d", "x", "/"], check=True, capture_output=True, text=True
        ).stdout.split()
        self.assertEqual(listed[4:6], [image.manifest.dirtree, image.manifest.dirmeta])

    def test_extended_attributes_as_pax_records(self) -> None:
        from tests.support.variants import tree

        manifest, objects = tree({"x": b""})
        row = manifest.row("x")
        assert row
        row.append({"user.a": "AP8="})
        buffer = io.BytesIO()
        image = build(self.scratch / "i", layers={"a": (manifest, objects)})
        with Contents(image.built) as contents:
            export_tar.write(buffer, image.manifest.directories, contents)
        data = buffer.getvalue()
        self.assertIn(b"SCHILY.xattr.user.a=\x00\xff\n", data)


if __name__ == "__main__":
    unittest.main()
