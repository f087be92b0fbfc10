"""Bazel inside a test, in throw-away workspaces, as a user has it.

A machine is a workspace directory and an output base of its own: two machines share nothing
but what the test lets them share, such as a remote cache. `APT2OSTREE_E2E_STARTUP` may have startup
options for Bazel.
"""

from __future__ import annotations

import itertools
import json
import os
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

_OUTER = ("TEST_TMPDIR", "RUNFILES_DIR", "JAVA_RUNFILES", "PYTHONPATH", "RUNFILES_MANIFEST_FILE")
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
        output: what it said, on stderr.
        spawns: actions run or found in a remote cache; what the local action cache already
            has leaves no trace.
    """

    command: tuple[str, ...]
    status: int
    stdout: str
    output: str
    spawns: tuple[Spawn, ...] = ()

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
    """

    workspace: Path
    output_base: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    startup_options: tuple[str, ...] = ()
    log_executions: bool = True
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def run(self, command: str, *arguments: str) -> Result:
        """Call Bazel."""
        log = self.output_base.parent / f"{self.output_base.name}.{next(self._numbers)}.log"
        builds = command in ("build", "run", "test")
        logs = builds and self.log_executions
        full = [
            *self.startup(),
            command,
            *(self.options if builds else ()),
            *((f"--execution_log_json_file={log}",) if logs else ()),
            *arguments,
        ]
        done = subprocess.run(
            full,
            cwd=self.workspace,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        return Result(
            command=tuple(full),
            status=done.returncode,
            stdout=done.stdout.decode("utf-8", "replace"),
            output=done.stderr.decode("utf-8", "replace"),
            spawns=tuple(spawns(log)) if log.exists() else (),
        )

    def build(self, *arguments: str) -> Result:
        """`bazel build`, which must succeed."""
        return self.run("build", *arguments).check()

    def startup(self) -> list[str]:
        """The Bazel program and its startup options."""
        bazel = shutil.which("bazel") or shutil.which("bazelisk")
        assert bazel
        return [
            bazel,
            *shlex.split(os.environ.get("APT2OSTREE_E2E_STARTUP", "")),
            "--nohome_rc",
            f"--output_base={self.output_base}",
            "--max_idle_secs=600",
            "--host_jvm_args=-Xmx2g",
            *self.startup_options,
        ]

    def variables(self) -> dict[str, str]:
        """The environment that Bazel is started in."""
        outer = {name: value for name, value in os.environ.items() if name not in _OUTER}
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


def module(*locks: str, extra: str = "") -> str:
    """A user's MODULE.bazel with the rule set as it is here.

    Args:
        *locks: names; the lockfile of each is `NAME.lock`.
        extra: more lines.
    """
    lines = [
        'module(name = "user")',
        'bazel_dep(name = "apt2ostree")',
        f'local_path_override(module_name = "apt2ostree", path = "{SOURCES}")',
        'apt = use_extension("@apt2ostree//apt2ostree:extensions.bzl", "apt")',
    ]
    for lock in locks:
        lines += [
            f'apt.lock(name = "{lock}", lockfile = "//:{lock}.lock")',
            f'use_repo(apt, "{lock}")',
        ]
    return "\n".join([*lines, extra, ""])


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


def _remove(made: Machine) -> None:
    made.shutdown()
    # Repositories and sandboxes may be read-only.
    subprocess.run(["chmod", "-R", "u+w", made.output_base], check=False, capture_output=True)
    shutil.rmtree(made.output_base, ignore_errors=True)
