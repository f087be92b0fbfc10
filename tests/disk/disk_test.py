import io
import unittest
from pathlib import Path

from apt2ostree.disk import disk, sysroot
from apt2ostree.disk.toolbox import Toolbox
from apt2ostree.errors import UserError
from tests.support import devices, images, initrds
from tests.support.judges import ScratchTest

MIB = 1 << 20


class DiskTest(ScratchTest):
    def test_what_does_not_fit(self) -> None:
        image = images.write(self.scratch / "image", devices.bootable())
        options = disk.Options(sysroot.Options("appliance", "stable"), 0)
        words = "//test:image: 0 MB do not fit on a root of 0 MB, .*: set `size` to at least 66"
        with self.assertRaisesRegex(UserError, words):
            disk.make(io.BytesIO(), image, options, Toolbox(self.scratch), self.scratch)

    def test_a_disk_without_room(self) -> None:
        self.assertEqual(disk.root_size(2048 * MIB), (2048 - 2 - 64) * MIB)
        with self.assertRaisesRegex(UserError, "`size` 100: a disk of so many MB has no room"):
            disk.root_size(100 * MIB)


class ToolboxTest(ScratchTest):
    def test_a_program_that_fails(self) -> None:
        linker = Path("/lib64/ld-linux-x86-64.so.2")
        if not linker.exists():
            self.skipTest("not amd64")
        with self.assertRaisesRegex(UserError, "usr/bin/false now: exit status 1\n"):
            Toolbox(Path("/")).run("usr/bin/false", "now")
        self.assertEqual(Toolbox(Path("/")).run("usr/bin/echo", "x"), "x\n")

    def test_a_program_for_another_machine(self) -> None:
        (self.scratch / "program").write_bytes(initrds.elf("/lib/ld-linux-aarch64.so.1"))
        words = "program: a program for ld-linux-aarch64.so.1, expected one for amd64"
        with self.assertRaisesRegex(UserError, words):
            Toolbox(self.scratch).command("program")


if __name__ == "__main__":
    unittest.main()
