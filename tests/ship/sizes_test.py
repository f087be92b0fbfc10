import unittest

from apt2ostree.ship import sizes
from apt2ostree.ship.makers import MAKERS, REST, maker, makers
from apt2ostree.tree import globs
from tests.support.debs import control, deb, directory, file
from tests.support.judges import ScratchTest
from tests.support.variants import build, tree


class MakersTest(unittest.TestCase):
    def test_files_are_known_by_where_they_are(self) -> None:
        for path, words in {
            "boot/initrd.img-6.1.0-40-amd64": "initrd",
            "usr/lib/udev/hwdb.bin": "hwdb",
            "usr/lib/modules/6.1.0-40-amd64/modules.dep.bin": "depmod",
            "usr/lib/python3/dist-packages/apt/__pycache__/cache.cpython-311.pyc": "py3compile",
            "var/lib/dpkg/status": "dpkg",
            "etc/shadow": "accounts",
            "etc/ssl/certs/ca-certificates.crt": "certificates",
            "etc/hostname": REST,
        }.items():
            with self.subTest(path):
                self.assertIn(words, maker(path))
        found = makers(["etc/hostname", "etc/passwd", "var/lib/dpkg/status"])
        self.assertEqual(list(found), ["dpkg's database", "accounts", REST])

    def test_every_pattern_is_one(self) -> None:
        for patterns in MAKERS.values():
            for pattern in patterns:
                globs.compile_glob(pattern)


class SizesTest(ScratchTest):
    def test_packages_layers_and_what_else_made_files_add_up(self) -> None:
        one = deb(directory("./usr"), file("./usr/one", b"1" * 3000), control=control("one"))
        layers = {"//a:layer": tree({"etc/two": b"2" * 2000})}
        image = build(self.scratch / "i", [one], layers).built
        found = sizes.items(image)
        self.assertEqual(
            [(item.kind, item.name) for item in found],
            [
                ("package", "one"),
                ("layer", "//a:layer"),
                ("generated", "dpkg's database"),
            ],
        )
        total = sum(sizes.file_sizes(image.manifest).values())
        self.assertEqual(sum(item.bytes for item in found), total)
        lines = list(sizes.table(found, 1))
        self.assertEqual(lines[0].split(), ["size", "share", "files", "part"])
        self.assertRegex(lines[1], r"^   3\.\d kB   \d\d\.\d %        \d  one$")
        self.assertTrue(lines[2].endswith("  2 smaller"), lines[2])
        self.assertTrue(lines[3].endswith("  all"), lines[3])


if __name__ == "__main__":
    unittest.main()
