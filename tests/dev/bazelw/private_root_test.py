"""Making roots with the real mmdebstrap, from this machine's mirror.

The roots are small ones, of a few packages, but made by the very code that makes Bazel's.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from dev.bazelw.host import remove
from dev.bazelw.private_root import RootSpec, mmdebstrap_command

SPEC = RootSpec(suite="forky", packages=("netbase",), smoke_test=("dpkg", "--audit"))
MAKE = f"""
import os, signal, sys
from pathlib import Path
from dev.bazelw.host import remove
from dev.bazelw.private_root import RootSpec, private_root
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
print(private_root(Path(sys.argv[1]), {SPEC!r}, os.environ))
"""


def make(cache: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "USER": "tester"}
    return subprocess.Popen(
        [sys.executable, "-c", MAKE, str(cache)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 300
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(path)
        time.sleep(0.1)


class MmdebstrapCommandTest(unittest.TestCase):
    def test_the_machines_mirror_and_options_are_used(self) -> None:
        option = 'Acquire::http::Proxy "http://proxy.example/";'
        command = mmdebstrap_command(SPEC, "http://m.example/debian", "/root", True, [option])
        self.assertEqual(command[-3:], ["forky", "/root", "http://m.example/debian"])
        self.assertIn(f"--aptopt={option}", command)
        self.assertIn("--mode=root", command)

    def test_an_ordinary_user_gets_a_tar_without_devices(self) -> None:
        command = mmdebstrap_command(SPEC, "http://m.example/debian", "-", False, [])
        self.assertLessEqual({"--mode=unshare", "--skip=output/dev", "--format=tar"}, set(command))


class PrivateRootTest(unittest.TestCase):
    def setUp(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("needs root: in bazelw's own root an ordinary user has a single uid")
        directory = Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))
        self.addCleanup(remove, directory)
        self.cache = directory / "cache"
        self.root = self.cache / SPEC.name

    def left_over(self) -> "list[str]":
        return sorted(entry.name for entry in self.cache.iterdir() if entry.name != "lock")

    def test_two_at_once_make_one_root_and_the_second_says_that_it_waits(self) -> None:
        first = make(self.cache)
        wait_for(self.cache / "root.tmp")
        second = make(self.cache)
        first_out, first_err = first.communicate()
        second_out, second_err = second.communicate()
        self.assertEqual((first.returncode, second.returncode), (0, 0), first_err + second_err)
        self.assertEqual(first_out, f"{self.root}\n")
        self.assertEqual(second_out, f"{self.root}\n")
        self.assertIn("making a Debian forky with Bazel in", first_err)
        self.assertEqual(
            second_err, "bazelw: waiting for another bazelw, which is making the private root\n"
        )
        self.assertEqual(self.left_over(), [SPEC.name])
        self.assertTrue((self.root / "etc/protocols").exists())

    def test_interrupted_it_leaves_nothing_that_hurts(self) -> None:
        terminated = make(self.cache)
        wait_for(self.cache / "root.tmp/var/lib/dpkg")
        terminated.send_signal(signal.SIGTERM)
        terminated.communicate()
        self.assertEqual(terminated.returncode, 143)
        self.assertEqual(self.left_over(), [])
        self.assertNotIn(str(self.cache), Path("/proc/self/mountinfo").read_text())

        killed = make(self.cache)
        wait_for(self.cache / "root.tmp/var/lib/dpkg/info")
        self.assertNotIn(str(self.cache), Path("/proc/self/mountinfo").read_text())
        killed.kill()
        good = make(self.cache)
        killed.communicate()
        _, errors = good.communicate()
        self.assertEqual(good.returncode, 0, errors)
        self.assertIn("waiting for another bazelw", errors)
        self.assertEqual(self.left_over(), [SPEC.name])

    def test_a_mirror_without_the_suite_is_an_error_that_says_what_to_set(self) -> None:
        os.environ["APT2OSTREE_MIRROR"] = "http://127.0.0.1:9/debian"
        self.addCleanup(os.environ.pop, "APT2OSTREE_MIRROR")
        failed = make(self.cache)
        _, errors = failed.communicate()
        self.assertEqual(failed.returncode, 1)
        self.assertIn("set APT2OSTREE_MIRROR to a Debian mirror that has this suite", errors)
        self.assertEqual(self.left_over(), [])


if __name__ == "__main__":
    unittest.main()
