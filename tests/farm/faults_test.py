"""Caches that fail, lie and hang; workers that die; disks that are full."""

import array
import contextlib
import fcntl
import http.client
import os
import signal
import subprocess
import sys
import termios
import time
import unittest
from pathlib import Path
from typing import Callable

from tests.farm import farm
from tests.support import bazel, debs, judges, requests
from tools import deb_tree

PACKAGES = 4
SECONDS = 300
REQUEST_SECONDS = 20
ATTEMPTS = 5


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
        # Until all of nginx is the new one, some connections may still be the old one's.
        self.wait_for(lambda: all(self.status() == 500 for _ in range(10)))

    def status(self) -> int:
        """What the cache answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.cache.port)
        with contextlib.closing(connection):
            connection.request("GET", "/")
            return connection.getresponse().status

    def wait_for(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not ready():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

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

    def test_one_emptied_after_a_build_without_its_blobs_is_an_error_until_a_clean(self) -> None:
        commit = self.fill()
        second = self.user("second", "--remote_download_minimal")
        self.assert_all_from_cache(second.build("//:image"), PACKAGES)
        # Together: a cache that keeps actions whose blobs it has thrown away is no use here.
        for directory in ("ac", "cas"):
            for entry in (self.cache.root / directory).iterdir():
                entry.unlink()
        built = second.run("build", "//:image", "--remote_download_toplevel")
        if built.status:  # Bazel 7.7 trusts a cache for --experimental_remote_cache_ttl
            self.assertRegex(built.output, r"Missing digest: .* for .*/image\.")
            second.run("clean").check()
            second.build("//:image", "--remote_download_toplevel")
        self.assertEqual(second.read("image.commit"), commit)


class KilledWorkerTest(farm.FarmTest):
    def test_bazel_says_so_and_the_next_build_ends_right(self) -> None:
        user = self.machine("user", self.generate(1))
        for _ in range(ATTEMPTS):
            status, said = self.kill_worker(user)
            if status:
                break
            user.run("clean").check()
            user.shutdown()
        self.assertEqual(status, 1, said)
        self.assertIn("Worker process did not return a WorkResponse", said)
        user.build("//:image")

    def kill_worker(self, user: bazel.Machine) -> tuple[int, str]:
        """Build and kill the first worker; it may have done its work before it could be caught.

        Returns:
            (exit code of Bazel, what it said).
        """
        building = subprocess.Popen(
            [*user.startup(), "build", *user.options, "//:image"],
            cwd=user.workspace,
            env=user.variables(),
            stderr=subprocess.PIPE,
        )
        worker = _stop_first_worker(user)
        _wait_for_request(worker)
        os.kill(worker, signal.SIGKILL)
        _, said = building.communicate(timeout=SECONDS)
        return building.returncode, said.decode("utf-8", "replace")


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
        outputs = small / "manifest.json", small / "objects.tar"
        request = deb_tree.Request(deb, "big 1 (amd64)", [], *outputs)
        argument = requests.write(self.scratch / "request.json", request)
        done = subprocess.run(
            judges.in_namespace(script, small, sys.executable, "-B", tool, argument),
            env={**os.environ, "PYTHONPATH": str(bazel.SOURCES)},
            capture_output=True,
            text=True,
            check=False,
        )
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


def _wait_for_request(worker: int) -> None:
    """Wait until a stopped worker has a request to read; it may have read it before it stopped."""
    waiting = array.array("i", [0])
    with Path(f"/proc/{worker}/fd/0").open("rb") as pipe:
        deadline = time.monotonic() + REQUEST_SECONDS
        while not waiting[0] and time.monotonic() < deadline:
            fcntl.ioctl(pipe, termios.FIONREAD, waiting)
            time.sleep(0.01)


if __name__ == "__main__":
    unittest.main()
