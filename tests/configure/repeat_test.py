"""The server configured once more: the same commit id, its initrd included.

This time the database cluster is kept, whose identifier no two builds share; who owns it is
looked at, and it is left out of the comparison.
"""

from __future__ import annotations

import os
import subprocess
import sys
import unittest
from dataclasses import replace
from pathlib import Path

from apt2ostree.image import built_image
from apt2ostree.tree import manifest, tree
from apt2ostree.tree.manifest import GID, UID
from tests.configure import runner
from tests.support import requests
from tests.support.actions import configure_request
from tests.support.judges import ScratchTest

CLUSTER = "var/lib/postgresql/15/main"
POSTGRES = "PostgreSQL administrator"


class RepeatTest(ScratchTest):
    def test_another_run_gives_the_same_image(self) -> None:
        runfiles = Path.cwd().parent
        first, unpacked = (
            built_image.load(Path(f"{os.environ[name]}.image.json"), runfiles)
            for name in ("IMAGE", "UNPACKED")
        )
        keep = self.scratch / "keep.list"
        keep.write_text(f"!{CLUSTER}/**\n", encoding="utf-8")
        image = replace(
            unpacked,
            lockfiles=[("lock", Path(os.environ["LOCK"]))],
            fakeroot=first.fakeroot,
            fakeroot_objects=first.fakeroot_objects,
        )
        request = replace(
            configure_request(
                image,
                runner.CLEANUP,
                f"{self.scratch}/image",
            ),
            cleanup=[runner.CLEANUP, keep],
        )
        argument = requests.write(self.scratch / "request.json", request)
        command = [sys.executable, "-c", runner.TOOL, argument]
        environment = runner.environment_of_tools({})
        subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=True)
        second = manifest.load(self.scratch / "image.manifest.json")
        self.check_the_cluster(second)
        self.assertEqual(first.manifest.directories, second.directories)
        dirtree, dirmeta, _ = tree.hash_tree(second.directories)
        self.assertEqual((first.manifest.dirtree, first.manifest.dirmeta), (dirtree, dirmeta))

    def check_the_cluster(self, image: manifest.Manifest) -> None:
        """All of it is postgres's; then take it out."""
        passwd = image.texts["etc/passwd"].splitlines()
        (uid, gid), *_ = [line.split(":")[2:4] for line in passwd if POSTGRES in line]
        owner = int(uid), int(gid)
        owners = {owner}
        below = [path for path in image.directories if path.startswith(f"{CLUSTER}/")]
        self.assertIn(f"{CLUSTER}/base/1", below)
        for path in [CLUSTER, *below]:
            directory = image.directories[path]
            owners.add((directory.uid, directory.gid))
            owners.update((row[UID], row[GID]) for row in directory.files.values())
        self.assertEqual({owner}, owners)
        for path in below:
            del image.directories[path]
        image.directories[CLUSTER].files.clear()


if __name__ == "__main__":
    unittest.main()
