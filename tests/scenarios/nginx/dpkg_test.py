"""The dpkg database of the example's image is the one that `dpkg --unpack` writes.

Arguments: the debs.
"""

import io
import re
import sys
import unittest
from pathlib import Path

from apt2ostree.deb import ar
from apt2ostree.deb.package import Deb
from apt2ostree.image.compose import Options
from tests.support import debs, dpkg, images, judges
from tests.support.judges import ScratchTest

DEBS: list[Path] = []


class DpkgTest(ScratchTest):
    maxDiff = 4000

    def test_dpkg_unpacks_to_the_same_database(self) -> None:
        judges.need(self, "dpkg", "fakeroot")
        packages = [path.read_bytes() for path in DEBS]
        theirs = dpkg.unpack(self.scratch, *map(without_preinst, packages))
        self.assertEqual(set(theirs.status), {0}, theirs.output[-2000:])
        image = images.compose_debs(packages, Options(architectures=("amd64",), merged_usr="no"))
        ours = {}
        for path, found in image.manifest.directories.items():
            if f"{path}/".startswith(f"{dpkg.DATABASE}/"):
                for name in found.files:
                    full = f"{path}/{name}"[len(dpkg.DATABASE) + 1 :]
                    if not full.endswith(".preinst"):
                        ours[full] = image.content(f"{path}/{name}")
        for name in ("available", "diversions", "statoverride", "triggers/Unincorp", "arch"):
            theirs.database.setdefault(name, ours[name])
        self.assertEqual(sorted(ours), sorted(theirs.database))
        for name, text in theirs.database.items():
            mine = ours[name]
            if name == "status":
                mine = re.sub(r"(?m)^( /\S+) [0-9a-f]{32}$", r"\1 newconffile", mine)
                self.assertEqual(sorted(mine.split("\n\n")), sorted(text.split("\n\n")))
            else:
                self.assertEqual(sorted(mine.splitlines()), sorted(text.splitlines()), name)


def without_preinst(package: bytes) -> bytes:
    """The package without the one script that unpacking runs: it needs an image's programs."""
    parts = []
    for member in ar.members(io.BytesIO(package)):
        data = b"".join(iter(lambda member=member: member.read(1 << 20), b""))  # type: ignore[misc]
        if member.name.startswith("control.tar"):
            control = Deb(io.BytesIO(package)).control
            files = [
                debs.file(f"./{name}", file.data, file.mode)
                for name, file in control.items()
                if name != "preinst"
            ]
            parts.append(("control.tar", debs.tar(debs.ROOT, *files)))
        else:
            parts.append((member.name, data))
    return debs.ar(*parts)


if __name__ == "__main__":
    DEBS = [Path(name).absolute() for name in sys.argv[1:]]
    unittest.main(argv=sys.argv[:1])
