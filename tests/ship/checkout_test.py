import hashlib
import os
import stat
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree import repo
from apt2ostree.ship import checkout
from apt2ostree.ship.import_image import add_image
from tests.support import images, judges
from tests.support.debs import deb, directory, file, hardlink, symlink
from tests.support.judges import ScratchTest

ENTRIES = (
    directory("./d", 0o1777),
    file("./d/f", b"x" * 100_000, 0o640),
    hardlink("./d/g", "./d/f"),
    directory("./locked", 0o500),
    file("./locked/secret", b"s", 0o400),
    directory("./none", 0o000),
    file("./setuid", b"#!/bin/sh\n", 0o4755),
    file("./empty", b"", 0o000),
    file("./ä b", b"x"),
    symlink("./l", "d/f"),
    symlink("./dangling", "/nowhere"),
    file("./big", bytes(3 << 20)),
)


def listing(root: Path) -> dict[str, tuple[object, ...]]:
    """Path → everything that a checkout decides about it."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [root, *root.rglob("*")]:
        status = path.lstat()
        content: object = None
        if path.is_symlink():
            content = path.readlink()
        elif path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        owner = (status.st_uid, status.st_gid)
        found[str(path.relative_to(root))] = (oct(status.st_mode), owner, content)
    return found


class CheckoutTest(ScratchTest):
    maxDiff = None

    def image(self) -> BuiltImage:
        return images.write(self.scratch / "image", images.compose_debs([deb(*ENTRIES)]))

    def judge(self, image: BuiltImage, mode: str, *options: str) -> Path:
        """What `ostree checkout` makes of the imported image."""
        target = repo.create(self.scratch / mode, mode)
        with target.transaction() as transaction:
            add_image(transaction, target, image)
            transaction.set_ref("x", image.commit)
        judges.ostree(target.path, "checkout", *options, "x", self.scratch / "theirs")
        return self.scratch / "theirs"

    def test_in_user_mode_it_is_what_ostree_checks_out(self) -> None:
        judges.need(self, "ostree")
        image = self.image()
        checkout.write(image, self.scratch / "ours", user_mode=True)
        theirs = listing(self.judge(image, "archive", "-U"))
        self.assertEqual(listing(self.scratch / "ours"), theirs)

    def test_as_root_it_is_what_ostree_checks_out(self) -> None:
        judges.need(self, "ostree")
        if os.geteuid():
            judges.skip_aloud(self, "needs root")
        image = self.image()
        checkout.write(image, self.scratch / "ours", user_mode=False)
        theirs = listing(self.judge(image, "bare"))
        self.assertEqual(listing(self.scratch / "ours"), theirs)
        mode = (self.scratch / "ours/setuid").stat().st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o4755)

    def test_a_tree_of_locked_directories_can_be_removed(self) -> None:
        checkout.write(self.image(), self.scratch / "ours", user_mode=True)
        checkout.remove(self.scratch / "ours")
        self.assertFalse((self.scratch / "ours").exists())

    def test_a_tar_that_ends_early(self) -> None:
        image = self.image()
        tar = image.objects[0]
        with tar.open("r+b") as file:
            file.truncate(tar.stat().st_size - 1_500_000)
        with self.assertRaisesRegex(UserError, "truncated.*; build it again"):
            checkout.write(image, self.scratch / "ours", user_mode=True)


if __name__ == "__main__":
    import unittest

    unittest.main()
