"""Bazel inside Bazel's tests, in throw-away workspaces, as a user would have them.

The Bazel is the one on PATH. `APT2OSTREE_E2E_STARTUP` may have startup options for it
(another bazelrc, say). What it makes is kept between tests under `APT2OSTREE_CACHE`, or
`~/.cache/apt2ostree`, because unpacking a Bazel and starting a server take long.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.archive import Archive
from tests.support import judges
from tests.support.judges import ScratchTest

SOURCES = Path("MODULE.bazel").resolve().parent
"""The module under test: where the runfiles' links lead."""

MODULE = """\
module(name = "user")
bazel_dep(name = "apt2ostree", version = "0.1.0")
local_path_override(module_name = "apt2ostree", path = {sources})
"""

APT = 'apt = use_extension("@apt2ostree//apt2ostree:extensions.bzl", "apt")\n'

DEFS = 'load("@apt2ostree//apt2ostree:defs.bzl", "ostree_image", "ostree_repo")\n'


@dataclass
class Result:
    """What a command of Bazel did.

    Attributes:
        status: its exit status.
        output: all that it said.
        actions: mnemonic → how many of them ran, of the rules' own.
        loaded: how many packages of Bazel were loaded.
        configured: how many targets were configured.
    """

    status: int
    output: str
    actions: Mapping[str, int]
    loaded: int
    configured: int


class BazelTest(ScratchTest):
    """A test with an archive, `self.archive`, and a workspace, `self.workspace`.

    All tests share the place of the workspace, one after the other, and so a Bazel server.
    """

    maxDiff = None
    cache: Path
    workspace: Path

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
        self.write("MODULE.bazel", MODULE.format(sources=json.dumps(str(SOURCES))))

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
        module = self.workspace / "MODULE.bazel"
        text = module.read_text()
        tag = f'apt.lock(name = "{name}", {attributes})\nuse_repo(apt, "{name}")\n'
        module.write_text(text + ("" if APT in text else APT) + tag)
        build = self.workspace / "BUILD.bazel"
        text = build.read_text() if build.exists() else DEFS
        image = f'ostree_image(name = "{name}_image", packages = ["@{name}//:packages"])\n'
        build.write_text(text + image)

    def bazel(
        self,
        *words: str | Path,
        check: bool | None = True,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        startup_options: tuple[str, ...] = (),
    ) -> Result:
        """Run Bazel.

        Args:
            *words: the command and its arguments.
            check: whether it must succeed (`True`), fail (`False`), or either (`None`).
            env: what to add to the environment.
            cwd: where, if not in the workspace.
            startup_options: options before the command.
        """
        events = self.scratch / "events.json"
        events.unlink(missing_ok=True)
        command, *arguments = map(str, words)
        options = ["--color=no", "--curses=no", "--noshow_progress"]
        if command in ("build", "run", "test"):
            options += [f"--build_event_json_file={events}", "--symlink_prefix=/"]
        if command not in ("info", "clean", "shutdown"):
            options += ["--repository_cache="]
        result = subprocess.run(
            [*startup(self.cache), *startup_options, command, *options, *arguments],
            cwd=cwd or self.workspace,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**clean_environment(), **(env or {})},
            check=False,
        )
        output = result.stdout.decode(errors="backslashreplace")
        if check is not None and check != (result.returncode == 0):
            self.fail(f"bazel {' '.join(map(str, words))}: {result.returncode}\n{output}")
        metrics = build_metrics(events)
        return Result(
            result.returncode,
            output,
            executed(metrics),
            int(metrics.get("packageMetrics", {}).get("packagesLoaded", 0)),
            int(metrics.get("targetMetrics", {}).get("targetsConfigured", 0)),
        )

    def assert_says(self, result: Result, pattern: str) -> None:
        """Whether a command said something, line ends and blanks aside."""
        self.assertRegex(" ".join(result.output.split()), pattern)

    def built(self, path: str) -> Path:
        """An output of the workspace's main repository, by the path below bazel-bin."""
        return Path(self.bazel("info", "bazel-bin").output.split()[-1], path)

    def commit(self, name: str = "debs_image") -> str:
        """Build an image, and return its commit id."""
        self.bazel("build", f"//:{name}")
        return self.built(f"{name}.commit").read_text().strip()


def startup(cache: Path) -> list[str]:
    """Bazel and its startup options."""
    options = shlex.split(os.environ.get("APT2OSTREE_E2E_STARTUP", ""))
    return ["bazel", *options, f"--output_user_root={cache}/bazel", "--max_idle_secs=60"]


def clean_environment() -> dict[str, str]:
    """The environment without what the outer Bazel put in."""
    drop = re.compile(r"TEST_|BAZEL|RUNFILES|JAVA_RUNFILES|PYTHON|XML_|GTEST|APT2OSTREE_MIRRORS")
    return {key: value for key, value in os.environ.items() if not drop.match(key)}


def build_metrics(events: Path) -> Mapping[str, Any]:
    """What Bazel counted while it built; read from build events, empty if there are none."""
    if events.exists():
        for line in events.read_text(encoding="utf-8").splitlines():
            event: dict[str, Any] = json.loads(line)
            if "buildMetrics" in event:
                metrics: dict[str, Any] = event["buildMetrics"]
                return metrics
    return {}


def executed(metrics: Mapping[str, Any]) -> dict[str, int]:
    """How many actions ran, by mnemonic, of the rules' own."""
    found: dict[str, int] = {}
    for item in metrics.get("actionSummary", {}).get("actionData", []):
        count = int(item.get("actionsExecuted", 0))
        if count and item["mnemonic"] not in ("BazelWorkspaceStatusAction",):
            found[item["mnemonic"]] = count
    return found
