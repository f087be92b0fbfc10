"""Packages with the right checksum and the wrong content: what a build says of them."""

import unittest

from tests.e2e.case import BazelTest
from tests.support.debs import ROOT, ar, control, deb, directory, file, symlink, tar


class BadDebTest(BazelTest):
    def test_each_is_named_with_what_is_wrong_and_leaves_no_manifest(self) -> None:
        good = deb(directory("./usr"), file("./usr/a", b"x" * 5000), compression=".gz")
        parts = [
            ("debian-binary", b"2.0\n"),
            ("control.tar", tar(ROOT, file("./control", control().encode()))),
        ]
        cases = {
            "truncated": (good[: len(good) * 2 // 3], "truncated: .*; download"),
            "empty": (b"", "not a Debian package: it does not start with the ar signature"),
            "not-ar": (b"<html>" + good, "not a Debian package: .* the ar signature"),
            "no-data": (ar(*parts), r"no data.tar.\* in it: the package is truncated"),
            "rar": (ar(*parts, ("data.tar.rar", b"x")), "unknown compression '.rar': expected"),
            "dotdot": (deb(file("./../../etc/passwd")), r"\./\.\./\.\./etc/passwd: '\.\.' in a m"),
            "absolute": (deb(file("/etc/passwd")), "/etc/passwd: absolute member name"),
            "through-link": (
                deb(symlink("./x", "/etc"), file("./x/passwd")),
                "/x/passwd: /x: both a directory and a file",
            ),
            "bad-xz": (
                ar(*parts, ("data.tar.xz", b"\xfd7zXZ\0 nonsense")),
                "corrupt .xz data: .*; download the package again",
            ),
        }
        debs = {"good": good, **{name: data for name, (data, _) in cases.items()}}
        self.lock(*(self.archive.add(data, name) for name, data in debs.items()))
        lines = [f'filegroup(name = "{name}", srcs = ["@debs//{name}"])\n' for name in debs]
        self.write("sub/BUILD.bazel", "".join(lines))
        result = self.bazel("build", "--keep_going", "//sub:all", check=False)
        for name, (_, words) in cases.items():
            with self.subTest(name):
                self.assert_says(
                    result, rf"error: package {name} 1 \(amd64\) \(\S*package\.deb\): {words}"
                )
        self.assertNotIn("Traceback", result.output)
        configurations = self.built("").parent.parent
        for name in debs:
            trees = configurations.glob(f"*/bin/external/*debs__{name}__amd64/tree.manifest.json")
            self.assertEqual(any(trees), name == "good", name)

    def test_two_packages_with_one_path(self) -> None:
        self.lock(
            *(
                self.archive.add(
                    deb(directory("./usr"), file("./usr/f", name.encode()), control=control(name)),
                    name,
                )
                for name in ("one", "two")
            )
        )
        result = self.bazel("build", "//:debs_image", check=False)
        self.assert_says(
            result,
            r"error: 1 path\(s\) shipped by two packages, of which neither Replaces the other: "
            "/usr/f: package one 1 and package two 1 Leave one package of each pair out",
        )
        self.assertFalse(self.built("debs_image.commit").exists())

    def test_a_symlink_that_leads_another_packages_files_out_of_the_root(self) -> None:
        evil = deb(directory("./srv"), symlink("./srv/x", "../.."), control=control("evil"))
        good = deb(directory("./srv"), directory("./srv/x"), file("./srv/x/f"))
        self.lock(self.archive.add(evil, "evil"), self.archive.add(good, "tiny"))
        self.assert_says(
            self.bazel("build", "//:debs_image", check=False),
            "error: /srv/x: package evil 1 ships it as a symlink to '../..', which leads outside "
            r"the image, and package tiny 1 ships files below it \(/srv/x\)",
        )

    def test_a_lock_of_two_versions_in_two_sets(self) -> None:
        for name, version in (("old", "1"), ("new", "2")):
            package = deb(file("./f"), control=control(version=version))
            self.lock(self.archive.add(package, Version=version), name=name)
        build = self.workspace / "BUILD.bazel"
        both = 'ostree_image(name = "both", packages = ["@old//:packages", "@new//:packages"])\n'
        build.write_text(build.read_text() + both)
        self.assert_says(
            self.bazel("build", "//:both", check=False),
            "error: package tiny is in the image twice: version 1 for amd64 and version 2",
        )


if __name__ == "__main__":
    unittest.main()
