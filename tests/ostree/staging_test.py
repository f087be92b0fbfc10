import os
import unittest
from pathlib import Path

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


if __name__ == "__main__":
    unittest.main()
