"""A configured image has one commit id: whoever makes it, however, wherever and whenever.

Arguments: the debs of the locks below and of fakeroot; they are served on loopback.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

from apt2ostree.debian.control import parse_stanzas
from tests.e2e.archive import Archive
from tests.e2e.case import RC, BazelTest
from tests.support import judges
from tests.support.bazel import SOURCES, Machine, module

DEBS: list[Path] = []
ORIGIN = "http://ftp.debian.org/debian"
LOCKS = {
    "debs": "examples/nginx/Packages.lock",
    "clock": "tests/e2e/locks/clock.lock",
}
NOBODY = 65534
PRELOAD = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1\n"

BUILD = """\
load("@apt2ostree//apt2ostree:defs.bzl", "ostree_image", "ostree_tree")

SMALL = ["@debs//" + package for package in [
    "base-files", "base-passwd", "bash", "coreutils", "dash", "debianutils", "diffutils", "dpkg",
    "findutils", "grep", "hostname", "init-system-helpers", "libc-bin", "passwd", "perl-base",
    "sed", "usr-is-merged", "util-linux",
]]
ostree_image(name = "small", configure = True, packages = SMALL)
ostree_image(name = "nginx", configure = True, packages = ["@debs//:packages"])

# Whose programs take the time from FAKETIME.
ostree_tree(name = "clock", srcs = ["etc/ld.so.preload"])
[
    ostree_image(
        name = "%s_%s" % (name, moment),
        configure = True,
        environment = {"FAKETIME": time, "NO_FAKE_STAT": "1", "TODAY": time[1:11]},
        epoch = 1577836800,
        hooks_after = ["check-date"],
        layers = [":clock"],
        packages = packages + ["@clock//:packages"],
    )
    for name, packages in [("small", SMALL), ("nginx", ["@debs//:packages"])]
    for moment, time in [
        ("now", "+0"),
        ("past", "@2020-02-29 23:59:50"),
        ("future", "@2035-06-07 08:09:10"),
    ]
]
"""
CHECK_DATE = """\
#!/bin/sh
case "$FAKETIME" in @*) [ "$(date +%F)" = "$TODAY" ];; esac
"""
IMAGES = ("small", "nginx")
PARTS = ("commit", "manifest.json", "objects.tar")


class ConfiguredTest(BazelTest):
    """One build of everything, whose configuring is then done again and again."""

    archive: Archive
    first: dict[str, str]

    def setUp(self) -> None:
        super().setUp()
        for path, data in served():
            self.archive.files[f"debian/{path}"] = data
        for name, text in sources(SOURCES).items():
            self.write(name, text)
        self.here = self.machine_at(self.cache, self.workspace)
        shutil.rmtree(self.here.output_base, ignore_errors=True)
        self.addCleanup(self.here.shutdown)
        self.first = self.configure(self.here, "--jobs=1")

    def machine_at(self, cache: Path, workspace: Path) -> Machine:
        """One that fetches from the archive, and says what it executed."""
        machine = self.machine_of(cache, workspace, "configured")
        environment = {"APT2OSTREE_MIRRORS": f"{ORIGIN}={self.archive.url}", "HOME": str(cache)}
        return replace(machine, environment=environment, log_executions=True)

    def configure(
        self, machine: Machine, *options: str, images: tuple[str, ...] = IMAGES, runner: str = ""
    ) -> dict[str, str]:
        """Configure images anew, whatever is there; return the digests of what that makes.

        Args:
            machine: see there.
            *options: of the build.
            images: names.
            runner: how the actions are to be run: a strategy of Bazel's; empty: any.
        """
        binaries = Path(machine.run("info", "bazel-bin").check().stdout.strip())
        files = [binaries / f"{image}.{part}" for image in images for part in PARTS]
        for file in files:
            file.unlink(missing_ok=True)
        if runner:
            options = (*options, f"--strategy=OstreeConfigure={runner}")
        built = machine.build(*options, *(f"//:{image}" for image in images))
        how = list(built.runners("OstreeConfigure").elements())
        self.assertEqual(len(how), len(images), "all were to be configured anew")
        if runner:
            self.assertEqual(set(how), {runner})
        for image in images:
            commit = (binaries / f"{image}.commit").read_text(encoding="ascii").strip()
            print(f"{image} {commit} {how[0]} {' '.join(options)}", file=sys.stderr)
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    def test_one_commit_id(self) -> None:
        for runner in ("linux-sandbox", "processwrapper-sandbox", "local"):
            with self.subTest(runner):
                again = self.configure(self.here, "--jobs=8", runner=runner)
                self.assertEqual(again, self.first)
        with self.subTest("another host name"):
            self.another_host_name()
        with self.subTest("an ordinary user"):
            self.an_ordinary_user()
        with self.subTest("another clock"):
            self.another_clock()

    def another_host_name(self) -> None:
        if judges.run("unshare", "--uts", "true", check=False):
            judges.skip_aloud(self, "only root can have another host name")
        self.here.shutdown()
        script = 'echo another.example > /proc/sys/kernel/hostname; exec "$@"'
        elsewhere = replace(self.here, prefix=("unshare", "--uts", "sh", "-ec", script, "sh"))
        try:
            self.assertEqual(self.configure(elsewhere, runner="local"), self.first)
        finally:
            elsewhere.shutdown()

    def another_clock(self) -> None:
        """The programs of the image see another time; the image has what they need for that."""
        for image in IMAGES:
            digests = {}
            for moment in ("now", "past", "future"):
                name = f"{image}_{moment}"
                made = self.configure(self.here, images=(name,))
                digests[moment] = {key[len(name) :]: value for key, value in made.items()}
            self.assertEqual(digests["past"], digests["now"])
            self.assertEqual(digests["future"], digests["now"])

    def an_ordinary_user(self) -> None:
        """With the rule set and all else in places of their own."""
        if os.geteuid():
            judges.skip_aloud(self, "only root can become another user")
        home = Path(tempfile.mkdtemp(prefix="apt2ostree-nobody-", dir="/tmp"))
        self.addCleanup(subprocess.run, ["rm", "-rf", str(home)], check=False)
        rules = home / "rules"
        for name in ("MODULE.bazel", "BUILD.bazel"):
            rules.mkdir(exist_ok=True)
            shutil.copy(SOURCES / name, rules / name)
        for name in ("apt2ostree", "tools"):
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(SOURCES / name, rules / name, ignore=ignore)
        for name, text in sources(rules).items():
            path = home / "workspace" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        try:
            for path in [home, *home.rglob("*")]:
                os.chown(path, NOBODY, NOBODY)
        except OSError:
            judges.skip_aloud(self, "this sandbox knows one user only")
        become = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        nobody = replace(
            self.machine_at(home, home / "workspace"), prefix=(*become, "env", "USER=nobody")
        )
        try:
            self.assertEqual(self.configure(nobody, "--jobs=8"), self.first)
        finally:
            nobody.shutdown()


def served() -> list[tuple[str, bytes]]:
    """(path in the archive, package) of each deb; found by what the locks say of its digest."""
    by_digest = {}
    for lock in [*LOCKS.values(), "apt2ostree/configure/locks/bookworm.lock"]:
        for fields in parse_stanzas(Path(lock).read_text(encoding="utf-8"), lock):
            by_digest[fields["SHA256"]] = fields["Filename"]
    data = [path.read_bytes() for path in DEBS]
    return [(by_digest[hashlib.sha256(deb).hexdigest()], deb) for deb in data]


def sources(rules: Path) -> dict[str, str]:
    """Path → text of the workspace's files, for a rule set in `rules`."""
    files = {
        ".bazelrc": RC,
        "BUILD.bazel": BUILD,
        "MODULE.bazel": module(*LOCKS, sources=rules),
        "check-date": CHECK_DATE,
        "etc/ld.so.preload": PRELOAD,
    }
    for name, lock in LOCKS.items():
        files[f"{name}.lock"] = Path(lock).read_text(encoding="utf-8")
    return files


if __name__ == "__main__":
    DEBS = [Path(name).absolute() for name in sys.argv[1:]]
    unittest.main(argv=sys.argv[:1])
