"""The program behind `bazel run` of an image, called from other programs and in other ways."""

import os
import shutil
import subprocess
import unittest
from pathlib import Path

from tests.e2e.case import BazelTest
from tests.support.debs import deb, file

BUILD = """
load("@rules_python//python:defs.bzl", "py_binary")

sh_binary(name = "sh", srcs = ["sh.sh"], data = [":debs_image"])
py_binary(name = "py", srcs = ["py.py"], data = [":debs_image"])
genrule(
    name = "tool",
    tools = [":debs_image"],
    outs = ["tool.txt"],
    cmd = "$(location :debs_image) packages > $@",
)
genrule(
    name = "nested",
    tools = [":sh"],
    outs = ["nested.txt"],
    cmd = "$(location :sh) > $@",
)
"""
SH = """\
#!/bin/sh
exec "$0.runfiles/_main/debs_image" packages
"""
PY = """\
import os, subprocess, sys
here = os.path.dirname(os.path.abspath(__file__))
sys.exit(subprocess.run([os.path.join(here, "debs_image"), "packages"]).returncode)
"""
EXPECTED = "tiny\t1\tamd64"


class LauncherTest(BazelTest):
    def setUp(self) -> None:
        super().setUp()
        self.lock(self.archive.add(deb(file("./a"))))
        build = self.workspace / "BUILD.bazel"
        build.write_text(build.read_text() + BUILD)
        self.write("sh.sh", SH).chmod(0o755)
        self.write("py.py", PY)
        with (self.workspace / "MODULE.bazel").open("a") as module:
            module.write('bazel_dep(name = "rules_python", version = "0.22.1")\n')

    def call(self, program: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Call a program from a directory of no meaning, in an empty environment."""
        return subprocess.run(
            [program, "packages"],
            cwd=self.scratch,
            env={"PATH": os.environ["PATH"], "TMPDIR": str(self.scratch), **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def assert_works(self, program: Path, **variables: str) -> None:
        done = self.call(program, **variables)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(EXPECTED, done.stdout)

    def test_from_other_programs(self) -> None:
        for target in ("sh", "py"):
            with self.subTest(target):
                self.assertIn(EXPECTED, self.bazel("run", f"//:{target}").stdout)
                self.assert_works(self.built(target))
        for target in ("tool", "nested"):
            with self.subTest(target):
                self.bazel("build", f"//:{target}")
                self.assertIn(EXPECTED, self.built(f"{target}.txt").read_text())

    def test_through_links_and_where_the_caller_says(self) -> None:
        self.bazel("build", "//:debs_image")
        program = self.built("debs_image")
        self.assert_works(program)
        (self.scratch / "bin").mkdir()
        link, further = self.scratch / "bin/image", self.scratch / "further"
        link.symlink_to(program)
        further.symlink_to("bin/image")
        self.assert_works(link)
        self.assert_works(further)
        found = self.call(Path("image"), PATH=f"{link.parent}:{os.environ['PATH']}")
        self.assertIn(EXPECTED, found.stdout)
        alone = self.scratch / "alone"
        shutil.copy(program, alone)
        self.assert_works(alone, RUNFILES_DIR=f"{program}.runfiles")
        self.assert_works(alone, RUNFILES_MANIFEST_FILE=f"{program}.runfiles_manifest")
        for variables in ({}, {"RUNFILES_DIR": str(self.scratch)}):
            done = self.call(alone, **variables)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(
                done.stderr,
                r"error: \S+/alone: no runfiles with \S+: neither beside it \(\S+/alone.runfiles, "
                r"\S+/alone.runfiles_manifest\), nor around it, nor where RUNFILES_DIR and "
                r"RUNFILES_MANIFEST_FILE say. Name //:debs_image in the `data` of whatever runs it",
            )

    def test_without_a_tree_of_runfiles(self) -> None:
        self.bazel("build", "--noenable_runfiles", "//:debs_image")
        program = self.built("debs_image")
        shutil.rmtree(f"{program}.runfiles", ignore_errors=True)
        before = set(self.scratch.iterdir())
        self.assert_works(program)
        self.assertEqual(set(self.scratch.iterdir()), before, "nothing is left behind")
        self.assertEqual(self.call(program, TMPDIR="/nowhere").returncode, 1)
        output = self.bazel("run", "--noenable_runfiles", "//:debs_image", "--", "packages").stdout
        self.assertIn(EXPECTED, output)


if __name__ == "__main__":
    unittest.main()
