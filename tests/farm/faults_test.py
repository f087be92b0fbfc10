"""Caches that fail, lie and hang; workers that die; disks that are full."""

import os
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

from tests.farm import farm
from tests.support import bazel, debs, judges

PACKAGES = 4
SECONDS = 60


class BadCacheTest(farm.FarmTest):
    def setUp(self) -> None:
        super().setUp()
        self.lock = self.generate(PACKAGES)
        self.cache = self.http_cache()

    def user(self, name: str, *options: str) -> bazel.Machine:
        return self.machine(name, self.lock, f"--remote_cache={self.cache.url}", *options)

    def fill(self) -> str:
        """Fill the cache; return the right commit."""
        user = self.user("first")
        user.build("//:image")
        return user.read("image.commit")

    def reconfigure(self, location: str) -> None:
        self.cache.configure(location)
        assert self.cache.server.process
        self.cache.server.process.send_signal(signal.SIGHUP)
        time.sleep(1)

    def test_one_that_answers_500_is_complained_about_and_done_without(self) -> None:
        commit = self.fill()
        self.reconfigure("return 500;")
        second = self.user("second")
        built = second.build("//:image")
        self.assertEqual(built.runners("DebTree").total(), PACKAGES)
        self.assertEqual(built.runners()["remote cache hit"], 0)
        self.assertRegex(built.output, "WARNING: Remote Cache: .*500 Internal Server Error")
        self.assertEqual(second.read("image.commit"), commit)

    def test_one_that_hangs_is_given_up_after_the_remote_timeout(self) -> None:
        commit = self.fill()
        self.cache.server.signal(signal.SIGSTOP)
        second = self.user("second", "--remote_timeout=2", "--remote_retries=0")
        built = second.build("//:image")
        self.assertEqual(built.runners()["remote cache hit"], 0)
        self.assertRegex(built.output, "WARNING: Remote Cache: .*(time|Time)")
        self.assertEqual(second.read("image.commit"), commit)

    def test_a_blob_that_is_not_what_its_name_says_is_made_anew(self) -> None:
        commit = self.fill()
        for blob in (self.cache.root / "cas").iterdir():
            data = blob.read_bytes()
            blob.write_bytes(bytes(byte ^ 1 for byte in data[:100]) + data[100:])
        second = self.user("second")
        built = second.build("//:image")
        self.assertEqual(built.runners()["remote cache hit"], 0)
        self.assertEqual(second.read("image.commit"), commit)

    def test_blobs_that_vanish_after_a_build_without_them_are_made_anew(self) -> None:
        commit = self.fill()
        second = self.user("second", "--remote_download_minimal")
        self.assert_all_from_cache(second.build("//:image"), PACKAGES)
        for blob in (self.cache.root / "cas").iterdir():
            blob.unlink()
        second.build("//:image", "--remote_download_toplevel")
        self.assertEqual(second.read("image.commit"), commit)


class KilledWorkerTest(farm.FarmTest):
    def test_bazel_says_so_and_the_next_build_ends_right(self) -> None:
        lock = self.generate(1)
        user = self.machine("user", lock)
        building = subprocess.Popen(
            [*user.startup(), "build", *user.options, "//:image"],
            cwd=user.workspace,
            env=user.variables(),
            stderr=subprocess.PIPE,
        )
        worker = _stop_first_worker(user)
        time.sleep(1)  # for the request to be on its way
        os.kill(worker, signal.SIGKILL)
        _, said = building.communicate(timeout=SECONDS)
        self.assertEqual(building.returncode, 1)
        self.assertIn(b"Worker process did not return a WorkResponse", said)
        user.build("//:image")


class FullDiskTest(judges.ScratchTest):
    def test_the_error_names_package_file_and_cause_and_nothing_else_is_lost(self) -> None:
        judges.need(self, "unshare", "mount")
        content = os.urandom(2_000_000)
        deb = debs.write(
            self.scratch / "big.deb",
            debs.deb(debs.file("./big", content), compression=".gz"),
        )
        small = self.scratch / "small"
        small.mkdir()
        script = 'mount -t tmpfs -o size=1m none "$1"; shift; exec "$@"'
        tool = bazel.SOURCES / "tools/deb_tree.py"
        done = subprocess.run(
            [
                *judges.in_namespace(script, small, sys.executable, "-B", tool),
                f"--deb={deb}", "--name=big 1 (amd64)",
                f"--manifest={small}/manifest.json", f"--objects={small}/objects.tar",
            ],
            env={**os.environ, "PYTHONPATH": str(bazel.SOURCES)},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(
            done.stderr,
            f"error: package big 1 (amd64) ({deb}): writing {small}/objects.tar: "
            "No space left on device\n",
        )


def _stop_first_worker(user: bazel.Machine) -> int:
    """Stop the machine's first worker as soon as it runs; return its process id."""
    deadline = time.monotonic() + SECONDS
    mark = str(user.output_base).encode()
    while time.monotonic() < deadline:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if b"--persistent_worker" in command and mark in command:
                os.kill(int(process.name), signal.SIGSTOP)
                return int(process.name)
        time.sleep(0.002)
    raise AssertionError("no worker was started")


if __name__ == "__main__":
    unittest.main()
