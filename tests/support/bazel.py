"""Bazel inside a test, in throw-away workspaces, as a user has it.

A machine is a workspace directory and an output base of its own: two machines share nothing
but what the test lets them share, such as a remote cache. `APT2OSTREE_E2E_STARTUP` may have startup
options for Bazel.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import unittest
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import judges

SOURCES = Path("MODULE.bazel").resolve().parent
"""The rule set itself: where the runfiles' symlinks lead."""

APT = 'apt = use_extension("@apt2ostree//apt2ostree:extensions.bzl", "apt")'
"""The line of MODULE.bazel that locks come after."""

_OUTER = re.compile("TEST_|BAZEL|RUNFILES|JAVA_RUNFILES|PYTHON|XML_|GTEST")
"""Of the outer Bazel's test environment, what an inner one would take for its own."""


@dataclass(frozen=True)
class Spawn:
    """An action that Bazel ran or found in a remote cache, out of its execution log.

    Attributes:
        mnemonic: `DebTree`, `OstreeCompose`, …
        target: label of the target it belongs to.
        runner: how: `worker`, `multiplex-worker`, `linux-sandbox`, `remote`, `remote cache hit`.
        cache_hit: it was found, not run.
        inputs: paths of its inputs.
        exit_code: of the program.
    """

    mnemonic: str
    target: str
    runner: str
    cache_hit: bool
    inputs: tuple[str, ...]
    exit_code: int


@dataclass(frozen=True)
class Result:
    """One call of Bazel.

    Attributes:
        command: as it was called.
        status: exit code.
        stdout: what it printed.
        stderr: what it said.
        actions: mnemonic → how many of them were executed, of the rules' own.
        loaded: how many packages of Bazel were loaded.
        configured: how many targets were configured.
        spawns: actions run or found in a remote cache; what the local action cache already
            has leaves no trace.
    """

    command: tuple[str, ...]
    status: int
    stdout: str
    stderr: str
    actions: Mapping[str, int]
    loaded: int = 0
    configured: int = 0
    spawns: tuple[Spawn, ...] = ()

    @property
    def output(self) -> str:
        """All that it said, and after it what it printed."""
        return self.stderr + self.stdout

    def runners(self, *mnemonics: str) -> Counter[str]:
        """How often each way of running was taken, by actions of these mnemonics."""
        return Counter(
            spawn.runner for spawn in self.spawns if not mnemonics or spawn.mnemonic in mnemonics
        )

    def check(self) -> Result:
        """Return the result itself.

        Raises:
            AssertionError: Bazel failed; the text has what it said.
        """
        if self.status:
            raise AssertionError(f"{self.command} exited with {self.status}:\n{self.output}")
        return self


@dataclass
class Machine:
    """A workspace, and a Bazel of its own that works in it.

    Attributes:
        workspace: the user's directory.
        output_base: where Bazel keeps what it makes.
        environment: variables besides the test's own.
        options: for every command that builds.
        startup_options: besides those that every machine has.
        log_executions: write the log that `Result.spawns` comes from; it costs time.
        prefix: what Bazel is started with, as another user for example.
        idle_seconds: after which Bazel's server ends.
    """

    workspace: Path
    output_base: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    startup_options: tuple[str, ...] = ()
    log_executions: bool = True
    prefix: tuple[str, ...] = ()
    idle_seconds: int = 600
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def run(self, command: str, *arguments: str, cwd: Path | None = None) -> Result:
        """Call Bazel, in `cwd` if not in the workspace."""
        files = f"{self.output_base}.{next(self._numbers)}"
        log, events = Path(f"{files}.log"), Path(f"{files}.events.json")
        builds = command in ("build", "run", "test")
        logs = builds and self.log_executions
        full = [
            *self.startup(),
            command,
            *(self.options if builds else ()),
            *((f"--execution_log_json_file={log}",) if logs else ()),
            *((f"--build_event_json_file={events}",) if builds else ()),
            *arguments,
        ]
        done = subprocess.run(
            full,
            cwd=cwd or self.workspace,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        metrics = build_metrics(events) if events.exists() else {}
        result = Result(
            command=tuple(full),
            status=done.returncode,
            stdout=done.stdout.decode("utf-8", "replace"),
            stderr=done.stderr.decode("utf-8", "replace"),
            actions=executed(metrics),
            loaded=int(metrics.get("packageMetrics", {}).get("packagesLoaded", 0)),
            configured=int(metrics.get("targetMetrics", {}).get("targetsConfigured", 0)),
            spawns=tuple(spawns(log)) if log.exists() else (),
        )
        for file in (log, events):
            file.unlink(missing_ok=True)
        return result

    def build(self, *arguments: str) -> Result:
        """`bazel build`, which must succeed."""
        return self.run("build", *arguments).check()

    def startup(self) -> list[str]:
        """The Bazel program and its startup options."""
        bazel = shutil.which("bazel") or shutil.which("bazelisk")
        assert bazel
        return [
            *self.prefix,
            bazel,
            *shlex.split(os.environ.get("APT2OSTREE_E2E_STARTUP", "")),
            "--nohome_rc",
            f"--output_base={self.output_base}",
            f"--max_idle_secs={self.idle_seconds}",
            "--host_jvm_args=-Xmx2g",
            *self.startup_options,
        ]

    def variables(self) -> dict[str, str]:
        """The environment that Bazel is started in."""
        outer = {name: value for name, value in os.environ.items() if not _OUTER.match(name)}
        return {**outer, **self.environment}

    def read(self, path: str) -> str:
        """A built file's text; `path` is relative to bazel-bin."""
        return (self.workspace / "bazel-bin" / path).read_text(encoding="utf-8")

    def shutdown(self) -> None:
        """Stop Bazel's server."""
        self.run("shutdown")


def machine(
    case: unittest.TestCase,
    directory: Path,
    files: Mapping[str, str | bytes],
    options: tuple[str, ...] = (),
    **environment: str,
) -> Machine:
    """Set a machine up, to be shut down at the end of the test.

    Args:
        case: the test; it is skipped where there is no Bazel.
        directory: a new one.
        files: path in the workspace → content.
        options: for every command that builds.
        **environment: variables besides the test's own.
    """
    if not (shutil.which("bazel") or shutil.which("bazelisk")):
        judges.skip_aloud(case, "no bazel or bazelisk here")
    workspace = directory / "workspace"
    for name, content in files.items():
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    made = Machine(workspace, directory / "output", environment, options)
    case.addCleanup(_remove, made)
    return made


def module(*locks: str, extra: str = "", sources: Path = SOURCES) -> str:
    """A user's MODULE.bazel with the rule set as it is here.

    Args:
        *locks: names; the lockfile of each is `NAME.lock`.
        extra: more lines.
        sources: where the rule set is.
    """
    lines = [
        'module(name = "user")',
        'bazel_dep(name = "apt2ostree")',
        f'local_path_override(module_name = "apt2ostree", path = {json.dumps(str(sources))})',
        APT,
        *(tag(lock, f'lockfile = "//:{lock}.lock"') for lock in locks),
    ]
    return "\n".join([*lines, extra, ""])


def tag(lock: str, attributes: str) -> str:
    """The lines of MODULE.bazel that declare a lock."""
    return f'apt.lock(name = "{lock}", {attributes})\nuse_repo(apt, "{lock}")'


IMAGE = """
load("@apt2ostree//apt2ostree:defs.bzl", "ostree_image")
ostree_image(name = "{name}", packages = ["@{lock}//{packages}"])
"""


def image(lock: str, name: str = "image", packages: str = ":packages") -> str:
    """A BUILD file with an image of a lock's packages."""
    return IMAGE.format(name=name, lock=lock, packages=packages)


def spawns(log: Path) -> Iterator[Spawn]:
    """Parse an execution log: JSON objects, one after the other."""
    text = log.read_text(encoding="utf-8")
    decoder = json.JSONDecoder()
    position = 0
    while position < len(text):
        entry: dict[str, Any]
        entry, position = decoder.raw_decode(text, position)
        while position < len(text) and text[position].isspace():
            position += 1
        yield Spawn(
            mnemonic=entry.get("mnemonic", ""),
            target=entry.get("targetLabel", ""),
            runner=entry.get("runner", ""),
            cache_hit=entry.get("cacheHit", False),
            inputs=tuple(item["path"] for item in entry.get("inputs", ())),
            exit_code=entry.get("exitCode", 0),
        )


def build_metrics(events: Path) -> dict[str, Any]:
    """What Bazel counted while it built, out of build events; empty if it did not get that far."""
    for line in events.read_text(encoding="utf-8").splitlines():
        metrics: dict[str, Any] = json.loads(line).get("buildMetrics", {})
        if metrics:
            return metrics
    return {}


def executed(metrics: Mapping[str, Any]) -> dict[str, int]:
    """How many actions were executed, by mnemonic, of the rules' own."""
    found = {}
    for item in metrics.get("actionSummary", {}).get("actionData", []):
        count = int(item.get("actionsExecuted", 0))
        if count and item["mnemonic"] != "BazelWorkspaceStatusAction":
            found[item["mnemonic"]] = count
    return found


def _remove(made: Machine) -> None:
    made.shutdown()
    # Repositories and sandboxes may be read-only.
    subprocess.run(["chmod", "-R", "u+w", made.output_base], check=False, capture_output=True)
    shutil.rmtree(made.output_base, ignore_errors=True)
