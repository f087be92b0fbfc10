"""Variants in a user's workspace, with packages of its own: what Bazel runs, and what it says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections import Counter
from pathlib import Path

from apt2ostree.ship import oci_layers
from tests.support import bazel, judges
from tests.support.debs import control, deb, file

BUILD = """\
load("@apt2ostree//apt2ostree:defs.bzl", "deb_package", "ostree_image", "ostree_oci", "ostree_tree")
load("@rules_python//python:defs.bzl", "py_binary", "py_library")

deb_package(name = "one", src = "one.deb")
deb_package(name = "two", src = ":built.deb")
genrule(
    name = "made_here",
    srcs = ["two.control"],
    outs = ["built.deb"],
    cmd = "mkdir -p two/DEBIAN two/usr; cp $< two/DEBIAN/control; echo 2 > two/usr/two; " +
          "dpkg-deb --root-owner-group --build two $@",
)

ostree_image(name = "base", packages = [":one"])
ostree_image(name = "second", base = ":base", packages = [":two"])
ostree_image(name = "third", base = ":base", layers = [":files"])
ostree_tree(name = "files", files = {"greeting.txt": "etc/"})

ostree_tree(name = "stranger", files = {"greeting.txt": "etc/"}, owner = "nobody-knows")
ostree_image(name = "unknown_user", packages = [":one"], layers = [":stranger"])
ostree_tree(name = "more_files", files = {"other.txt": "etc/greeting.txt"})
ostree_image(name = "clash", packages = [":one"], layers = [":files", ":more_files"])
ostree_image(name = "typo", packages = [":one"], remove = ["usr/shrae/**"])
ostree_image(
    name = "strict", packages = [":one"], remove = ["usr/shrae/**"], unmatched_globs = "error",
)

ostree_tree(
    name = "odd",
    directories = ["@a", "@@b", "%s", "[x"],
    files = {"greeting.txt": "-x", 'quo"te.txt': "é/"},
    srcs = ['quo"te.txt'],
    symlinks = {"--file": "-x", '"\\\\"': "two\\nlines"},
)
ostree_tree(name = "two_lines", files = {"greeting.txt": "etc/a\\nb"})
ostree_image(name = "odd_names", packages = [":one"], layers = [":odd"], remove = ["?-y\\nz"])
deb_package(name = "needy", src = "needy.deb")
ostree_image(name = "unmet", packages = [":one", ":needy"])

cc_library(name = "greet", srcs = ["greet.c"])
cc_binary(
    name = "tool",
    srcs = ["tool.c"],
    data = ["greeting.txt"],
    linkstatic = False,
    deps = [":greet"],
)
py_binary(name = "script", srcs = ["script.py"], data = ["greeting.txt"], deps = [":words"])
py_library(name = "words", srcs = ["words.py"], imports = ["."])
ostree_tree(name = "programs", binaries = {":tool": "usr/bin/", ":script": "usr/bin/script"})
ostree_tree(name = "program_as_file", files = {":script": "usr/bin/script"})
ostree_tree(name = "file_as_program", binaries = {"greeting.txt": "usr/bin/x"})
ostree_image(name = "with_programs", packages = [":one"], layers = [":programs"])

deb_package(name = "arm", src = "arm.deb")
ostree_image(
    name = "either",
    packages = select({"@platforms//cpu:aarch64": [":arm"], "//conditions:default": [":one"]}),
)
ostree_oci(name = "base_oci", image = ":base")
ostree_oci(name = "update_oci", image = ":third", onto = ":base_oci")
ostree_oci(name = "released_oci", image = ":third", onto = ":released", onto_tag = "latest")
filegroup(name = "released", srcs = glob(["released/**"], allow_empty = True))
ostree_oci(name = "onto_files", image = ":third", onto = ":sources")
filegroup(name = "sources", srcs = ["greet.c", "tool.c"])
ostree_oci(name = "onto_file", image = ":third", onto = "greet.c")
ostree_oci(name = "onto_other", image = ":third", onto = ":base_oci", onto_tag = "v1")
ostree_oci(name = "onto_nothing", image = ":third", onto_tag = "v1")

platform(name = "arm64", constraint_values = ["@platforms//cpu:aarch64", "@platforms//os:linux"])
"""
ARM = control("one", Architecture="arm64")
DEPENDENCIES = """\
bazel_dep(name = "platforms", version = "0.0.7")
bazel_dep(name = "rules_python", version = "0.22.1")
"""
GREET = """\
#include <stdio.h>
void greet(const char *program) {
    char path[4096], words[16] = "";
    snprintf(path, sizeof path, "%s.runfiles/_main/greeting.txt", program);
    FILE *file = fopen(path, "r");
    if (file) fgets(words, sizeof words, file);
    printf("the library says %s", words);
}
"""
TOOL = """\
void greet(const char *program);
int main(int count, char **words) { greet(words[0]); return 0; }
"""
SCRIPT = """\
from pathlib import Path
from words import WORDS
print(WORDS, Path(f"{__file__}/../greeting.txt").resolve().read_text(), end="")
"""
FILES: dict[str, str | bytes] = {
    "MODULE.bazel": bazel.module(extra=DEPENDENCIES),
    "BUILD.bazel": BUILD,
    "one.deb": deb(file("./usr/one", b"1"), control=control("one")),
    "two.control": control("two", Depends="one"),
    "needy.deb": deb(control=control("needy", Depends="one, missing (>= 2)")),
    "greet.c": GREET,
    "tool.c": TOOL,
    "script.py": SCRIPT,
    "words.py": 'WORDS = "the script says"\n',
    "arm.deb": deb(file("./usr/one", b"arm"), control=ARM),
    "greeting.txt": "hello\n",
    "other.txt": "other\n",
    'quo"te.txt': "quoted\n",
}


class WorkspaceTest(judges.ScratchTest):
    """All tests share a Bazel, whose start takes longer than they do."""

    machine: bazel.Machine

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        case = unittest.TestCase()
        cls.addClassCleanup(case.doCleanups)
        directory = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        case.addCleanup(directory.cleanup)
        cls.machine = bazel.machine(case, Path(directory.name), FILES)

    def test_another_variant_costs_its_own_packages_and_a_compose(self) -> None:
        self.machine.run("clean").check()
        self.assert_runs("//:base", {"DebTree": 1, "OstreeCompose": 1})
        self.assert_runs("//:third", {"OstreeTree": 1, "OstreeCompose": 1})
        self.assert_runs("//:second", {"Genrule": 1, "DebTree": 1, "OstreeCompose": 1})
        self.assert_runs("//:second", {})
        self.assertIn("usr/two", self.machine.run("run", "//:second", "--", "ls", "-R").stdout)

    def assert_runs(self, target: str, actions: dict[str, int]) -> None:
        """Assert what Bazel's execution log has of building a target: these, and nothing else."""
        built = self.machine.build(target)
        self.assertEqual(Counter(spawn.mnemonic for spawn in built.spawns), Counter(actions))

    def test_an_oci_update_is_a_layer_upon_those_of_before(self) -> None:
        self.machine.build("//:base_oci", "//:update_oci")
        before, update = self.oci_layers("base_oci"), self.oci_layers("update_oci")
        self.assertEqual((update[:-1], len(update)), (before, len(before) + 1))
        released = self.machine.workspace / "released"
        shutil.copytree(self.machine.workspace / "bazel-bin/base_oci", released)
        self.addCleanup(shutil.rmtree, released)
        self.machine.build("//:released_oci")
        self.assertEqual(self.oci_layers("released_oci"), update)

    def oci_layers(self, target: str) -> list[str]:
        """Digests of a layout's only image, whose blobs are all there."""
        layout = self.machine.workspace / "bazel-bin" / target
        image = oci_layers.load(layout, oci_layers.read_index(layout), "")
        self.assertTrue(image.entries())
        return [str(layer["digest"]) for layer in image.layers]

    def test_what_is_wrong_is_told(self) -> None:
        for target, words in {
            "unknown_user": "/etc/greeting.txt: unknown user 'nobody-knows': the tree's own users",
            "clash": "/etc/greeting.txt: layer //:files and layer //:more_files",
            "unmet": "needy:amd64=1 needs missing (>= 2) (Depends), which is not there",
            "program_as_file": "//:script in `files` is 2 files: end the path",
            "file_as_program": "source file '//:greeting.txt' is misplaced here",
            "two_lines": r"path 'etc/a\nb': expected one inside the image, without '..' and line",
            "onto_files": "onto: //:sources has 2 files and no oci-layout among them; expected",
            "onto_file": "greet.c/index.json: not an OCI layout's: Not a directory",
            "onto_other": "base_oci: no image 'v1' to build on; it has: latest",
            "onto_nothing": "onto_tag is the name of an image in `onto`, which is not given",
            "strict": "remove: 'usr/shrae/**' matches nothing in base and packages",
        }.items():
            with self.subTest(target):
                result = self.machine.run("build", f"//:{target}")
                self.assertNotEqual(result.status, 0)
                self.assertIn(words, result.output)
        result = self.machine.run("build", "//:typo")
        self.assertEqual(result.status, 0, result.output)
        self.assertIn("warning: remove: 'usr/shrae/**' matches nothing", result.output)

    def test_names_may_be_odd(self) -> None:
        root = self.scratch / "root"
        self.machine.run("run", "//:odd_names", "--", "checkout", "-U", str(root)).check()
        found = {str(path.relative_to(root)) for path in root.rglob("*")}
        odd = {"@a", "@@b", "%s", "[x", "-x", 'quo"te.txt', 'é/quo"te.txt', "--file"}
        self.assertEqual(odd - found, set())
        self.assertEqual((root / '"\\"').readlink(), Path("two\nlines"))
        self.assertEqual((root / 'é/quo"te.txt').read_text(), "quoted\n")

    def test_programs_find_their_runfiles_in_the_image(self) -> None:
        root = self.scratch / "root"
        self.machine.run("run", "//:with_programs", "--", "checkout", "-U", str(root)).check()
        self.assertEqual(judges.run(root / "usr/bin/tool"), "the library says hello\n")
        environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        script = [sys.executable, str(root / "usr/bin/script")]
        said = subprocess.run(script, check=True, stdout=subprocess.PIPE, env=environment).stdout
        self.assertEqual(said, b"the script says hello\n")

    def test_one_target_for_two_architectures(self) -> None:
        for options, architecture in (([], "amd64"), (["--platforms=//:arm64"], "arm64")):
            result = self.machine.run("run", *options, "//:either", "--", "packages")
            self.assertEqual(result.stdout, f"one\t1\t{architecture}\n", result.output)

    def test_a_stamped_build_knows_its_revision(self) -> None:
        status = self.machine.workspace / "status.sh"
        status.write_text("#!/bin/sh\necho STABLE_GIT_COMMIT f00d\n")
        status.chmod(0o755)
        judges.need(self, "ostree")
        repo = self.scratch / "repo"
        judges.run("ostree", "init", f"--repo={repo}", "--mode=archive")
        self.machine.run(
            "run",
            "--stamp",
            f"--workspace_status_command={status}",
            "//:base",
            "--",
            "commit",
            f"--repo={repo}",
            "--branch=b",
            "--subject=S",
        ).check()
        shown = judges.run(
            "ostree",
            "show",
            f"--repo={repo}",
            "b",
            "--print-metadata-key=apt2ostree.source-revision",
        )
        self.assertEqual(shown.strip(), "'f00d'")


if __name__ == "__main__":
    unittest.main()
