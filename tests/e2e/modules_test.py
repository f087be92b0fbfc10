"""Locks of modules that are not the root: who may write them, and where."""

import base64
import hashlib
import io
import tarfile
import unittest

from tests.e2e.case import BazelTest
from tests.support.bazel import APT
from tests.support.debs import control, deb, file

LOAD = 'load("@apt2ostree//apt2ostree:defs.bzl", "apt_lock", "ostree_image")\n'
LOCK = """\
apt_lock(
    name = "update_lock",
    architecture = "amd64",
    include_essential = False,
    include_priority = [],
    lockfile = "Packages.lock",
    packages = ["tiny"],
    sources = ["a.sources"],
    visibility = ["//visibility:public"],
)
"""


class ModulesTest(BazelTest):
    def publish(self) -> str:
        """Serve an archive of one package; return its source."""
        package = deb(file("./a"), control=control("tiny"))
        return self.archive.publish(self.archive.add(package, "tiny", APT_Sources=""))

    def library(self) -> "dict[str, str]":
        """Path → text of the files of a module with a lock."""
        stanza = self.archive.add(deb(file("./old"), control=control("old", "0")), "old")
        return {
            "MODULE.bazel": 'module(name = "lib", version = "1.0")\n'
            'bazel_dep(name = "apt2ostree", version = "0.1.0")\n'
            f'{APT}\napt.lock(name = "base_debs", lockfile = "//os:Packages.lock")\n'
            'use_repo(apt, "base_debs")\n',
            "os/BUILD.bazel": LOAD
            + LOCK
            + 'ostree_image(name = "rootfs", packages = ["@base_debs//:packages"], '
            + 'visibility = ["//visibility:public"])\n',
            "os/Packages.lock": stanza,
            "os/a.sources": self.publish(),
        }

    def depend(self, override: str) -> None:
        module = self.workspace / "MODULE.bazel"
        module.write_text(
            f'{module.read_text()}bazel_dep(name = "lib", version = "1.0")\n{override}\n'
        )
        # What was overwritten in its place.
        self.write("os/BUILD.bazel", "")
        self.write("os/Packages.lock", "the root's own\n")

    def test_a_module_in_a_directory(self) -> None:
        for name, text in self.library().items():
            self.write(f"lib/{name}", text)
        self.write(".bazelignore", "lib\n")
        self.depend('local_path_override(module_name = "lib", path = "lib")')
        lock = self.workspace / "lib/os/Packages.lock"
        result = self.bazel(
            "test", "--test_output=errors", "@lib//os:update_lock_test", check=False
        )
        self.assert_says(result, r"os/Packages.lock does not satisfy @@lib\S*//os:update_lock: ")
        self.bazel("run", "@lib//os:update_lock")
        self.assertIn("Package: tiny\n", lock.read_text())
        self.assertEqual((self.workspace / "os/Packages.lock").read_text(), "the root's own\n")
        self.bazel("test", "--test_output=errors", "@lib//os:update_lock_test")

    def test_a_module_that_was_downloaded(self) -> None:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:gz") as tar:
            for name, text in self.library().items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                tar.addfile(member, io.BytesIO(text.encode()))
        self.archive.files["lib.tar.gz"] = data.getvalue()
        url = self.archive.url.replace("/debian", "/lib.tar.gz")
        digest = base64.b64encode(hashlib.sha256(data.getvalue()).digest()).decode()
        self.depend(
            f'archive_override(module_name = "lib", integrity = "sha256-{digest}", '
            f'urls = ["{url}"])'
        )
        result = self.bazel("run", "@lib//os:update_lock", check=False)
        self.assert_says(
            result,
            r"error: @@lib\S*//os:update_lock: its lockfile os/Packages.lock is of the module "
            r"lib\S*, which Bazel has downloaded to \S+; nothing was written. Update it in that "
            "module's own source tree, or map the module to a directory with local_path_override",
        )
        self.assertEqual((self.workspace / "os/Packages.lock").read_text(), "the root's own\n")
        # What writes nothing there is as well as anywhere.
        self.bazel("run", "@lib//os:update_lock", "--", "--dry-run")
        mirror = self.scratch / "mirror"
        self.bazel("run", "@lib//os:update_lock", "--", "mirror", mirror)
        self.assertEqual([path.name for path in mirror.rglob("*.deb")], ["old_1_amd64.deb"])

    def test_the_images_of_two_modules_compared(self) -> None:
        for name, text in self.library().items():
            self.write(f"lib/{name}", text)
        self.write(".bazelignore", "lib\n")
        self.depend('local_path_override(module_name = "lib", path = "lib")')
        self.lock(self.archive.add(deb(file("./a"), control=control("new")), "new"))
        self.write(".bazelrc", (self.workspace / ".bazelrc").read_text().replace("/\n", "bazel-\n"))
        self.bazel("build", "@lib//os:rootfs")
        output = self.bazel("run", "//:debs_image", "--", "diff", "@lib//os:rootfs").stdout
        self.assertIn("old", output)
        self.assertIn("new", output)


class PlatformTest(BazelTest):
    def test_a_lock_is_updated_where_bazel_runs(self) -> None:
        self.write("BUILD.bazel", LOAD + LOCK)
        self.write("a.sources", "Types: deb\nURIs: http://127.0.0.1:9\nSuites: ./\nTrusted: yes\n")
        self.write(
            "arm/BUILD.bazel",
            'load("@rules_python//python:defs.bzl", "py_runtime", "py_runtime_pair")\n'
            'py_runtime(name = "runtime", interpreter = "python", python_version = "PY3")\n'
            'py_runtime_pair(name = "pair", py3_runtime = ":runtime")\n'
            'toolchain(name = "toolchain", target_compatible_with = ["@platforms//cpu:aarch64"], '
            'toolchain = ":pair", toolchain_type = "@rules_python//python:toolchain_type")\n'
            'platform(name = "arm64", '
            'constraint_values = ["@platforms//os:linux", "@platforms//cpu:aarch64"])\n',
        )
        # As the kernel does with an interpreter for another machine.
        self.write("arm/python", "#!/bin/sh\necho 'Exec format error' >&2; exit 126\n").chmod(0o755)
        with (self.workspace / "MODULE.bazel").open("a") as module:
            module.write(
                'bazel_dep(name = "platforms", version = "0.0.7")\n'
                'bazel_dep(name = "rules_python", version = "0.22.1")\n'
                'register_toolchains("//arm:toolchain")\n'
            )
        result = self.bazel(
            "run", "--platforms=//arm:arm64", "//:update_lock", "--", "sources", check=None
        )
        self.assertNotIn("Exec format error", result.output)
        self.assertIn("URIs: http://127.0.0.1:9\n", result.stdout)


if __name__ == "__main__":
    unittest.main()
