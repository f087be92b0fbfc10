"""Every deb of the example has the tree that `ostree commit --tree=tar=` makes of it.

Arguments: the debs.
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import deb_tree
from tests.support import judges
from tests.support.judges import ScratchTest

DEBS: list[Path] = []


class OstreeTest(ScratchTest):
    def test_the_checksums_of_the_root_are_those_of_ostree(self) -> None:
        judges.need(self, "ostree", "dpkg-deb")
        self.assertGreater(len(DEBS), 100)
        for path in DEBS:
            with self.subTest(path.parent.name), path.open("rb") as deb:
                with tempfile.TemporaryFile(dir=self.scratch) as objects:
                    manifest = deb_tree.unpack(deb, ObjectsWriter(objects))
                command = ["dpkg-deb", "--fsys-tarfile", str(path)]
                tar = subprocess.run(command, capture_output=True, check=True).stdout
                expected = judges.tar_checksums(self.scratch, tar)
                self.assertEqual((manifest.dirtree, manifest.dirmeta), expected)
        print(f"{len(DEBS)} of {len(DEBS)} debs have the checksums of ostree", file=sys.stderr)


if __name__ == "__main__":
    DEBS = [Path(name).absolute() for name in sys.argv[1:]]
    unittest.main(argv=sys.argv[:1])
