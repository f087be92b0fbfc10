"""What a sandbox uses, compared with what it may."""

from __future__ import annotations

import os
import unittest

from apt2ostree.sandbox import limits
from apt2ostree.sandbox.limits import Limits, SpaceLimit, Watch
from tests.support.judges import ScratchTest


class WatchTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        self.processes = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, self.processes)

    def watch(self, **which: int) -> Watch:
        return Watch(Limits(**which), self.scratch, self.scratch, self.processes)

    def test_who_stays_within_the_limits_is_left_alone(self) -> None:
        self.watch(processes=1 << 22).check()

    def test_processes_are_counted(self) -> None:
        with self.assertRaisesRegex(SpaceLimit, r"\d+ processes, more than the limit of 0; stop"):
            self.watch(processes=0).check()

    def test_memory_is_left_to_others(self) -> None:
        watch = self.watch(processes=1 << 22)
        watch.reserve = 1 << 60
        with self.assertRaisesRegex(SpaceLimit, r"the machine has [\d,]+ bytes of memory left, le"):
            watch.check()

    def test_files_count_besides_their_content(self) -> None:
        before = limits.disk_usage(self.scratch)
        (self.scratch / "a/b").mkdir(parents=True)
        (self.scratch / "a/b/c").write_bytes(b"x" * 100_000)
        (self.scratch / "out").symlink_to("/")
        used = limits.disk_usage(self.scratch) - before
        self.assertGreater(used, 100_000 + 4 * limits.INODE)
        self.assertLess(used, 200_000)


if __name__ == "__main__":
    unittest.main()
