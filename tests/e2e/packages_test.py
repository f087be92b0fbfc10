"""What an image's `packages` may be: locks that are not there, choices, aliases."""

import json
import os
import unittest

from tests.e2e.case import BazelTest
from tests.support.debs import control, deb, file

LOAD = 'load("@apt2ostree//apt2ostree:defs.bzl", "apt_lock", "ostree_image", "ostree_tree")\n'


class AbsentTest(BazelTest):
    """Locks without packages."""

    def images(self, *lines: str) -> None:
        self.write("BUILD.bazel", LOAD + "\n".join(lines))

    def test_an_absent_lock_makes_no_image(self) -> None:
        self.declare("debs", 'lockfile = "//image:nxet.lock"')
        self.write(
            "image/BUILD.bazel",
            LOAD + 'apt_lock(name = "update_lock", architecture = "amd64", '
            'lockfile = "nxet.lock", sources = ["x.sources"])\n',
        )
        self.write("image/x.sources", "")
        self.images(
            'ostree_image(name = "all", packages = ["@debs//:packages"])',
            'ostree_image(name = "one", packages = ["@debs//nginx"])',
            'ostree_tree(name = "layer", directories = ["a"])',
            'ostree_image(name = "more", packages = ["@debs//:packages"], layers = ["layer"])',
            'filegroup(name = "files", srcs = ["@debs//:debs"])',
        )
        for command, target in (
            ("build", "all"),
            ("build", "one"),
            ("build", "more"),
            ("build", "files"),
            ("run", "all"),
        ):
            with self.subTest(command=command, target=target):
                self.assert_says(
                    self.bazel(command, f"//:{target}", check=False),
                    "image/nxet.lock does not exist, so nothing can be made of @debs. If it was "
                    r"never written, run its update, the apt_lock that names it \(`bazel query "
                    r"'kind\(apt_locks, //image:all\)'` finds it\): `bazel run //image:TARGET`. "
                    r"If it is elsewhere, say where: `lockfile` of apt.lock\(name = \"debs\"\) in "
                    "MODULE.bazel",
                )
        with self.subTest("its first update can run"):
            found = self.bazel("query", "kind(apt_locks, //image:all)").stdout
            self.assertEqual(found.split(), ["//image:update_lock"])
            self.bazel("query", "//...")
            self.bazel("build", "//image:update_lock")
        with self.subTest("its test"):
            result = self.bazel(
                "test", "--test_output=errors", "//image:update_lock_test", check=False
            )
            self.assert_says(result, "image/nxet.lock does not exist yet; run bazel run //image:up")
        with self.subTest("its mirror"):
            result = self.bazel("run", "//image:update_lock", "--", "mirror", "m", check=False)
            self.assert_says(result, "image/nxet.lock does not exist yet; run bazel run //image:up")

    def test_a_lock_comes_and_goes(self) -> None:
        stanza = self.archive.add(deb(file("./a")))
        self.declare("debs", 'lockfile = "//:debs.lock"')
        self.bazel("build", "//:debs_image", check=False)
        lock = self.write("debs.lock", stanza)
        self.commit()
        lock.rename(self.workspace / "moved.lock")
        result = self.bazel("build", "//:debs_image", check=False)
        self.assert_says(result, "debs.lock does not exist, so nothing can be made of @debs. ")

    def test_an_empty_lock_makes_an_image_of_layers_alone(self) -> None:
        self.declare("debs", 'lockfile = "//:debs.lock"')
        self.images(
            'ostree_tree(name = "layer", directories = ["a"])',
            'ostree_image(name = "all", packages = ["@debs//:packages"])',
            'ostree_image(name = "empty", packages = [])',
            'ostree_image(name = "layers", layers = ["layer"], packages = ["@debs//:packages"])',
            'ostree_image(name = "base", base = "layers", packages = ["@debs//:packages"])',
        )
        for text in ("", "\n\n# a comment\n"):
            self.write("debs.lock", text)
            self.assert_says(
                self.bazel("build", "//:all", check=False),
                "//:all: there are no packages in .*: its lockfile is empty. `bazel run` the "
                "`apt_lock` that writes it; an image that is meant to be empty has `packages = ",
            )
        for name in ("empty", "layers", "base"):
            self.commit(name)


class ConfiguredByTest(BazelTest):
    """Which fakeroot and which emulator an image is configured with."""

    def setUp(self) -> None:
        super().setUp()
        for name, architecture in (("amd", "amd64"), ("arm", "arm64")):
            version = "2.36-9"
            package = deb(control=control("libc6", version, Architecture=architecture))
            fields = {"Version": version, "Architecture": architecture}
            self.lock(self.archive.add(package, "libc6", **fields), name=name)

    def configured_by(self, target: str, *options: str) -> "list[str]":
        """The fakeroot and the emulator among the inputs of the action that configures."""
        query = f'mnemonic("OstreeConfigure", //:{target})'
        # Those packages are of the real archives.
        env = {"APT2OSTREE_MIRRORS": os.environ.get("APT2OSTREE_MIRRORS", "")}
        text = self.bazel("aquery", "--output=jsonproto", *options, query, env=env).stdout
        graph = json.loads(text)
        fragments = {part["id"]: part for part in graph["pathFragments"]}
        names = set()
        for artifact in graph["artifacts"]:
            part, path = fragments[artifact["pathFragmentId"]], ""
            while True:
                path = f"/{part['label']}{path}"
                if "parentId" not in part:
                    break
                part = fragments[part["parentId"]]
            if "fakeroot" in path and path.endswith("/tree.manifest.json"):
                names.add(path.split("/")[-2].partition("apt2ostree_ufakeroot_u")[2])
            elif "/emulators/" in path:
                names.add("/".join(path.split("/")[-2:]))
        return sorted(names)

    def test_whatever_names_the_packages(self) -> None:
        expected = ["bookworm__fakeroot__amd64", "bookworm__libfakeroot__amd64"]
        self.write(
            "BUILD.bazel",
            LOAD
            + 'alias(name = "alias", actual = "@amd//libc6")\n'
            + "".join(
                f'ostree_image(name = "{name}", configure = True, packages = {packages})\n'
                for name, packages in {
                    "plain": '["@amd//libc6"]',
                    "all": '["@amd//:packages"]',
                    "select": 'select({"//conditions:default": ["@amd//libc6"]})',
                    "sum": '["@amd//libc6"] + select({"//conditions:default": []})',
                    "by_alias": '[":alias"]',
                }.items()
            ),
        )
        for name in ("plain", "all", "select", "sum", "by_alias"):
            with self.subTest(name):
                self.assertEqual(self.configured_by(name), expected)

    def test_one_image_for_two_architectures(self) -> None:
        self.write(
            "BUILD.bazel",
            LOAD
            + 'platform(name = "arm64", constraint_values = '
            + '["@platforms//os:linux", "@platforms//cpu:aarch64"])\n'
            + 'ostree_image(name = "image", configure = True, packages = select({\n'
            + '    "@platforms//cpu:aarch64": ["@arm//:packages"],\n'
            + '    "//conditions:default": ["@amd//:packages"],\n'
            + "}))\n",
        )
        with (self.workspace / "MODULE.bazel").open("a") as module:
            module.write('bazel_dep(name = "platforms", version = "0.0.7")\n')
        for options, architecture, emulator in (
            ([], "amd64", []),
            (["--platforms=//:arm64"], "arm64", ["arm64/qemu-aarch64"]),
        ):
            with self.subTest(architecture):
                self.assertEqual(
                    self.configured_by("image", *options),
                    [
                        *emulator,
                        f"bookworm__fakeroot__{architecture}",
                        f"bookworm__libfakeroot__{architecture}",
                    ],
                )

    def test_nothing_of_it_for_an_image_that_is_not_configured(self) -> None:
        self.bazel("build", "//:amd_image")
        self.bazel("build", "//:arm_image")
        self.assertEqual(
            sorted(self.archive.asked()), ["libc6_2.36-9_amd64.deb", "libc6_2.36-9_arm64.deb"]
        )

    def test_fakeroot_as_a_package(self) -> None:
        env = {"APT2OSTREE_MIRRORS": os.environ.get("APT2OSTREE_MIRRORS", "")}
        self.write(
            "BUILD.bazel", LOAD + 'ostree_image(name = "i", packages = ["@amd//:fakeroot"])\n'
        )
        self.bazel("build", "--nobuild", "//:i", env=env)


if __name__ == "__main__":
    unittest.main()
