"""Inodes that are held keep their numbers."""

from __future__ import annotations

import os
import resource
import unittest
from pathlib import Path

from apt2ostree.sandbox.keeper import Keeper
from tests.support.judges import ScratchTest

COUNT = 3000


class KeeperTest(ScratchTest):
    def test_more_are_held_than_a_process_may_have_open(self) -> None:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        keeper = Keeper()
        try:
            numbers = {self.held(keeper, self.scratch / str(number)) for number in range(COUNT)}
            self.assertEqual(COUNT, len(numbers))
        finally:
            keeper.close()

    def held(self, keeper: Keeper, path: Path) -> int:
        """The inode number of a file that is held and deleted."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        keeper.hold(descriptor)
        number = os.fstat(descriptor).st_ino
        os.close(descriptor)
        path.unlink()
        return number

    def test_nothing_is_left_running(self) -> None:
        keeper = Keeper()
        with open(os.devnull, "rb") as file:
            for _ in range(COUNT):
                keeper.hold(file.fileno())
        keeper.close()
        with self.assertRaises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)


if __name__ == "__main__":
    unittest.main()
