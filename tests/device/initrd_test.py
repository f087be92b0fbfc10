import lzma
import unittest

from apt2ostree.device import initrd
from apt2ostree.errors import UserError
from tests.support.initrds import KERNEL, cpio, elf, whole


class InitrdTest(unittest.TestCase):
    def setUp(self) -> None:
        self.entries = whole()

    def refused(self, words: str) -> None:
        with self.assertRaisesRegex(UserError, words):
            initrd.check(cpio(self.entries), KERNEL)

    def test_one_that_boots(self) -> None:
        initrd.check(cpio(self.entries), KERNEL)
        early = cpio({"kernel/x86/microcode/x.bin": (0o100644, b"code")})
        initrd.check(early + bytes(512) + lzma.compress(cpio(self.entries)), KERNEL)

    def test_one_whose_init_is_a_program(self) -> None:
        self.entries["init"] = (0o120777, b"usr/lib/systemd/systemd")
        self.entries["usr/lib/systemd/systemd"] = (0o100755, elf("/lib/ld.so.2", "libc.so.6"))
        initrd.check(cpio(self.entries), KERNEL)

    def test_no_init(self) -> None:
        del self.entries["init"]
        self.refused("it would not boot:\nthere is no program /init for the kernel to start")
        self.entries["init"] = (0o100644, b"#!/bin/sh\n")
        self.refused("there is no program /init")
        self.entries["init"] = (0o120777, b"init")
        self.refused("there is no program /init")

    def test_no_interpreter_of_init(self) -> None:
        del self.entries["usr/bin/dash"]
        self.refused("/init is a script for /bin/sh, which it lacks")

    def test_no_prepare_root(self) -> None:
        del self.entries["usr/lib/ostree/ostree-prepare-root"]
        self.refused("no ostree-prepare-root, which makes a deployment the root: a hook of init")

    def test_modules_of_another_kernel(self) -> None:
        with self.assertRaisesRegex(UserError, "no module of the kernel 6.2: no disk would be"):
            initrd.check(cpio(self.entries), "6.2")

    def test_no_library(self) -> None:
        del self.entries["usr/lib/libc.so.6"]
        self.refused(
            "/usr/bin/dash needs the library libc.so.6, which it lacks\n/usr/lib/ostree/ostree-pre"
        )

    def test_no_library_of_a_library(self) -> None:
        self.entries["usr/lib/libc.so.6"] = (0o120777, b"libc-2.41.so")
        self.entries["usr/lib/libc-2.41.so"] = (0o100755, elf("", "libz.so.1"))
        self.refused("would not boot:\n/usr/lib/libc-2.41.so needs the library libz.so.1, which it")

    def test_a_library_that_no_program_is_linked_with_may_lack_others(self) -> None:
        self.entries["usr/lib/libgcrypt.so.20"] = (0o100644, elf("", "libgpg-error.so.0"))
        initrd.check(cpio(self.entries), KERNEL)

    def test_a_library_that_is_a_link_to_nothing(self) -> None:
        self.entries["usr/lib/libc.so.6"] = (0o120777, b"libc-2.41.so")
        self.refused("/usr/bin/dash needs the library libc.so.6, which it lacks")

    def test_no_dynamic_linker(self) -> None:
        del self.entries["usr/lib/ld.so.2"]
        self.refused("/usr/bin/dash is run by /lib/ld.so.2, which it lacks")

    def test_a_damaged_program(self) -> None:
        self.entries["usr/bin/x"] = (0o100755, elf("/lib/ld.so.2", "libc.so.6")[:80])
        self.refused("/usr/bin/x: a damaged ELF file: ")

    def test_many_faults_are_not_all_shown(self) -> None:
        del self.entries["usr/lib/libc.so.6"]
        for number in range(20):
            self.entries[f"usr/bin/{number}"] = (0o100755, elf("/lib/ld.so.2", "libc.so.6"))
        self.refused("\nand 12 more$")


if __name__ == "__main__":
    unittest.main()
