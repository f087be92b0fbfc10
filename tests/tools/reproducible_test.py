"""The actions' outputs are the same bytes whatever the machine, its clock and its settings."""

import hashlib
import os
import subprocess
import sys
import unittest
from collections.abc import Sequence
from pathlib import Path

from tests.support import debs, judges, requests
from tests.support.actions import compose_request
from tests.support.judges import ScratchTest
from tools import deb_tree

TOOLS: list[Path] = []
"""The built programs deb_tree and compose, as Bazel's actions run them."""


class ReproducibleTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        self.packages = []
        for name in ("one", "two", "three"):
            package = debs.deb(
                debs.directory("./usr"),
                debs.directory(f"./usr/{name}"),
                *(debs.file(f"./usr/{name}/{n}", b"%d" % n, mtime=n) for n in range(20)),
                debs.file(f"./usr/{name}/big", bytes(2 << 20)),
                debs.symlink(f"./usr/{name}/link", "0"),
                control=debs.control(name),
                scripts={"triggers": f"interest {name}\n", "conffiles": f"/usr/{name}/1\n"},
            )
            self.packages.append(debs.write(self.scratch / f"{name}.deb", package))
        self.expected = self.outputs("plain")

    def outputs(
        self, place: str, prefix: Sequence[str] = (), umask: int = 0o022, **environment: str
    ) -> dict[str, str]:
        """Run the actions in a new directory; return name → digest of what they write."""
        directory = self.scratch / place
        directory.mkdir()
        unpack, compose = TOOLS
        manifests = []
        for deb in self.packages:
            manifests.append(Path(f"{deb.stem}.json"))
            unpacked = manifests[-1], Path(f"{deb.stem}.tar")
            request = deb_tree.Request(deb, deb.stem, [], *unpacked)
            self.run_tool(directory, [*prefix, str(unpack)], request, umask, environment)
        image = compose_request(manifests, "image")
        self.run_tool(directory, [*prefix, str(compose)], image, umask, environment)
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.iterdir()
        }

    def run_tool(
        self,
        directory: Path,
        command: Sequence[str],
        request: object,
        umask: int,
        environment: dict[str, str],
    ) -> None:
        result = subprocess.run(
            [*command, requests.write(directory.parent / "request.json", request)],
            cwd=directory,
            env={"PATH": os.environ["PATH"], **environment},
            umask=umask,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def test_a_year_ahead_and_long_ago(self) -> None:
        judges.need(self, "faketime")
        shown = judges.run("faketime", "-f", "+1y", "date", "+%Y")
        self.assertEqual(int(shown), int(judges.run("date", "+%Y")) + 1)
        self.assertEqual(self.outputs("ahead", ["faketime", "-f", "+1y"]), self.expected)
        self.assertEqual(
            self.outputs("ago", ["faketime", "-f", "@1985-01-01 00:00:00"]), self.expected
        )

    def test_settings_of_the_user(self) -> None:
        found = self.outputs(
            "settings",
            umask=0o077,
            HOME="/nonexistent",
            LANG="tr_TR.UTF-8",
            LC_ALL="C",
            PYTHONHASHSEED="12345",
            SOURCE_DATE_EPOCH="1",
            TZ="Pacific/Kiritimati",
            USER="somebody",
        )
        self.assertEqual(found, self.expected)

    def test_a_place_with_blanks_and_no_ascii(self) -> None:
        self.assertEqual(self.outputs("ä place with blanks"), self.expected)


if __name__ == "__main__":
    TOOLS = [Path(name).absolute() for name in sys.argv[1:]]
    unittest.main(argv=sys.argv[:1])
