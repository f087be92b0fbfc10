from __future__ import annotations

import ast
import contextlib
import io
import os
import platform
from pathlib import Path
from unittest import mock

from apt2ostree.archive.sources import parse_sources
from apt2ostree.errors import UserError
from tests.support.judges import ScratchTest
from tools import init

MODULE = 'module(name = "mine")\nbazel_dep(name = "apt2ostree", version = "0.1.0")\n'


class InitTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        (self.scratch / "MODULE.bazel").write_text(MODULE)

    def init(self, *arguments: str) -> str:
        """Run it in the scratch directory; return what it prints."""
        said = io.StringIO()
        environment = {"BUILD_WORKSPACE_DIRECTORY": str(self.scratch)}
        with mock.patch.dict(os.environ, environment), contextlib.redirect_stdout(said):
            self.assertEqual(init.main(arguments), 0)
        return said.getvalue()

    def written(self) -> set[str]:
        return {
            str(path.relative_to(self.scratch))
            for path in self.scratch.rglob("*")
            if path.is_file()
        }

    def read(self, path: str) -> str:
        return Path(self.scratch, path).read_text()

    def test_all_that_an_image_needs_is_written_and_what_comes_next_is_told(self) -> None:
        with mock.patch.object(platform, "machine", return_value="aarch64"):
            said = self.init("--package=nginx")
        image = {f"image/{name}" for name in ("BUILD.bazel", "debian.sources", "root/etc/hostname")}
        self.assertEqual(self.written(), {"MODULE.bazel", *image})
        for path in self.written():
            self.assertIn(f"{path}\n", said)
        self.assertIn("bazel run //image:update_lock", said)
        module = self.read("MODULE.bazel")
        self.assertTrue(module.startswith(MODULE))
        self.assertTrue(module.endswith('use_repo(apt, "image_debs")\n'))
        calls = {
            call.func.id: {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            for call in ast.walk(ast.parse(self.read("image/BUILD.bazel")))
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        }
        self.assertEqual(calls["apt_lock"]["architecture"], "'arm64'")
        self.assertEqual(calls["apt_lock"]["packages"], "['apt', 'nginx', 'usr-is-merged']")
        self.assertEqual(calls["ostree_image"]["packages"], "['@image_debs//:packages']")
        sources = parse_sources(self.read("image/debian.sources"), "x.sources", "arm64")
        suites = {source.suite for source in sources}
        self.assertEqual(suites, {"trixie", "trixie-updates", "trixie-security"})
        self.assertEqual(self.read("image/debian.sources").count("Signed-By: /usr/share/key"), 2)

    def test_a_second_image_beside_the_first(self) -> None:
        self.init()
        self.init("images/kiosk", "--suite=noble", "--architecture=amd64", "--ci=github")
        module = self.read("MODULE.bazel")
        self.assertEqual(module.count("use_extension("), 1)
        self.assertIn('use_repo(apt, "images_kiosk_debs")', module)
        self.assertIn("ubuntu-archive-keyring.gpg", self.read("images/kiosk/ubuntu.sources"))
        job = self.read(".github/workflows/images-kiosk.yml")
        self.assertIn("bazel run //images/kiosk:update_lock -- --summary", job)
        self.assertIn("${{ github.token }}", job)

    def test_an_extension_of_another_name_is_used(self) -> None:
        extension = init.EXTENSION.replace("apt =", "debian =")
        (self.scratch / "MODULE.bazel").write_text(MODULE + extension)
        self.init("--ci=gitlab")
        self.assertIn('use_repo(debian, "image_debs")', self.read("MODULE.bazel"))
        self.assertIn("bazel build //image:rootfs", self.read(".gitlab-ci.yml"))

    def test_what_is_there_stays(self) -> None:
        self.init()
        before = {path: self.read(path) for path in self.written()}
        with self.assertRaisesRegex(UserError, "there is a lock image_debs already"):
            self.init()
        (self.scratch / "MODULE.bazel").write_text(MODULE)
        words = "image/BUILD.bazel, .*: there already, and nothing was written: name another dir"
        with self.assertRaisesRegex(UserError, words):
            self.init()
        before["MODULE.bazel"] = MODULE
        self.assertEqual({path: self.read(path) for path in self.written()}, before)

    def test_what_is_wrong_is_told(self) -> None:
        for argument, words in {
            "--suite=trixi": "--suite trixi: no release of .* known here; did you mean trixie",
            "--suite=mine": "write a .sources file of your own",
            "../x": "expected a directory in the workspace, such as images/one",
        }.items():
            with self.subTest(argument), self.assertRaisesRegex(UserError, words):
                self.init(argument)
        told = self.assertRaisesRegex(UserError, "vax: say with --architecture what Debian")
        with mock.patch.object(platform, "machine", return_value="vax"), told:
            self.init()
        (self.scratch / "MODULE.bazel").write_text("")
        with self.assertRaisesRegex(UserError, 'no bazel_dep\\(name = "apt2ostree"'):
            self.init()
        (self.scratch / "MODULE.bazel").unlink()
        with self.assertRaisesRegex(UserError, "MODULE.bazel: not there; run this with `bazel"):
            self.init()
        self.assertEqual(self.written(), set())


if __name__ == "__main__":
    import unittest

    unittest.main()
