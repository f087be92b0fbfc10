import fcntl
import os
import shutil
import unittest
from pathlib import Path
from unittest import mock

from apt2ostree import processes
from apt2ostree.ostree import staging
from tests.support.judges import ScratchTest


class StagingTest(ScratchTest):
    def make(self) -> tuple[Path, int]:
        return staging.make(self.scratch / "tmp")

    def test_what_has_no_living_maker_is_removed(self) -> None:
        left, lock = self.make()
        (left / "object").write_text("half")
        os.close(lock)  # as when it is killed
        other, other_lock = self.make()
        self.assertFalse(left.exists())
        self.assertTrue(other.is_dir())
        os.close(other_lock)

    def test_what_a_living_one_has_stays(self) -> None:
        (first, first_lock), (second, second_lock) = self.make(), self.make()
        self.assertNotEqual(first, second)
        self.assertTrue(first.is_dir())
        os.close(first_lock)
        os.close(second_lock)

    def test_what_is_removed_cannot_be_locked_meanwhile(self) -> None:
        left, lock = self.make()
        os.close(lock)
        remove = shutil.rmtree

        def remove_while_its_maker_locks(path: Path, ignore_errors: bool) -> None:
            descriptor = os.open(path, os.O_RDONLY)
            with self.assertRaises(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(descriptor)
            remove(path, ignore_errors=ignore_errors)

        with mock.patch.object(shutil, "rmtree", remove_while_its_maker_locks):
            os.close(self.make()[1])
        self.assertFalse(left.exists())

    def test_many_makers_at_once(self) -> None:
        def work(number: int) -> bool:
            path, lock = self.make()
            (path / "object").write_text("half")
            there = path.is_dir()
            if number % 3:
                shutil.rmtree(path)
            os.close(lock)
            return there

        made = list(processes.map_forked(work, range(800), 8))
        self.assertEqual(made, [True] * 800)


if __name__ == "__main__":
    unittest.main()
