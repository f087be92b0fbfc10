"""One cell of the matrix: a suite for an architecture, from today's archive to a checked image.

Arguments: suite, architectures (native first), packages, how far; lists with commas.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unittest
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from apt2ostree.debian.index import Package
from apt2ostree.image import compose
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.lock.lockfile import read_lock
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.ostree.repo import Repo
from apt2ostree.ship.import_image import add_image
from apt2ostree.tree import deb_tree
from apt2ostree.tree import manifest as manifests
from apt2ostree.tree.manifest import TYPE
from tests.support import requests
from tests.support.actions import configure_request
from tests.support.judges import ScratchTest, need, ostree, run
from tools import configure, update_lock

ARGUMENTS: list[str] = []
KEYRING = Path("apt2ostree/keyrings/debian-archive-keyring.gpg")
LOCKS = Path("apt2ostree/configure/locks")
CLEANUP = Path("apt2ostree/configure/cleanup.list")
FAKEROOT = {"testing": "forky", "unstable": "forky"}
"""Suite → whose fakeroot fits, where the name is another one."""

UPDATING = "the mirror is being updated right now"
"""What update_lock says of an index that is not what the archive's Release promises."""

ABSENT = ": not found (404)"
"""What update_lock says of a .deb that an index lists and the mirror does not have (yet)."""


@dataclass(frozen=True)
class Tree:
    manifest: Path
    objects: Path


class MatrixTest(ScratchTest):
    def test_locked_unpacked_imported_and_sound(self) -> None:
        need(self, "ostree", "dpkg")
        suite, architectures_, packages, stage = ARGUMENTS
        architectures = architectures_.split(",")
        lock = self.lock(suite, architectures, packages.split(","))
        trees = [self.unpack(package) for package in lock]
        image = self.compose(trees, lock, architectures)
        self.judge(image, architectures, len(lock), "unpacked")
        if stage == "configured":
            self.judge(
                self.configure(image, suite, architectures[0]),
                architectures,
                len(lock),
                "configured",
            )

    def lock(self, suite: str, architectures: Sequence[str], packages: list[str]) -> list[Package]:
        sources = self.scratch / "debian.sources"
        sources.write_text(
            "Types: deb\nURIs: http://ftp.debian.org/debian\nComponents: main\n"
            f"Suites: {suite}\nSigned-By: {KEYRING.resolve()}\n"
            # A mirror of a suite that moves may be behind.
            "Check-Valid-Until: no\n"
        )
        self.tool(
            "image.lock",
            {
                "architecture": architectures[0],
                "foreign_architectures": architectures[1:],
                "keyrings": [str(KEYRING.resolve())],
                "packages": packages,
                "sources": [{"path": str(sources), "name": "debian.sources"}],
            },
        )
        self.tool("image.lock", {}, "mirror", str(self.scratch / "pool"))
        return read_lock(self.scratch / "image.lock")

    def tool(self, lockfile: str, said: dict[str, object], *arguments: str) -> None:
        config = self.scratch / "config.json"
        default = {"label": "//:lock", "lockfile": lockfile, "packages": [], "sources": []}
        config.write_text(json.dumps(default | {"architecture": ""} | said))
        variables = {
            "BUILD_WORKSPACE_DIRECTORY": str(self.scratch),
            "XDG_CACHE_HOME": str(self.scratch / "cache"),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        done = subprocess.run(
            [sys.executable, update_lock.__file__, "--config", config, "--quiet", *arguments],
            env={**os.environ, **variables},
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode and UPDATING in done.stderr:
            self.skipTest(f"the mirror has a new Release, and old indexes:\n{done.stderr}")
        if done.returncode and ABSENT in done.stderr:
            self.skipTest(f"the mirror lacks what its own indexes list:\n{done.stderr}")
        self.assertEqual(done.returncode, 0, done.stderr)

    def unpack(self, package: Package) -> Tree:
        name = f"{package.name}_{package.architecture}"
        tree = Tree(self.scratch / f"{name}.json", self.scratch / f"{name}.objects.tar")
        with (
            (self.scratch / "pool" / package.get("Filename")).open("rb") as deb,
            tree.objects.open("w+b") as file,
        ):
            writer = ObjectsWriter(file)
            tree.manifest.write_text(deb_tree.unpack(deb, writer).dump(), encoding="utf-8")
            writer.close()
        return tree

    def compose(
        self, trees: Sequence[Tree], lock: Sequence[Package], architectures: Sequence[str]
    ) -> BuiltImage:
        automatic = [
            f"{package.name}:{package.architecture}"
            for package in lock
            if package.get("Auto-Installed") == "1"
        ]
        self.assertGreater(len(automatic), 10)
        objects = self.scratch / "unpacked.objects.tar"
        with objects.open("w+b") as file:
            writer = ObjectsWriter(file)
            image, commit = compose.compose(
                [manifests.load(tree.manifest) for tree in trees],
                {},
                compose.Options(architectures=architectures, automatic=automatic),
                writer,
            )
            writer.close()
        path = self.scratch / "unpacked.json"
        path.write_text(image.dump(), encoding="utf-8")
        commit_path = self.scratch / "unpacked.commit"
        commit_path.write_text(commit, encoding="ascii")
        return BuiltImage(
            label="//:image",
            ref="unpacked",
            commit_path=commit_path,
            manifest_path=path,
            objects=[objects, *(tree.objects for tree in trees)],
        )

    def configure(self, image: BuiltImage, suite: str, architecture: str) -> BuiltImage:
        fakeroot = self.fakeroot(FAKEROOT.get(suite, suite), architecture)
        unpacked = replace(
            image,
            lockfiles=[("image", self.scratch / "image.lock")],
            fakeroot=[tree.manifest for tree in fakeroot],
            fakeroot_objects=[tree.objects for tree in fakeroot],
        )
        request = configure_request(unpacked, CLEANUP, f"{self.scratch}/configured")
        argument = requests.write(self.scratch / "request.json", request)
        subprocess.run(
            [sys.executable, configure.__file__, argument],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
        )
        return replace(
            image,
            ref="configured",
            commit_path=request.commit,
            manifest_path=request.manifest,
            objects=[request.objects, *image.objects],
        )

    def fakeroot(self, suite: str, architecture: str) -> list[Tree]:
        text = (LOCKS / f"{suite}.lock").read_text()
        wanted = [s for s in text.split("\n\n") if f"\nArchitecture: {architecture}\n" in s]
        (self.scratch / "fakeroot.lock").write_text("\n\n".join(wanted) + "\n")
        self.tool("fakeroot.lock", {}, "mirror", str(self.scratch / "pool"))
        return [self.unpack(package) for package in read_lock(self.scratch / "fakeroot.lock")]

    def judge(
        self, image: BuiltImage, architectures: Sequence[str], packages: int, stage: str
    ) -> None:
        path = self.scratch / "repo"
        if not path.exists():
            run("ostree", "init", f"--repo={path}", "--mode=bare-user")
        repo = Repo(path)
        with repo.transaction() as transaction:
            add_image(transaction, repo, image)
            transaction.set_ref(image.ref, image.commit)
        ostree(path, "fsck")
        checkout = self.scratch / f"{stage}.checkout"
        ostree(path, "checkout", "-U", "--subpath=/var/lib/dpkg", image.ref, checkout)
        dpkg = ("dpkg", f"--admindir={checkout}")
        audit = run(*dpkg, "--audit", check=False)
        if stage == "configured":
            self.assertEqual(audit, "")
        else:
            # The one thing that is to be said of an unpacked image.
            self.assertEqual(audit.count("unpacked but not yet configured"), 1, audit)
            self.assertEqual(audit.count("\n\n"), 1, audit)
        self.assertEqual((checkout / "arch").read_text().split(), list(architectures))
        listed = run("dpkg-query", f"--admindir={checkout}", "-W", "-f", "${Architecture}\n")
        self.assertEqual(len(listed.split()), packages)
        self.assertLessEqual(set(listed.split()), {"all", *architectures})
        rows = image.manifest.directories[""].files
        print(
            f"{stage}: {packages} packages, {sum(1 for _ in image.manifest.checksums())} files, "
            f"commit {image.commit}, fsck and audit clean; links "
            f"{sorted(name for name, row in rows.items() if row[TYPE] == 'symlink')}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    ARGUMENTS += sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
