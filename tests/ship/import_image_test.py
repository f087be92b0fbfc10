from apt2ostree.errors import UserError
from apt2ostree.ostree import repo
from apt2ostree.ostree.repo import Written
from apt2ostree.ship.import_image import add_image
from tests.support import images, judges
from tests.support.debs import control, deb, file, symlink
from tests.support.judges import ScratchTest


class ImportImageTest(ScratchTest):
    def add(self, target: repo.Repo, name: str, *packages: bytes) -> Written:
        image = images.write(self.scratch / name, images.compose_debs(packages))
        with target.transaction() as transaction:
            add_image(transaction, target, image)
            transaction.set_ref(name, image.commit)
        return transaction.written

    def test_an_imported_image_is_whole_in_every_mode(self) -> None:
        judges.need(self, "ostree")
        for mode in ("archive", "bare-user", "bare-user-only"):
            target = repo.create(self.scratch / mode, mode)
            self.add(target, f"image-{mode}", deb(file("./a", b"x"), symlink("./l", "a")))
            judges.ostree(target.path, "fsck")
            shown = judges.ostree(target.path, "cat", f"image-{mode}", "/var/lib/dpkg/status")
            self.assertIn("Package: tiny\nStatus: install ok unpacked", shown)

    def test_only_what_the_repo_has_not_is_written(self) -> None:
        target = repo.create(self.scratch / "repo", "archive")
        base = [deb(file(f"./{n}", b"%d" % n)) for n in range(1)]
        more = deb(file("./more", b"more"), control=control("more"))
        first = self.add(target, "one", *base)
        self.assertGreater(first.content, 0)
        self.assertEqual(self.add(target, "again", *base), Written())
        second = self.add(target, "two", *base, more)
        # The file, its list, its md5sums and the status.
        self.assertEqual(second.content, 4)

    def test_a_repo_that_cannot_hold_the_image_is_told_by_path(self) -> None:
        target = repo.create(self.scratch / "repo", "bare-user-only")
        words = (
            "/repo: a bare-user-only repo keeps neither owners nor special modes: "
            r"/su: mode 4755 with bits 4000 \(and 1 more\); use a repo of mode bare-user or archive"
        )
        with self.assertRaisesRegex(UserError, words):
            self.add(target, "x", deb(file("./su", mode=0o4755), file("./you", uid=5)))
        self.assertEqual(list((target.path / "objects").glob("*/*")), [])


if __name__ == "__main__":
    import unittest

    unittest.main()
