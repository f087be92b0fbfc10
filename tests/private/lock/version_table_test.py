"""The table of versions is in the order of dpkg, and of our own Python."""

import ast
import subprocess
import sys
import unittest
from pathlib import Path

from apt2ostree.debian.version import compare as our_compare
from tests.support import judges

TABLE = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/private/lock/version_table.bzl")


def groups() -> list[list[str]]:
    text = TABLE.read_text(encoding="utf-8")
    found: list[list[str]] = ast.literal_eval(text.partition("VERSIONS = ")[2])
    return found


def compare(a: str, relation: str, b: str) -> bool:
    command = ["dpkg", "--compare-versions", a, relation, b]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


class VersionTableTest(unittest.TestCase):
    def test_dpkg_has_the_same_order(self) -> None:
        judges.need(self, "dpkg")
        table = groups()
        for group, following in zip(table, table[1:]):
            for version in group:
                self.assertTrue(compare(version, "eq", group[0]), f"{version} = {group[0]}")
            self.assertTrue(compare(group[0], "lt", following[0]), f"{group[0]} < {following[0]}")

    def test_so_has_our_python(self) -> None:
        table = groups()
        for group, following in zip(table, table[1:]):
            for version in group:
                self.assertEqual(our_compare(version, group[0]), 0)
            self.assertLess(our_compare(group[0], following[0]), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
