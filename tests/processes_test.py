"""Work spread over processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import IO

from apt2ostree import processes
from apt2ostree.errors import UserError

INTERRUPTED = r"""
import os, time
from apt2ostree import processes

def work(item):
    os.write(1, b"at work\n")
    time.sleep(60)

for _ in processes.map_forked(work, [1, 2], 2):
    pass
"""

KILLED = r"""
import os, time
from apt2ostree import processes

def work(item):
    if item < 2:
        os.write(1, b"at work\n")
    return b"x" * 100_000

for _ in processes.map_forked(work, range(10_000_000), 2):
    time.sleep(3600)
"""

TERMINATED = r"""
import os, signal, time
from apt2ostree import processes

def end(*_):
    raise KeyboardInterrupt

def work(item):
    os.write(1, b"at work\n")
    time.sleep(3600)

signal.signal(signal.SIGTERM, end)
try:
    list(processes.map_forked(work, [1, 2], 2))
except KeyboardInterrupt:
    print("ended")
"""


def children() -> list[str]:
    """Processes that this one has started and that are still there."""
    tasks = Path("/proc/self/task").iterdir()
    return [child for task in tasks for child in (task / "children").read_text().split()]


def start(script: str, said: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a script in a session of its own.

    Args:
        script: Python.
        said: where its errors go.
    """
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=said,
        start_new_session=True,
    )


class MapForkedTest(unittest.TestCase):
    def test_every_item_is_worked_on_once(self) -> None:
        for number in (0, 1, 2, 7, 200):
            for workers in (1, 2, 5):
                with self.subTest(items=number, processes=workers):
                    found = processes.map_forked(lambda item: item * item, range(number), workers)
                    self.assertEqual(sorted(found), [item * item for item in range(number)])

    def test_the_work_is_done_in_other_processes(self) -> None:
        found = set(processes.map_forked(lambda _: os.getpid(), range(6), 3))
        self.assertEqual(len(found), 3)
        self.assertNotIn(os.getpid(), found)
        self.assertEqual(children(), [])

    def test_one_process_is_this_one(self) -> None:
        self.assertEqual(
            set(processes.map_forked(lambda _: os.getpid(), range(6), 1)), {os.getpid()}
        )

    def test_results_larger_than_a_pipe(self) -> None:
        sizes = [1 << 22, 3, 1 << 21]
        found = processes.map_forked(lambda size: b"x" * size, sizes, 2)
        self.assertEqual(sorted(map(len, found)), sorted(sizes))

    def test_errors_come_as_they_are(self) -> None:
        def fail(item: int) -> int:
            if item == 3:
                raise UserError("three is broken")
            if item == 4:
                raise OSError(28, "No space left on device", "/x")
            return item

        with self.assertRaisesRegex(UserError, "^three is broken$"):
            list(processes.map_forked(fail, [1, 2, 3], 2))
        with self.assertRaises(OSError) as caught:
            list(processes.map_forked(fail, [1, 4], 2))
        self.assertEqual((caught.exception.errno, caught.exception.filename), (28, "/x"))
        self.assertEqual(children(), [])

    def test_a_process_that_is_killed_is_told(self) -> None:
        def die(item: int) -> int:
            if item == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return item

        with self.assertRaisesRegex(
            UserError, "a process that shared the work ended with -9: was it killed"
        ):
            list(processes.map_forked(die, [0, 1], 2))
        self.assertEqual(children(), [])

    def test_who_stops_early_leaves_no_process(self) -> None:
        def work(item: int) -> int:
            time.sleep(3600 if item > 1 else 0)
            return item

        found = processes.map_forked(work, [0, 1, 2, 3], 2)
        next(found)
        found.close()
        self.assertEqual(children(), [])

    def test_ctrl_c_ends_all_without_a_word_of_the_others(self) -> None:
        with tempfile.TemporaryFile() as said, start(INTERRUPTED, said) as process:
            assert process.stdout
            process.stdout.readline()
            process.stdout.readline()
            os.killpg(process.pid, signal.SIGINT)
            process.wait(30)
            said.seek(0)
            self.assertEqual(said.read().count(b"Traceback"), 1)
            with self.assertRaises(ProcessLookupError):
                os.killpg(process.pid, 0)

    def test_whose_caller_is_killed_ends(self) -> None:
        with start(KILLED, subprocess.STDOUT) as process:
            assert process.stdout
            process.stdout.readline()
            process.kill()
            # Until the end, which comes when nobody has the other end any more.
            self.assertEqual(process.stdout.read().replace(b"at work\n", b""), b"")

    def test_an_ending_that_the_caller_handles_is_not_told_by_the_others(self) -> None:
        with start(TERMINATED, subprocess.STDOUT) as process:
            assert process.stdout
            process.stdout.readline()
            process.stdout.readline()
            process.terminate()
            self.assertEqual(process.stdout.read(), b"ended\n")


if __name__ == "__main__":
    unittest.main()
