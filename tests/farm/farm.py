"""What the tests of the build farm share: packages on a mirror, machines, caches."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from apt2ostree.tree.manifest import SIZE, TYPE
from tests.farm import pool
from tests.support import bazel, judges, servers

ONLY_THE_COMMIT = ("--remote_download_regex=.*[.]commit$",)
"""With `--remote_download_minimal`: what to fetch all the same."""

_PLATFORM = """
platform(name = "other", constraint_values = ["@platforms//cpu:arm64", "@platforms//os:linux"])
"""


class FarmTest(judges.ScratchTest):
    """A test with a mirror of packages on loopback."""

    packages: servers.Nginx

    def generate(self, number: int) -> str:
        """Make small packages and serve them; return their lock."""
        self._serve(pool.ORIGIN)
        return pool.generate(self.packages.root, number)

    def serve(self, lock: str, debs: Sequence[Path]) -> None:
        """Serve real packages as the archive of a Debian lock does."""
        self._serve("http://ftp.debian.org/debian")
        pool.link(self.packages.root, lock, debs)

    def _serve(self, origin: str) -> None:
        directory = self.scratch / "mirror"
        self.packages = servers.Nginx(directory, directory / "files").start(self)
        elsewhere = os.environ.get("APT2OSTREE_MIRRORS", "")
        self._mirrors = f"{origin}={self.packages.url},{elsewhere}"

    def http_cache(self) -> servers.Nginx:
        """Start a remote cache."""
        directory = self.scratch / "cache"
        return servers.Nginx(directory, directory / "files", servers.STORE).start(self)

    def machine(self, name: str, lock: str, *options: str, **environment: str) -> bazel.Machine:
        """A machine with the workspace of an image, `//:image`, of all packages of a lock."""
        return bazel.machine(
            self,
            self.scratch / name,
            {
                "MODULE.bazel": bazel.module("debs", extra=_DEPENDENCIES),
                "BUILD.bazel": bazel.image("debs") + _PLATFORM,
                "debs.lock": lock,
            },
            (f"--repository_cache={self.scratch / name / 'repositories'}", *options),
            APT2OSTREE_MIRRORS=self._mirrors,
            **environment,
        )

    def assert_all_from_cache(self, built: bazel.Result, packages: int) -> None:
        """Every action was found in the remote cache, and there were as many as packages."""
        run = [spawn.target for spawn in built.spawns if not spawn.cache_hit]
        self.assertEqual(run, [], built.output[-2000:])
        self.assertEqual(built.runners("DebTree"), {"remote cache hit": packages}, built.output)
        self.assertEqual(built.runners("OstreeCompose"), {"remote cache hit": 1})


_DEPENDENCIES = 'bazel_dep(name = "platforms", version = "0.0.7")'


def content_size(manifest: str) -> int:
    """The bytes of all files of an image, each path counted."""
    rows = [
        row
        for directory in json.loads(manifest)["directories"].values()
        for row in directory["files"].values()
    ]
    return sum(row[SIZE] for row in rows if row[TYPE] == "file")
