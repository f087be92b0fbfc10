"""What dpkg's status file says of configured packages."""

from __future__ import annotations

import unittest

from apt2ostree.image import installed
from apt2ostree.tree.manifest import INSTALLED, PackageRecord

STATUS = """\
Package: a
Status: install ok installed
Architecture: all
Conffiles:
 /etc/a 0123456789abcdef0123456789abcdef
 /etc/with blank fedcba9876543210fedcba9876543210 obsolete

Package: b
Status: install ok triggers-pending
Architecture: amd64
"""


class InstalledTest(unittest.TestCase):
    def test_status_and_conffiles_are_taken_over(self) -> None:
        conffiles = [["/etc/a", "newconffile"], ["/etc/with blank", "x"], ["/etc/other", "y"]]
        a = PackageRecord("a", "1", "all", "", conffiles=conffiles)
        b = PackageRecord("b", "1", "amd64", "")
        new_a, new_b = installed.update([a, b], STATUS)
        self.assertEqual(INSTALLED, new_a.status)
        self.assertEqual(
            [
                ["/etc/a", "0123456789abcdef0123456789abcdef"],
                ["/etc/with blank", "fedcba9876543210fedcba9876543210 obsolete"],
                ["/etc/other", "y"],
            ],
            new_a.conffiles,
        )
        self.assertEqual("install ok triggers-pending", new_b.status)

    def test_another_architecture_is_another_package(self) -> None:
        (package,) = installed.update([PackageRecord("a", "1", "amd64", "")], STATUS)
        self.assertEqual("install ok unpacked", package.status)


if __name__ == "__main__":
    unittest.main()
