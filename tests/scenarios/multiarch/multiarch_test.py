"""wine32 and what it needs of i386, in an amd64 image: judged by ostree, dpkg, apt and wine."""

from __future__ import annotations

import os
import subprocess
import unittest
from pathlib import Path

from apt2ostree.image import built_image
from tests.support.judges import ScratchTest, need, ostree

IMAGE = Path(os.environ["IMAGE"])


def bazel_run(*arguments: str | Path) -> str:
    """What `bazel run //tests/scenarios/multiarch:wine -- …` prints; it must succeed."""
    result = subprocess.run(
        [str(IMAGE), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        raise AssertionError(f"{arguments}: {result.returncode}\n{result.stdout}")
    return result.stdout


def inside(script: str) -> str:
    """What a shell script prints in the image."""
    return bazel_run("shell", "--", "sh", "-ec", script)


class MultiarchTest(ScratchTest):
    def test_dpkg_knows_both_architectures(self) -> None:
        self.assertEqual("amd64\ni386\n", inside("cat /var/lib/dpkg/arch"))
        self.assertEqual("amd64\n", inside("dpkg --print-architecture"))
        self.assertEqual("i386\n", inside("dpkg --print-foreign-architectures"))

    def test_every_package_is_installed_and_sound(self) -> None:
        wanted = "${db:Status-Abbrev} ${Architecture}\\n"
        lines = inside(f"dpkg-query -W -f '{wanted}'").splitlines()
        self.assertEqual({"ii  all", "ii  amd64", "ii  i386"}, set(lines))
        self.assertEqual(202, len(lines))
        self.assertGreater(lines.count("ii  i386"), 100)
        self.assertEqual("", inside("dpkg --audit; dpkg --verify"))
        self.assertIn("Reading state information", inside("apt-get check"))
        packages = built_image.load(
            Path(f"{IMAGE}.image.json"), Path.cwd().parent
        ).manifest.packages
        self.assertEqual({"install ok installed"}, {package.status for package in packages})

    def test_what_is_there_twice_is_listed_by_architecture(self) -> None:
        self.assertEqual(
            "libc6:amd64: /lib/x86_64-linux-gnu/libc.so.6\n"
            "libc6:i386: /lib/i386-linux-gnu/libc.so.6\n",
            inside(
                "dpkg -S /lib/x86_64-linux-gnu/libc.so.6; dpkg -S /lib/i386-linux-gnu/libc.so.6"
            ),
        )
        owners, _, _ = inside("dpkg -S /usr/share/doc/libc6/copyright").partition(": ")
        self.assertEqual({"libc6:amd64", "libc6:i386"}, set(owners.split(", ")))
        libraries = inside("ldconfig -p")
        self.assertIn("libc.so.6 (libc6,x86-64) => /lib/x86_64-linux-gnu/libc.so.6", libraries)
        self.assertIn("libc.so.6 (libc6) => /lib/i386-linux-gnu/libc.so.6", libraries)

    def test_programs_of_the_foreign_architecture_run(self) -> None:
        said = inside("HOME=/tmp /usr/lib/wine/wine --version")
        self.assertRegex(said, r"^wine-8\.0 \(Debian [^)]*\)\n$")

    def test_programs_of_the_foreign_architecture_see_and_set_owners(self) -> None:
        """`tree` is i386's, and so has to be what tells it the owners."""
        self.assertIn("[-rwxr-sr-x root     shadow  ]  chage", inside("tree -pug /usr/bin"))
        said = inside("chown games:mail /srv; tree -dugp -L 1 /")
        self.assertIn("[drwxr-xr-x games    mail    ]  srv", said)

    def test_ostree_finds_every_object_whole(self) -> None:
        need(self, "ostree")
        repo = self.scratch / "repo"
        ostree(repo, "init", "--mode=bare-user")
        bazel_run("import", "--repo", repo)
        self.assertIn("no errors found", ostree(repo, "fsck"))


if __name__ == "__main__":
    unittest.main()
