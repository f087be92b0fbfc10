"""examples/nginx, configured, judged by ostree, dpkg and nginx itself."""

from __future__ import annotations

import os
import subprocess
import unittest
from pathlib import Path

from apt2ostree.image import built_image
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.image.manifest import Row
from tests.support.judges import ScratchTest, need, ostree

IMAGE = Path(os.environ["IMAGE"])


def bazel_run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What `bazel run //examples/nginx:configured -- …` does."""
    return subprocess.run(
        [str(IMAGE), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


class NginxTest(ScratchTest):
    def image(self) -> BuiltImage:
        return built_image.load(Path(f"{IMAGE}.image.json"), Path.cwd().parent)

    def row(self, path: str) -> Row:
        row = self.image().manifest.row(path)
        assert row, path
        return row

    def inside(self, *program: str) -> str:
        """What a program prints in the image; it must succeed."""
        result = bazel_run("shell", "--", *program)
        self.assertEqual(0, result.returncode, result.stdout)
        return result.stdout

    def test_every_package_is_installed(self) -> None:
        states = self.inside("dpkg-query", "-W", "-f", "${db:Status-Abbrev}\n").split()
        self.assertEqual(["ii"] * 105, states)
        statuses = {package.status for package in self.image().manifest.packages}
        self.assertEqual({"install ok installed"}, statuses)

    def test_dpkg_finds_nothing_amiss(self) -> None:
        self.assertEqual("", self.inside("dpkg", "--audit"))
        self.assertEqual("", self.inside("dpkg", "--verify"))

    def test_nginx_accepts_its_configuration(self) -> None:
        self.assertIn("test is successful", self.inside("nginx", "-t"))

    def test_accounts_are_there(self) -> None:
        line = self.inside("getent", "passwd", "www-data").strip()
        self.assertEqual("www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin", line)

    def test_owners_and_setuid_bits_are_those_of_a_real_system(self) -> None:
        self.assertEqual(["4755", 0, 0], self.row("usr/bin/su")[1:4])
        self.assertEqual(["0640", 0, 42], self.row("etc/shadow")[1:4])
        self.assertEqual(["0640", 33, 4], self.row("var/log/nginx/access.log")[1:4])
        self.assertEqual(["2755", 0, 42], self.row("usr/bin/chage")[1:4])
        mail = self.image().manifest.directories["var/mail"]
        self.assertEqual(("2775", 0, 8), (mail.mode, mail.uid, mail.gid))

    def test_nothing_of_the_moment_is_left(self) -> None:
        manifest = self.image().manifest
        for path in ("var/log/dpkg.log", "etc/machine-id", "usr/sbin/policy-rc.d"):
            self.assertIsNone(manifest.row(path), path)
        self.assertEqual({}, manifest.directories["tmp"].files)
        self.assertEqual({}, manifest.directories["run"].files)

    def test_ostree_finds_every_object_whole(self) -> None:
        need(self, "ostree")
        repo = self.scratch / "repo"
        ostree(repo, "init", "--mode=archive")
        result = bazel_run("import", "--repo", repo)
        self.assertEqual(0, result.returncode, result.stdout)
        self.assertIn("no errors found", ostree(repo, "fsck"))
        commit = ostree(repo, "rev-parse", "deb/images/nginx_debs/configured").strip()
        self.assertEqual(self.image().commit, commit)

    def test_a_shells_exit_status_is_passed_on(self) -> None:
        self.assertEqual(7, bazel_run("shell", "--", "sh", "-c", "exit 7").returncode)
        missing = bazel_run("shell", "--", "no-such-program")
        self.assertEqual(127, missing.returncode)
        self.assertIn("no-such-program: No such file or directory", missing.stdout)

    def test_what_a_shell_changes_is_thrown_away(self) -> None:
        self.inside("touch", "/srv/changed")
        self.assertEqual("", self.inside("ls", "/srv"))


if __name__ == "__main__":
    unittest.main()
