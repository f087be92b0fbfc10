import re
import sys
import unittest
from pathlib import Path

from apt2ostree.device import elf
from tests.support import initrds, judges


class ElfTest(unittest.TestCase):
    def test_what_a_program_needs(self) -> None:
        program = initrds.elf("/lib64/ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6")
        wanted = elf.Needs("/lib64/ld-linux-x86-64.so.2", ("libc.so.6", "libm.so.6"))
        self.assertEqual(elf.needs(program), wanted)
        self.assertEqual(elf.needs(memoryview(initrds.elf())), elf.Needs())

    def test_readelf_finds_the_same_in_a_real_one(self) -> None:
        program = Path(sys.executable).resolve()
        found = elf.needs(program.read_bytes())
        self.assertTrue(Path(found.interpreter).exists())
        self.assertIn("libc.so.6", found.libraries)
        judges.need(self, "readelf")
        said = judges.run("readelf", "-Wd", program)
        self.assertEqual(re.findall(r"NEEDED.*\[(.*)\]", said), list(found.libraries))

    def test_what_is_cut_off(self) -> None:
        for size in (5, 20, 64, 100, 0x200):
            with self.assertRaisesRegex(ValueError, "a damaged ELF file: "):
                elf.needs(initrds.elf("/lib/ld.so", "libc.so.6")[:size])


if __name__ == "__main__":
    unittest.main()
