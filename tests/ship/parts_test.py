import unittest

from apt2ostree.image.ownership import PathResolver, owners
from apt2ostree.ship.parts import parts
from tests.support.debs import control, deb, directory, file, symlink
from tests.support.judges import ScratchTest
from tests.support.variants import build, tree

BASE = deb(symlink("./lib", "usr/lib"), directory("./usr/lib"), control=control("base-files"))


class OwnershipTest(ScratchTest):
    def test_files_behind_links_and_files_that_were_taken_over(self) -> None:
        image = build(
            self.scratch / "i",
            [
                BASE,
                deb(file("./lib/a"), file("./usr/lib/b", b"old"), control=control("one")),
                deb(file("./usr/lib/b", b"new"), control=control("two", Replaces="one")),
            ],
        )
        found = owners(image.manifest, image.packages)
        self.assertEqual(
            {path: record.name for path, record in found.items()},
            {"lib": "base-files", "usr/lib/a": "one", "usr/lib/b": "two"},
        )

    def test_links_in_a_circle_or_out_of_the_image_end(self) -> None:
        image = build(
            self.scratch / "i",
            [deb(symlink("./a", "b"), symlink("./b", "a"), symlink("./c", "../../x"))],
        )
        resolver = PathResolver(image.manifest.directories)
        self.assertEqual(resolver.directory("a/x"), "a/x")
        self.assertEqual(resolver.directory("c/y"), "x/y")


class PartsTest(ScratchTest):
    def test_every_file_is_in_one_part(self) -> None:
        packages = [
            BASE,
            deb(directory("./etc"), file("./etc/one"), control=control("one", Source="src")),
        ]
        image = build(self.scratch / "i", packages, {"//a:layer": tree({"etc/two": b""}, ["srv"])})
        found = parts(image.built)
        self.assertEqual([part.name for part in found], ["base-files", "one", "//a:layer", ""])
        self.assertEqual(found[1].source, "src")
        files = {
            f"{path}/{name}".lstrip("/")
            for path, directory in image.manifest.directories.items()
            for name in directory.files
        }
        placed = [path for part in found for path in part.paths if path in files]
        self.assertEqual((len(placed), set(placed)), (len(files), files))
        self.assertIn("var/lib/dpkg/info/one.list", found[1].paths)
        self.assertIn("srv", found[2].paths)
        self.assertIn("var/lib/dpkg/status", found[3].paths)

    def test_a_directory_that_another_package_fills_is_not_in_this_ones_part(self) -> None:
        packages = [
            deb(directory("./usr/man"), control=control("one")),
            deb(directory("./usr/man"), file("./usr/man/two"), control=control("two")),
        ]
        alone, _ = parts(build(self.scratch / "alone", packages[:1]).built)
        self.assertIn("usr/man", alone.paths)
        one, two, _ = parts(build(self.scratch / "both", packages).built)
        self.assertNotIn("usr/man", one.paths)
        self.assertIn("usr/man/two", two.paths)


if __name__ == "__main__":
    unittest.main()
