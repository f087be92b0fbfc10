"""A test with an archive of packages and a workspace in which a real Bazel builds.

What Bazel makes is kept between tests under `APT2OSTREE_CACHE`, or `~/.cache/apt2ostree`, because
unpacking a Bazel and starting a server take long.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tests.e2e.archive import Archive
from tests.support import judges
from tests.support.bazel import Machine, Result, module, tag

RC = """\
common --color=no --curses=no --noshow_progress
common --repository_cache=
build --symlink_prefix=/
"""
"""The workspace's .bazelrc: nothing is reused that a test has not made itself."""

DEFS = 'load("@apt2ostree//apt2ostree:defs.bzl", "ostree_image", "ostree_repo")\n'


class BazelTest(judges.ScratchTest):
    """A test with an archive, `self.archive`, and a workspace, `self.workspace`.

    All tests share the place of the workspace, one after the other, and so a Bazel server.
    """

    maxDiff = None
    cache: Path
    workspace: Path
    machine: Machine

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        home = os.environ.get("HOME") or os.environ["TEST_TMPDIR"]
        cache = os.environ.get("APT2OSTREE_CACHE") or f"{home}/.cache/apt2ostree"
        cls.cache = Path(cache) / "e2e"
        cls.workspace = cls.cache / "workspace"
        cls.workspace.mkdir(parents=True, exist_ok=True)
        lock = (cls.cache / "lock").open("w")
        cls.addClassCleanup(lock.close)
        fcntl.flock(lock, fcntl.LOCK_EX)

    def setUp(self) -> None:
        super().setUp()
        judges.need(self, "bazel")
        self.archive = Archive()
        self.addCleanup(self.archive.close)
        shutil.rmtree(self.workspace, ignore_errors=True)
        self.workspace.mkdir(parents=True)
        self.write(".bazelrc", RC)
        self.write("MODULE.bazel", module())
        self.machine = self.machine_of(self.cache, self.workspace)

    def machine_of(self, cache: Path, workspace: Path, name: str = "shared") -> Machine:
        """A Bazel whose installation and outputs lie under `cache`; `name` is of its outputs."""
        return Machine(
            workspace,
            cache / name,
            # The outer Bazel's mirrors are not this archive's.
            {"APT2OSTREE_MIRRORS": ""},
            startup_options=(f"--output_user_root={cache}/bazel",),
            log_executions=False,
            idle_seconds=60,
        )

    def write(self, name: str, text: str) -> Path:
        """Write a file of the workspace."""
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        return path

    def lock(self, *stanzas: str, name: str = "debs") -> None:
        """Write `NAME.lock`, and the `:NAME` image of all of it; declare the lock."""
        self.write(f"{name}.lock", "\n".join(stanzas))
        self.declare(name, f'lockfile = "//:{name}.lock"')

    def declare(self, name: str, attributes: str) -> None:
        """Declare a lock in MODULE.bazel, and an image of all of it."""
        with (self.workspace / "MODULE.bazel").open("a") as file:
            file.write(tag(name, attributes) + "\n")
        build = self.workspace / "BUILD.bazel"
        text = build.read_text() if build.exists() else DEFS
        image = f'ostree_image(name = "{name}_image", packages = ["@{name}//:packages"])\n'
        build.write_text(text + image)

    def bazel(
        self,
        command: str,
        *arguments: str | Path,
        check: bool | None = True,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        startup_options: tuple[str, ...] = (),
    ) -> Result:
        """Run Bazel.

        Args:
            command: of Bazel.
            *arguments: of the command.
            check: whether it must succeed (`True`), fail (`False`), or either (`None`).
            env: what to add to the environment.
            cwd: where, if not in the workspace.
            startup_options: options before the command.
        """
        machine = replace(
            self.machine,
            environment={**self.machine.environment, **(env or {})},
            startup_options=(*self.machine.startup_options, *startup_options),
        )
        result = machine.run(command, *map(str, arguments), cwd=cwd)
        if check is not None and check != (result.status == 0):
            self.fail(f"bazel {command} {arguments}: {result.status}\n{result.output}")
        return result

    def assert_says(self, result: Result, pattern: str) -> None:
        """Whether a command said something, line ends and blanks aside."""
        self.assertRegex(" ".join(result.output.split()), pattern)

    def built(self, path: str) -> Path:
        """An output of the workspace's main repository, by the path below bazel-bin."""
        return Path(self.bazel("info", "bazel-bin").stdout.strip(), path)

    def commit(self, name: str = "debs_image") -> str:
        """Build an image, and return its commit id."""
        self.bazel("build", f"//:{name}")
        return self.built(f"{name}.commit").read_text().strip()
