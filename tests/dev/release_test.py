from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from unittest import mock

from apt2ostree.errors import UserError
from dev import release
from tests.support.judges import ScratchTest, need

FILES = {
    ".bcr/metadata.template.json": '{"homepage": "h", "versions": []}',
    ".bcr/presubmit.yml": "tasks: {}\n",
    ".bcr/source.template.json": '{"url": "{OWNER}", "strip_prefix": "{VERSION}"}',
    ".gitattributes": "/.* export-ignore\n/tests export-ignore\n",
    "CHANGELOG.md": "# Changes\n\n## 1.2\n\n- New.\n\n## 1.1\n\n- Old.\n",
    "MODULE.bazel": 'module(\n    name = "thing",\n    version = "1.2",\n)\n',
    "code.py": "1\n",
    "tests/code_test.py": "2\n",
}
IDENTITY = ("-c", "user.name=N", "-c", "user.email=n@example.org")


class ReleaseTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        need(self, "git")
        self.checkout = self.commit("checkout", FILES)
        self.out = self.scratch / "out"

    def commit(self, name: str, files: dict[str, str]) -> Path:
        """A checkout of a repository with one commit, as of a fixed time."""
        directory = self.scratch / name
        for path, text in files.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text)
        times = {"GIT_AUTHOR_DATE": "2026-01-01T00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00Z"}
        for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=x"]):
            subprocess.run(
                ["git", *IDENTITY, *command], cwd=directory, check=True, env={**os.environ, **times}
            )
        return directory

    def make(self, *arguments: str, checkout: Path | None = None) -> str:
        """Run it as `bazel run` does; return what it prints."""
        where = {
            "BUILD_WORKSPACE_DIRECTORY": str(checkout or self.checkout),
            "BUILD_WORKING_DIRECTORY": str(self.scratch),
        }
        printed = io.StringIO()
        with mock.patch.dict(os.environ, where), contextlib.redirect_stdout(printed):
            self.assertEqual(release.main(["out", *arguments]), 0)
        return printed.getvalue()

    def test_the_archive_has_what_ships_and_is_the_same_everywhere(self) -> None:
        self.make()
        archive = self.out / "thing-1.2.tar.gz"
        with tarfile.open(archive) as tar:
            files = [member.name for member in tar if member.isfile()]
        expected = [f"thing-1.2/{name}" for name in ("CHANGELOG.md", "MODULE.bazel", "code.py")]
        self.assertEqual(files, expected)
        first = archive.read_bytes()
        shutil.rmtree(self.out)
        elsewhere = self.commit("elsewhere", FILES)
        for setting in (["tar.umask", "0077"], ["core.autocrlf", "true"]):
            subprocess.run(["git", "config", *setting], cwd=elsewhere, check=True)
        self.make(checkout=elsewhere)
        self.assertEqual(archive.read_bytes(), first)

    def test_notes_and_registry_say_where_it_is_and_what_it_has_to_be(self) -> None:
        said = self.make("--url", "https://example.org/releases/")
        url = "https://example.org/releases/thing-1.2.tar.gz"
        source = json.loads((self.out / "registry/modules/thing/1.2/source.json").read_text())
        self.assertEqual((source["url"], source["strip_prefix"]), (url, "thing-1.2"))
        self.assertRegex(source["integrity"], "^sha256-.{44}$")
        metadata = json.loads((self.out / "registry/modules/thing/metadata.json").read_text())
        self.assertEqual(metadata, {"homepage": "h", "versions": ["1.2"]})
        notes = (self.out / "notes.md").read_text()
        self.assertIn("- New.\n", notes)
        self.assertNotIn("- Old.", notes)
        for text in (said, notes):
            self.assertIn(f'integrity = "{source["integrity"]}"', text)
            self.assertIn(f'urls = ["{url}"]', text)
        module = (self.out / "registry/modules/thing/1.2/MODULE.bazel").read_text()
        self.assertEqual(module, FILES["MODULE.bazel"])

    def test_a_release_does_not_change(self) -> None:
        self.make()
        self.make()
        other = self.commit("other", {**FILES, "code.py": "3\n"})
        with self.assertRaisesRegex(UserError, "out/thing-1.2.tar.gz: is there already, and diff"):
            self.make(checkout=other)

    def test_what_is_wrong_is_told(self) -> None:
        for number, (path, text, words) in enumerate(
            [
                ("CHANGELOG.md", "## 1.1\n\n- Old.\n", "nothing under '## 1.2', the version in M"),
                ("MODULE.bazel", "module()\n", "MODULE.bazel: expected module"),
            ]
        ):
            checkout = self.commit(f"wrong{number}", {**FILES, path: text})
            with self.assertRaisesRegex(UserError, words):
                self.make(checkout=checkout)
        with self.assertRaisesRegex(UserError, "checkout: git cat-file: .*nothing"):
            self.make("--revision=nothing")
        needs_git = self.assertRaisesRegex(UserError, "git, which is not on PATH")
        with mock.patch.dict(os.environ, PATH="/nowhere"), needs_git:
            self.make()
        self.assertFalse(self.out.exists())


if __name__ == "__main__":
    import unittest

    unittest.main()
