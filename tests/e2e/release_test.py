"""A release, as a stranger consumes it: from a registry, or by its archive's address."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from dev import release
from tests.support import bazel, judges

_OVERRIDE = re.compile(r"# Beside.*?\nlocal_path_override\(.*?\n\)\n", re.DOTALL)
_IDENTITY = ("-c", "user.name=N", "-c", "user.email=n@example.org")


class ReleaseTest(judges.ScratchTest):
    """All tests consume one release, each with a Bazel and a home of its own."""

    release: Path
    smoke: Path

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if not (shutil.which("git") and (bazel.SOURCES / ".git").exists()):
            judges.skip_aloud(cls("setUp"), f"no git here, or {bazel.SOURCES} is no checkout")
        place = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        cls.addClassCleanup(place.cleanup)
        cls.release = Path(place.name, "release")
        where = {"BUILD_WORKSPACE_DIRECTORY": str(commit_sources(Path(place.name, "checkout")))}
        with mock.patch.dict(os.environ, where):
            assert release.main([str(cls.release)]) == 0
        (archive,) = cls.release.glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            tar.extractall(place.name, filter="tar")
        cls.smoke = Path(place.name, archive.name.removesuffix(".tar.gz"), "e2e/smoke")

    def lines(self) -> str:
        """What the release's notes say that a MODULE.bazel needs."""
        notes = (self.release / "notes.md").read_text(encoding="utf-8")
        (lines,) = re.findall(r"^```starlark\n(.*?)^```", notes, re.M | re.S)
        return str(lines)

    def stranger(self, module: str, bazelrc: str = "", only: tuple[str, ...] = ()) -> bazel.Machine:
        """A user with nothing at home, and the released smoke test, or only some of its files."""
        home = self.scratch / "home"
        home.mkdir()
        smoke = [path for path in self.smoke.iterdir() if not only or path.name in only]
        files = {path.name: path.read_bytes() for path in smoke}
        files.update({"MODULE.bazel": module.encode(), ".bazelrc": bazelrc.encode()})
        machine = bazel.machine(self, self.scratch / "user", files, HOME=str(home))
        machine.log_executions = False
        return machine

    def test_from_a_registry_laid_out_as_the_central_one(self) -> None:
        module, count = _OVERRIDE.subn("", (self.smoke / "MODULE.bazel").read_text())
        self.assertEqual(count, 1)
        user = self.stranger(module, f"common --registry={(self.release / 'registry').as_uri()}\n")
        tests = user.run("test", "//...").check()
        self.assertIn("Executed 2 out of 2 tests: 2 tests pass", tests.stdout)
        packages = user.run("run", "//:rootfs", "--", "packages").check().stdout
        self.assertEqual(
            [line.split()[0] for line in packages.splitlines()],
            ["gcc-12-base", "hello", "libc6", "libgcc-s1"],
        )

    def test_by_the_lines_that_the_notes_show(self) -> None:
        module = _OVERRIDE.sub("", (self.smoke / "MODULE.bazel").read_text())
        dependency = r'^bazel_dep\(name = "apt2ostree".*\n'
        module, count = re.subn(dependency, self.lines(), module, flags=re.M)
        self.assertEqual(count, 1)
        self.stranger(module).run("test", "//:commit_test").check()

    def test_the_first_ten_minutes_with_the_words_of_the_readme_alone(self) -> None:
        readme = (bazel.SOURCES / "README.md").read_text(encoding="utf-8")
        section = readme.partition("## An image in ten minutes\n")[2].partition("\n## ")[0]
        (module,) = re.findall(r"^```starlark\n(.*?)^```", section, re.M | re.S)
        module, count = re.subn(r"^bazel_dep.*", self.lines(), module, flags=re.M | re.S)
        self.assertEqual(count, 1)
        commands = "".join(re.findall(r"^```sh\n(.*?)^```", section, re.M | re.S)).splitlines()
        self.assertGreater(len(commands), 5)
        user = self.stranger(module, only=("MODULE.bazel",))
        for command in commands:
            program, *words = command.replace("/tmp/rootfs", str(self.scratch / "root")).split()
            self.assertEqual(program, "bazel")
            with self.subTest(command):
                done = user.run(*words).check()
                print(f"$ {command}\n{done.stdout}")
        self.assertTrue((self.scratch / "root/usr/sbin/nginx").is_file())
        self.assertEqual((self.scratch / "root/etc/hostname").read_text(), "image\n")
        self.assertIn("<!doctype html>", (user.workspace / "report.html").read_text())
        self.assertRegex(user.read("image/rootfs.commit"), "^[0-9a-f]{64}\n$")
        # What the README says of composing.
        asked = user.run("aquery", "mnemonic(OstreeCompose, //image:rootfs)").check().stdout
        inputs = re.findall(r"^  Inputs: \[(.*)\]$", asked, re.M)
        self.assertIn(".manifest.json", "".join(inputs))
        self.assertNotIn(".objects.tar", "".join(inputs))

    def test_beside_the_rule_set(self) -> None:
        module = (self.smoke / "MODULE.bazel").read_text()
        beside = module.replace('"../.."', f'"{self.smoke.parent.parent}"')
        self.assertNotEqual(beside, module)
        self.stranger(beside).run("test", "//:commit_test").check()


def commit_sources(copy: Path) -> Path:
    """Commit the sources as they lie here, in a repository of their own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=bazel.SOURCES, stdout=subprocess.PIPE, check=True
    )
    for name in listed.stdout.decode().split("\0"):
        source = bazel.SOURCES / name
        if source.is_file() and not name.startswith("tests/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy / name)
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=x"]):
        judges.run("git", *_IDENTITY, *command, cwd=copy)
    return copy


if __name__ == "__main__":
    unittest.main()
