"""QEMU itself, with its firmware, and a disk with nothing to boot."""

import os
import unittest
from pathlib import Path

from apt2ostree.disk import machine
from apt2ostree.disk.toolbox import Toolbox
from apt2ostree.image import built_image
from apt2ostree.ship import checkout
from tests.support.judges import ScratchTest

TOOLS = Path(os.environ["TOOLS"])


class MachineTest(ScratchTest):
    def test_a_disk_that_does_not_boot_is_left_when_its_time_is_over(self) -> None:
        programs = built_image.load(Path(f"{TOOLS}.image.json"), Path.cwd().parent)
        checkout.write(programs, self.scratch / "tools", user_mode=True)
        disk = self.scratch / "disk.img"
        disk.write_bytes(bytes(1 << 20))
        shown: list[str] = []
        run = machine.run(
            Toolbox(self.scratch / "tools"),
            disk,
            self.scratch,
            machine.Options(memory=512, credentials={"x": "y"}),
            60,
            shown.append,
        )
        self.assertTrue(run.timed_out)
        self.assertEqual(list(run.answers), [])
        self.assertIn("BdsDxe: ", "\n".join(run.console))
        self.assertEqual(len(shown), len(run.console))
        self.assertRegex(shown[-1], r"^ *\d+\.\d ")


if __name__ == "__main__":
    unittest.main()
