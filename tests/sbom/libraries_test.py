"""The documents under the judgement of the formats' own libraries, which pip installs here."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

from tests.support.judges import ScratchTest

LIBRARIES = (
    "spdx-tools==0.8.5",
    "cyclonedx-python-lib[json-validation]==11.12.0",
    "packageurl-python==0.17.6",
)


class LibrariesTest(ScratchTest):
    def test_the_formats_own_libraries_find_no_fault(self) -> None:
        site = self.scratch / "site"
        command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(site), *LIBRARIES]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            self.skipTest(f"pip could not install the libraries: {result.stderr[-500:]}")
        tests = Path(__file__).with_name("inventory_test.py")
        path = os.pathsep.join([str(site), *sys.path])
        result = subprocess.run(
            [sys.executable, str(tests), "-v"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": path},
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("skipped", result.stderr)


if __name__ == "__main__":
    unittest.main()
