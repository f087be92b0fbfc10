"""What holds for every configured image; a test class for each set of packages derives from it.

`bazel run` of the image, `$IMAGE`, is what is tested: its commands `import` and `shell`.
"""

from __future__ import annotations

import os
import subprocess
from functools import lru_cache
from pathlib import Path

from apt2ostree.image import built_image
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.tree.manifest import Directory, Row
from tests.support.judges import ScratchTest, need, ostree, run

IMAGE = Path(os.environ["IMAGE"])


def bazel_run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What `bazel run` of the image with these arguments does."""
    return subprocess.run(
        [str(IMAGE), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@lru_cache
def image() -> BuiltImage:
    """The image."""
    return built_image.load(Path(f"{IMAGE}.image.json"), Path.cwd().parent)


class ConfiguredTest(ScratchTest):
    """Tests of a set; what every set must pass is here.

    Attributes:
        packages: how many it has.
        ref: where it is imported by default.
        look: a shell script to run inside, one with what else is run: a shell writes out all of
            the image, which counts for big ones.
        seen: what it prints.
        checks_out: whether to check it out, too, for the dpkg outside.
    """

    packages: int
    ref: str
    look = ""
    seen = ""
    checks_out = True
    maxDiff = None

    def test_its_own_programs_find_it_configured(self) -> None:
        statuses = {package.status for package in image().manifest.packages}
        self.assertEqual({"install ok installed"}, statuses)
        states = "dpkg-query --show --showformat='${db:Status-Abbrev}\\n' | sort | uniq -c"
        script = f"{states}\ndpkg --audit\ndpkg --verify\n{self.look}"
        self.assertEqual(f"{self.packages:7} ii \n{self.seen}", self.inside("sh", "-ec", script))

    def test_ostree_finds_every_object_whole_and_dpkg_finds_a_checkout_so(self) -> None:
        need(self, "ostree", "dpkg")
        repo, root = self.scratch / "repo", self.scratch / "root"
        ostree(repo, "init", "--mode=bare-user")
        result = bazel_run("import", "--repo", repo)
        self.assertEqual(0, result.returncode, result.stdout)
        self.assertIn("no errors found", ostree(repo, "fsck"))
        self.assertEqual(image().commit, ostree(repo, "rev-parse", self.ref).strip())
        if not self.checks_out:
            return
        ostree(repo, "checkout", "--user-mode", "--require-hardlinks", self.ref, root)
        self.assertEqual("", run("dpkg", f"--root={root}", "--audit"))
        self.assertEqual("", run("dpkg", f"--root={root}", "--verify"))
        query = ["dpkg-query", f"--root={root}", "-W", "-f", "${db:Status-Abbrev}\n"]
        self.assertEqual(["ii"] * self.packages, run(*query).split())

    def test_nothing_of_the_moment_is_left(self) -> None:
        manifest = image().manifest
        for path in ("var/log/dpkg.log", "etc/machine-id", "usr/sbin/policy-rc.d"):
            self.assertIsNone(manifest.row(path), path)
        self.assertEqual({}, self.directory("tmp").files)
        self.assertEqual({}, self.directory("run").files)

    def row(self, path: str) -> Row:
        """The row of a file that is there."""
        row = image().manifest.row(path)
        assert row, path
        return row

    def directory(self, path: str) -> Directory:
        """A directory."""
        return image().manifest.directories[path]

    def owned(self, path: str) -> tuple[str, str]:
        """The mode of a path, and `USER:GROUP` by name."""
        texts = image().manifest.texts
        directory = image().manifest.directories.get(path)
        if directory:
            mode, uid, gid = directory.mode, directory.uid, directory.gid
        else:
            mode, uid, gid = self.row(path)[1:4]
        return mode, f"{_name(texts['etc/passwd'], uid)}:{_name(texts['etc/group'], gid)}"

    def inside(self, *program: str) -> str:
        """What a program prints in the image; it must succeed."""
        result = bazel_run("shell", "--", *program)
        self.assertEqual(0, result.returncode, result.stdout)
        return result.stdout


def _name(text: str, number: int) -> str:
    """Who has this number in a passwd or group file."""
    return next(
        line.split(":")[0] for line in text.splitlines() if line.split(":")[2] == str(number)
    )
