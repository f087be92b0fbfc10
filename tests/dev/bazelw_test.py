"""tools/bazelw as a user calls it, with the real private Bazel, in a workspace of the user's."""

import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

BAZELW = Path.cwd() / "tools/bazelw"

MODULE = """
module(name = "user")
bazel_dep(name = "rules_python", version = "0.22.1")
"""
BUILD = """
genrule(name = "init", outs = ["init.txt"], cmd = "cat /proc/1/comm > $@")
genrule(name = "variable", outs = ["variable.txt"], cmd = "echo $(who) > $@")
genrule(name = "fails", outs = ["fails.txt"], cmd = "exit 1")
genrule(name = "slow", outs = ["slow.txt"], cmd = "touch $(started); sleep 300; touch $@")
"""


class BazelwTest(unittest.TestCase):
    workspace: Path
    environment: "dict[str, str]"

    @classmethod
    def setUpClass(cls) -> None:
        if not os.environ.get("APT2OSTREE_CACHE"):
            raise unittest.SkipTest("needs a private root: run the tests with tools/bazelw")
        scratch = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        cls.addClassCleanup(scratch.cleanup)
        cls.workspace = Path(scratch.name) / "workspace"
        (cls.workspace / "sub").mkdir(parents=True)
        (cls.workspace / "MODULE.bazel").write_text(MODULE)
        (cls.workspace / "BUILD.bazel").write_text(BUILD)
        (cls.workspace / "sub/BUILD.bazel").write_text(BUILD)
        (cls.workspace / ".bazelrc").write_text("build --define=who=bazelrc\n")
        cls.environment = {**os.environ, "APT2OSTREE_BAZEL": "private"}
        # Of the outer Bazel's test environment, an inner one would take these for its own.
        for name in ("TEST_TMPDIR", "RUNFILES_DIR", "JAVA_RUNFILES", "PYTHONPATH"):
            cls.environment.pop(name, None)
        cls.addClassCleanup(cls.bazelw, "shutdown")

    @classmethod
    def bazelw(
        cls, *arguments: str, directory: str = ".", **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [BAZELW, *arguments],
            cwd=cls.workspace / directory,
            env={**cls.environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def output(self, name: str) -> str:
        return (self.workspace / "bazel-bin" / name).read_text()

    def server_pid(self) -> str:
        return self.bazelw("info", "server_pid").stdout

    def test_actions_run_in_bazels_linux_sandbox(self) -> None:
        built = self.bazelw("build", "//:init")
        self.assertEqual(built.returncode, 0, built.stderr)
        self.assertEqual(self.output("init.txt"), "linux-sandbox\n")

    def test_labels_are_relative_to_the_directory_it_is_called_in(self) -> None:
        built = self.bazelw("build", ":init", directory="sub")
        self.assertEqual(built.returncode, 0, built.stderr)
        self.assertEqual(self.output("sub/init.txt"), "linux-sandbox\n")

    def test_bazels_exit_codes_come_back(self) -> None:
        self.assertEqual(self.bazelw("build", "//:fails").returncode, 1)
        self.assertEqual(self.bazelw("nonsense").returncode, 2)
        self.assertEqual(self.bazelw("--bazelw-exec", "sh", "-c", "exit 42").returncode, 42)
        self.assertEqual(self.bazelw("--bazelw-exec", "sh", "-c", "kill -9 $$").returncode, 137)

    def test_the_users_bazelrc_and_options_hold(self) -> None:
        self.assertEqual(self.bazelw("build", "//:variable").returncode, 0)
        self.assertEqual(self.output("variable.txt"), "bazelrc\n")
        extra = self.workspace / "extra.bazelrc"
        extra.write_text("build --define=who=extra\n")
        self.assertEqual(self.bazelw(f"--bazelrc={extra}", "build", "//:variable").returncode, 0)
        self.assertEqual(self.output("variable.txt"), "extra\n")

    def test_stdout_is_bazels_alone(self) -> None:
        self.assertEqual(self.bazelw("query", "//:init").stdout, "//:init\n")

    def test_help_is_bazels_and_bazelw_help_its_own(self) -> None:
        self.assertIn("Usage: bazel <command>", self.bazelw("--help").stdout)
        self.assertIn("Usage: tools/bazelw", self.bazelw("--bazelw-help").stdout)

    def test_what_asks_about_modules_and_dependencies(self) -> None:
        for command in (
            ("mod", "graph"),
            ("mod", "deps", "<root>"),
            ("mod", "show_extension", "@rules_python//python/extensions:python.bzl%python"),
            ("query", "deps(//:init)"),
            ("query", "deps(@rules_python//python/runfiles)"),
        ):
            done = self.bazelw(*command)
            self.assertEqual(done.returncode, 0, done.stderr)
        done = self.bazelw("mod", "tidy", BUILDOZER="")
        self.assertIn("`mod tidy` needs buildozer: set BUILDOZER to its path", done.stderr)
        buildozer = os.environ.get("BUILDOZER")
        if buildozer:
            done = self.bazelw("mod", "tidy", BUILDOZER=buildozer)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_users_module_lock_is_left_alone(self) -> None:
        lock = self.workspace / "MODULE.bazel.lock"
        lock.write_text('{"lockFileVersion": 1}\n')
        self.addCleanup(lock.unlink)
        self.assertEqual(self.bazelw("build", "//:init").returncode, 0)
        self.assertEqual(lock.read_text(), '{"lockFileVersion": 1}\n')

    def test_interrupted_or_terminated_bazel_stops_the_build_and_its_server_lives_on(self) -> None:
        server = self.server_pid()
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number), tempfile.TemporaryDirectory(dir="/tmp") as scratch:
                started = Path(scratch) / "started"
                process = subprocess.Popen(
                    [
                        BAZELW,
                        "build",
                        "//:slow",
                        f"--define=started={started}",
                        "--spawn_strategy=local",
                    ],
                    cwd=self.workspace,
                    env=self.environment,
                    stderr=subprocess.PIPE,
                    text=True,
                )
                deadline = time.monotonic() + 120
                while (
                    not started.exists() and process.poll() is None and time.monotonic() < deadline
                ):
                    time.sleep(0.1)
                process.send_signal(number)
                _, errors = process.communicate(timeout=60)
                self.assertIn("build interrupted", errors)
                self.assertEqual(process.returncode, 8)
        self.assertEqual(self.server_pid(), server)

    def test_commands_heed_signals(self) -> None:
        status = self.bazelw("--bazelw-exec", "grep", "SigIgn", "/proc/self/status").stdout
        ignored = int(status.split()[1], 16)
        self.assertFalse(ignored & (1 << signal.SIGINT - 1 | 1 << signal.SIGTERM - 1))

    def test_a_bazel_of_the_users_is_taken_if_it_reaches_its_registries(self) -> None:
        program = self.own_bazel("exec /usr/bin/bazel")
        with_it = self.bazelw("query", "//:init", PATH=f"{program.parent}:{os.defpath}")
        self.assertEqual((with_it.stdout, with_it.returncode), ("//:init\n", 0))
        self.assertEqual((program.parent / "calls").read_text().splitlines()[-1], "query //:init")

    def test_a_bazel_that_reaches_no_registry_is_not_taken_and_this_is_remembered(self) -> None:
        program = self.own_bazel(
            "exec /usr/bin/bazel --nosystem_rc "
            "--install_base=/usr/share/bazel --trust_install_base "
            f"--output_user_root={self.workspace.parent}/own --max_idle_secs=5",
            "--registry=http://127.0.0.1:9/",
        )
        path = f"{program.parent}:{os.defpath}"
        self.assertEqual(self.bazelw("build", "//:init", PATH=path).returncode, 0)
        calls = (program.parent / "calls").read_text().splitlines()
        self.assertEqual(calls, ["--version", "mod dump_repo_mapping "])
        again = self.bazelw("build", "//:init", PATH=path)
        self.assertEqual(again.returncode, 0)
        self.assertNotIn("bazelw:", again.stderr)
        self.assertEqual((program.parent / "calls").read_text().splitlines(), calls)

    def own_bazel(self, start: str, last: str = "") -> Path:
        """A `bazel` that notes how it was called, and is the real one."""
        folder = Path(tempfile.mkdtemp(dir=self.workspace.parent))
        program = folder / "bazel"
        # The real Bazel is in the private root alone, so it is one of those that bazelw runs.
        program.write_text(
            f'#!/bin/sh\necho "$@" >> {folder}/calls\n'
            f'case $1 in --*) {start} "$@" ;; *) {start} "$@" {last} ;; esac\n'
        )
        program.chmod(0o755)
        self.environment.pop("APT2OSTREE_BAZEL", None)
        self.addCleanup(self.environment.__setitem__, "APT2OSTREE_BAZEL", "private")
        return program


if __name__ == "__main__":
    unittest.main()
