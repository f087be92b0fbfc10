"""What dpkg's database of diversions says."""

from __future__ import annotations

import unittest

from apt2ostree.configure import diversions
from apt2ostree.configure.diversions import Diversion


class DatabaseTest(unittest.TestCase):
    def test_diversions_take_three_lines_each(self) -> None:
        text = "/bin/sh\n/bin/sh.distrib\ndash\n/a\n/b\n:\n"
        self.assertEqual(
            [Diversion("/bin/sh", "/bin/sh.distrib", "dash"), Diversion("/a", "/b", ":")],
            diversions.parse(text),
        )

    def test_a_packages_own_file_is_wrongly_diverted_by_its_preinst(self) -> None:
        own = Diversion("/usr/bin/x", "/usr/bin/x.real", "mine")
        other = Diversion("/usr/bin/y", "/usr/bin/y.real", "mine")
        local = Diversion("/usr/bin/x", "/usr/bin/x.real", ":")
        self.assertEqual([own], diversions.wrong([own, other, local], "mine", {"/usr/bin/x"}))


if __name__ == "__main__":
    unittest.main()
