import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.tree import capabilities


class CapabilitiesTest(unittest.TestCase):
    def test_the_bytes_of_an_attribute(self) -> None:
        self.assertEqual(
            capabilities.encode("cap_net_bind_service=ep").hex(),
            "0100000200040000000000000000000000000000",
        )
        self.assertEqual(
            capabilities.encode("cap_bpf+p").hex(), "0000000200000000000000008000000000000000"
        )

    def test_getcap_reads_what_was_encoded(self) -> None:
        if os.geteuid() != 0 or shutil.which("getcap") is None:
            self.skipTest("setting security.capability needs root, and reading it getcap")
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "program")
            path.touch()
            try:
                value = capabilities.encode("cap_net_raw,cap_sys_time=eip")
                os.setxattr(path, capabilities.ATTRIBUTE, value)
            except OSError as error:
                self.skipTest(f"security.capability cannot be set here: {error}")
            command = ["getcap", str(path)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        self.assertRegex(output, r"cap_net_raw,cap_sys_time[=+]eip")

    def test_texts_that_setcap_would_not_take(self) -> None:
        for text, words in {
            "net_raw=ep": "unknown capability 'net_raw'",
            "cap_fly=ep": "unknown capability 'cap_fly'",
            "cap_net_raw": "expected e.g. 'cap_net_bind_service=ep'",
            "": "expected e.g.",
            "cap_net_raw=ep cap_chown=p": "effective set is all of its capabilities or none",
        }.items():
            with self.subTest(text), self.assertRaisesRegex(UserError, words):
                capabilities.encode(text)


if __name__ == "__main__":
    unittest.main()
