"""What the kernel is told about programs of other architectures."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import unittest
from pathlib import Path

from apt2ostree.sandbox import emulation
from tests.support.judges import ScratchTest, skip_aloud

REGISTER = """
import os, sys
from apt2ostree.sandbox import emulation
from pathlib import Path
for name in sorted(emulation.ARCHITECTURES):
    Path("binfmt_misc/register").write_bytes(emulation.rule(name, "qemu-user"))
    print(name, " ".join(Path("binfmt_misc", name).read_text().split()))
"""


def parts(architecture: str) -> tuple[bytes, bytes]:
    """Magic and mask of a rule."""
    _, _, _, _, magic, mask, _, _ = emulation.rule(architecture, "x").decode().split(":")
    return bytes.fromhex(magic.replace("\\x", "")), bytes.fromhex(mask.replace("\\x", ""))


def fits(architecture: str, head: bytes) -> bool:
    magic, mask = parts(architecture)
    return all(a & c == b & c for a, b, c in zip(head, magic, mask))


class RuleTest(ScratchTest):
    def test_the_kernel_takes_the_rules_of_all_architectures(self) -> None:
        (self.scratch / "binfmt_misc").mkdir()
        (self.scratch / "qemu-user").write_bytes(b"")
        (self.scratch / "qemu-user").chmod(0o755)
        script = 'mount -t binfmt_misc none binfmt_misc || exit 9; exec "$@"'
        result = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script, "sh", sys.executable, "-c", REGISTER],
            cwd=self.scratch,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if result.returncode == 9:
            skip_aloud(self, f"no binfmt_misc in a user namespace: {result.stdout.strip()}")
        self.assertEqual(0, result.returncode, result.stdout)
        lines = result.stdout.splitlines()
        self.assertEqual(len(emulation.ARCHITECTURES), len(lines))
        for line in lines:
            magic, mask = parts(line.split()[0])
            self.assertRegex(line, "enabled interpreter qemu-user flags: P?O?C?F")
            self.assertIn(f"magic {magic.hex()} mask {mask.hex()}", line)

    def test_this_machines_programs_fit_its_own_rule_and_no_other(self) -> None:
        own = [name for name in emulation.ARCHITECTURES if emulation.is_own(name)]
        if not own:
            skip_aloud(self, f"images are not configured on {platform.machine()}")
        head = Path(sys.executable).read_bytes()[:20]
        self.assertEqual(own, [name for name in emulation.ARCHITECTURES if fits(name, head)])

    def test_big_endian_numbers_are_big_endian(self) -> None:
        magic, mask = parts("s390x")
        self.assertEqual(b"\x7fELF\2\2\1", magic[:7])
        self.assertEqual(b"\0\2\0\x16", magic[16:])
        self.assertEqual(b"\xff\xfe\xff\xff", mask[16:])

    def test_a_refusal_says_what_can_be_done(self) -> None:
        said = emulation.refusal("arm64", PermissionError(1, "Operation not permitted"))
        self.assertRegex(
            said,
            r"the image is for arm64, whose programs this machine \(\S+\) does not run: the "
            r"kernel, Linux \S+, registers no emulator for a user namespace \(Operation not "
            r"permitted; 6.7 or newer with CONFIG_BINFMT_MISC does\)",
        )
        for choice in ("qemu-user-binfmt", "a newer kernel", "`configure = False`"):
            self.assertIn(choice, said)
        self.assertTrue(re.search("given no `emulator`", emulation.refusal("arm64", None)))


if __name__ == "__main__":
    unittest.main()
