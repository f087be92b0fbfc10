import io
import tarfile
import unittest

from apt2ostree.errors import UserError
from apt2ostree.image.compose import Options
from apt2ostree.tree.manifest import Directory, Manifest
from tests.support import images
from tests.support.debs import control, deb, directory, file, special, symlink
from tests.support.images import compose_debs

AMD64 = Options(architectures=("amd64",))


def paths(image: images.Composed) -> set[str]:
    """Paths of the image's files, dpkg's own apart."""
    return {
        f"{path}/{name}".lstrip("/")
        for path, found in image.manifest.directories.items()
        for name in found.files
        if not path.startswith("var/lib/dpkg")
    }


class ComposeTest(unittest.TestCase):
    def test_the_commit_depends_on_the_content_alone(self) -> None:
        packages = [deb(file("./a", b"a")), deb(file("./b"), control=control("other"))]
        one, two = compose_debs(packages), compose_debs(packages)
        self.assertEqual(
            (one.commit, one.manifest.dump(), one.objects[-1]),
            (two.commit, two.manifest.dump(), two.objects[-1]),
        )
        changed = compose_debs([packages[0], deb(file("./b", b"x"), control=control("other"))])
        self.assertNotEqual(changed.commit, one.commit)

    def test_the_order_of_packages_makes_no_difference_to_the_commit(self) -> None:
        packages = [
            deb(directory("./etc", mode), file(f"./{name}"), control=control(name))
            for name, mode in (("base-files", 0o755), ("zz", 0o700), ("aa", 0o711))
        ]
        image = compose_debs(packages)
        self.assertEqual(compose_debs(packages[::-1]).commit, image.commit)
        self.assertEqual(image.manifest.directories["etc"].mode, "0755")  # of base-files

    def test_an_image_without_packages_has_no_database(self) -> None:
        self.assertEqual(list(compose_debs([]).manifest.directories), [""])

    def test_merged_usr_by_its_marker(self) -> None:
        shell = deb(directory("./bin"), file("./bin/sh", b"sh"))
        marker = deb(control=control("usr-is-merged"))
        self.assertIn("bin/sh", paths(compose_debs([shell], AMD64)))
        merged = paths(compose_debs([shell, marker], AMD64))
        self.assertIn("usr/bin/sh", merged)
        self.assertLessEqual({"bin", "lib", "lib64", "sbin"}, merged)
        off = Options(architectures=("amd64",), merged_usr="no")
        self.assertIn("bin/sh", paths(compose_debs([shell, marker], off)))

    def test_base_files_that_ships_the_links_itself(self) -> None:
        base = deb(
            directory("./usr"),
            directory("./usr/bin"),
            *(symlink(f"./{name}", f"usr/{name}") for name in ("bin", "lib", "sbin", "lib64")),
            control=control("base-files"),
        )
        old = deb(directory("./bin"), file("./bin/x"), control=control("old"))
        image = compose_debs([base, old, deb(control=control("usr-is-merged"))], AMD64)
        self.assertIn("usr/bin/x", paths(image))

    def test_layers_are_laid_over_the_packages(self) -> None:
        layer, _ = images.unpack(deb(directory("./etc"), file("./etc/motd", b"hello")))
        image = compose_debs([deb(file("./a"))], None, **{"//x:layer": layer})
        self.assertIn("etc/motd", paths(image))
        self.assertEqual([record.name for record in image.manifest.packages], ["tiny"])

    def test_the_time_and_the_subject_are_those_given(self) -> None:
        plain = compose_debs([deb()])
        timed = compose_debs([deb()], Options(timestamp=1, subject="x"))
        self.assertEqual(plain.manifest.dirtree, timed.manifest.dirtree)
        self.assertNotEqual(plain.commit, timed.commit)

    def test_every_metadata_object_and_the_commit_are_in_the_tar(self) -> None:
        image = compose_debs([deb(directory("./a"), file("./a/b", b"x"))])
        with tarfile.open(fileobj=io.BytesIO(image.objects[-1])) as archive:
            names = archive.getnames()
        found = {name[8:].replace("/", "") for name in names}
        self.assertIn(f"{image.commit}.commit", found)
        self.assertIn(f"{image.manifest.dirtree}.dirtree", found)
        self.assertIn(f"{image.manifest.dirmeta}.dirmeta", found)


class BadInputTest(unittest.TestCase):
    def assert_refused(
        self, words: str, *packages: bytes, options: "Options | None" = None
    ) -> None:
        with self.assertRaisesRegex(UserError, words):
            compose_debs(packages, options)

    def test_a_clash_names_both_packages_and_the_path(self) -> None:
        one, two = (
            deb(directory("./usr"), file("./usr/f", name.encode()), control=control(name))
            for name in ("one", "two")
        )
        self.assert_refused("/usr/f: package one 1 and package two 1", one, two)

    def test_two_versions_of_a_package(self) -> None:
        self.assert_refused(
            "package tiny is in the image twice: version 1 for amd64 and version 2 for amd64",
            deb(),
            deb(control=control(version="2")),
        )

    def test_two_architectures_of_a_package_that_may_have_one(self) -> None:
        self.assert_refused(
            "package tiny is in the image twice: version 1 for amd64 and version 1 for i386",
            deb(),
            deb(control=control(Architecture="i386")),
            options=Options(architectures=("amd64", "i386")),
        )

    def test_architectures_that_are_not_declared(self) -> None:
        packages = (deb(), deb(control=control("other", Architecture="i386")))
        self.assert_refused(r"several architectures \(amd64, i386\): declare them", *packages)
        self.assert_refused(
            "package other 1 is for i386, and the image declares amd64", *packages, options=AMD64
        )

    def test_devices(self) -> None:
        for kind, word in (
            (tarfile.CHRTYPE, "character device"),
            (tarfile.BLKTYPE, "block device"),
            (tarfile.FIFOTYPE, "fifo"),
        ):
            package = deb(directory("./dev"), special("./dev/x", kind))
            self.assert_refused(f"/dev/x: a {word}, which OSTree cannot store; leave", package)

    def test_a_symlink_that_leads_another_packages_files_out_of_the_root(self) -> None:
        evil = deb(directory("./usr"), symlink("./usr/x", "../../.."), control=control("evil"))
        good = deb(directory("./usr"), directory("./usr/x"), file("./usr/x/passwd"))
        self.assert_refused(
            "/usr/x: package evil 1 ships it as a symlink to .* leads outside the image, and "
            "package tiny 1 ships files below it",
            evil,
            good,
        )

    def test_a_database_that_a_package_ships_as_something_else(self) -> None:
        evil = deb(directory("./var"), directory("./var/lib"), symlink("./var/lib/dpkg", "/tmp"))
        self.assert_refused("/var/lib/dpkg: both a directory and a file", evil)

    def test_directories_where_the_database_has_files(self) -> None:
        parents = [directory(f"./{path}") for path in ("var", "var/lib", "var/lib/dpkg")]
        for path in ("status", "info/format", "info/tiny.list", "triggers/File"):
            self.assert_refused(
                f"/var/lib/dpkg/{path}: package tiny 1 ships a directory there, where dpkg's "
                "database has a file; leave it out of the image",
                deb(*parents, directory(f"./var/lib/dpkg/{path}")),
            )

    def test_a_differing_file_of_two_architectures_names_these(self) -> None:
        one, two = (
            deb(
                directory("./usr"),
                file("./usr/f", architecture.encode()),
                control=control(Architecture=architecture, Multi_Arch="same"),
            )
            for architecture in ("amd64", "i386")
        )
        self.assert_refused(
            "/usr/f: package tiny:amd64 1 and package tiny:i386 1",
            one,
            two,
            options=Options(architectures=("amd64", "i386")),
        )

    def test_what_a_package_ships_of_the_database_does_not_count(self) -> None:
        parents = [directory(f"./{path}") for path in ("var", "var/lib", "var/lib/dpkg")]
        evil = deb(*parents, file("./var/lib/dpkg/status", b"Package: evil\n"))
        status = compose_debs([evil]).content("var/lib/dpkg/status")
        self.assertTrue(status.startswith("Package: tiny\nStatus: install ok unpacked\n"))

    def test_a_package_of_two_records_is_no_problem_for_a_layer(self) -> None:
        layer = Manifest({"": Directory(), "etc": Directory()})
        self.assertIn("etc", compose_debs([deb()], layer=layer).manifest.directories)


if __name__ == "__main__":
    unittest.main()
