import io
from pathlib import Path

from apt2ostree.disk import sysroot
from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree import repo
from apt2ostree.ship.import_image import add_image
from tests.support import devices, images, judges, sysroots, trees
from tests.support.debs import directory, file
from tests.support.images import compose_debs
from tests.support.judges import ScratchTest

OPTIONS = sysroot.Options(
    "appliance", "stable", "http://updates.example.com/", b"a key", ("root=LABEL=x",)
)


class SysrootTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        self.image = images.write(
            self.scratch / "image",
            devices.bootable(directory("./etc"), file("./etc/empty"), version="1.0"),
        )

    def write(self) -> bytes:
        buffer = io.BytesIO()
        sysroot.write(buffer, self.image, OPTIONS)
        return buffer.getvalue()

    def unpack(self) -> Path:
        judges.need(self, "tar")
        root, tar = self.scratch / "root", self.scratch / "root.tar"
        root.mkdir()
        tar.write_bytes(self.write())
        judges.run("tar", "-xpf", tar, "--no-same-owner", "-C", root)
        return root

    def test_it_is_the_same_every_time(self) -> None:
        self.assertEqual(self.write(), self.write())

    def test_what_it_is_updated_from(self) -> None:
        root = self.unpack()
        config = (root / "ostree/repo/config").read_text()
        self.assertIn(
            '[remote "origin"]\nurl=http://updates.example.com/\ngpg-verify=true\n', config
        )
        keys = root / "ostree/repo/origin.trustedkeys.gpg"
        self.assertEqual(keys.read_bytes(), b"a key")

    def test_an_image_that_is_not_laid_out(self) -> None:
        plain = images.write(self.scratch / "plain", compose_debs(devices.packages()))
        with self.assertRaisesRegex(UserError, "//test:image: not laid out to boot: set `bootable"):
            sysroot.write(io.BytesIO(), plain, OPTIONS)

    def test_files_of_the_deployment_are_the_repos_own(self) -> None:
        root = self.unpack()
        (deployment,) = (root / "ostree/deploy/appliance/deploy").glob("*.0")
        self.assertEqual((deployment / "usr/sbin/init").stat().st_nlink, 2)
        self.assertEqual((deployment / "etc/motd").stat().st_nlink, 1)

    def test_ostree_finds_it_whole(self) -> None:
        judges.need(self, "ostree")
        root = self.unpack()
        script = 'ostree fsck --repo="$1/ostree/repo"; ostree admin status --sysroot="$1"'
        said = judges.run(*judges.in_namespace(script, root), check=False)
        self.assertIn("no errors found", said)
        self.assertIn(f"appliance {self.image.commit}.0", said)
        self.assertIn("Version: 1.0", said)
        self.assertIn("origin refspec: origin:stable", said)
        # No build has the key to sign with: the first update brings what is signed.
        self.assertIn("GPG verification enabled, but no signatures found", said)

    def test_it_is_what_ostree_deploys(self) -> None:
        judges.need(self, "ostree", "fakeroot")
        root = self.unpack()
        ours = next((root / "ostree/deploy/appliance/deploy").glob("*.0"))
        theirs, said = sysroots.deploy(self.scratch / "sysroot", self.repo(self.image), "device")
        # What composefs mounts, where ostree is built with it.
        (theirs / ".ostree.cfs").unlink(missing_ok=True)
        self.assertEqual(trees.differences(ours, theirs), [])
        one, other = root / "boot", self.scratch / "sysroot/boot"
        self.assertEqual(
            sorted(path.name for path in (one / "ostree").glob("*/*")),
            sorted(path.name for path in (other / "ostree").glob("*/*")),
        )
        names = [path.name for path in (one / "ostree").iterdir()]
        self.assertEqual(names, [path.name for path in (other / "ostree").iterdir()], said)
        entry = (one / "loader/entries/ostree-1.conf").read_text()
        (argument,) = [word for word in entry.split() if word.startswith("ostree=")]
        # Which of the two boot versions is the first is all the same.
        self.assertIn(argument.replace("boot.0", "boot.1"), said)
        self.assertEqual((root / argument[len("ostree=/") :]).resolve(), ours.resolve())

    def repo(self, image: BuiltImage) -> Path:
        source = repo.create(self.scratch / "repo", "archive")
        with source.transaction() as transaction:
            add_image(transaction, source, image)
            transaction.set_ref("device", image.commit)
        return source.path


if __name__ == "__main__":
    import unittest

    unittest.main()
