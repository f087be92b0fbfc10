"""The same lock gives the same bytes: elsewhere, and as somebody else."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

from tests.e2e.case import BazelTest
from tests.support import judges
from tests.support.bazel import SOURCES
from tests.support.debs import control, deb, directory, file, symlink

NOBODY = 65534


class ReproducibleTest(BazelTest):
    """Each build has an output base of its own, so that nothing is reused."""

    def setUp(self) -> None:
        super().setUp()
        self.lock(
            *(
                self.archive.add(
                    deb(
                        *(directory("./usr"), file(f"./usr/{name}", name.encode() * 1000)),
                        symlink(f"./usr/{name}.link", name),
                        control=control(name),
                        scripts={"conffiles": "", "triggers": f"interest {name}\n"},
                    ),
                    name,
                )
                for name in ("one", "two", "three", "four")
            )
        )

    def outputs(
        self,
        *options: str,
        place: "Path | None" = None,
        cache: "Path | None" = None,
        prefix: tuple[str, ...] = (),
    ) -> dict[str, str]:
        """Build from nothing; return the digest of everything that is built.

        Args:
            *options: of the build.
            place: another workspace than the test's own.
            cache: where Bazel's installation and outputs go.
            prefix: what to run Bazel with.
        """
        cache = cache or self.cache
        machine = self.machine_of(cache, place or self.workspace, "reproducible")
        environment = {**machine.environment, "HOME": str(cache)}
        machine = replace(machine, prefix=prefix, environment=environment)
        shutil.rmtree(machine.output_base, ignore_errors=True)
        try:
            machine.build(*options, "//:debs_image", "@debs//:packages")
            found = Path(machine.run("info", "output_path").check().stdout.strip())
            return {
                # Without the names of the configuration and of its directory.
                "/".join(path.relative_to(found).parts[2:]): digest(path)
                for path in sorted(found.rglob("*"))
                if path.name.endswith((".manifest.json", ".objects.tar", ".commit"))
                and not path.is_symlink()
            }
        finally:
            machine.shutdown()

    def test_another_output_base_directory_user_and_number_of_jobs(self) -> None:
        one = self.outputs("--jobs=1")
        self.assertEqual(len(one), 2 * 4 + 3)
        elsewhere = self.cache / "another place/with blanks"
        shutil.rmtree(elsewhere, ignore_errors=True)
        shutil.copytree(self.workspace, elsewhere)
        self.assertEqual(self.outputs("--jobs=8", place=elsewhere), one)
        if os.geteuid():
            judges.skip_aloud(self, "only root can become another user")
        home = Path(tempfile.mkdtemp(prefix="apt2ostree-nobody-", dir="/tmp"))
        self.addCleanup(subprocess.run, ["rm", "-rf", str(home)], check=False)
        shutil.copytree(self.workspace, home / "workspace")
        try:
            for path in [home, *home.rglob("*")]:
                os.chown(path, NOBODY, NOBODY)
        except OSError:
            judges.skip_aloud(self, "this sandbox knows one user only")
        if not open_to_others(SOURCES):
            judges.skip_aloud(self, f"{SOURCES} is closed to other users")
        become = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        theirs = self.outputs(
            place=home / "workspace", cache=home, prefix=(*become, "env", "USER=nobody")
        )
        self.assertEqual(theirs, one)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def open_to_others(path: Path) -> bool:
    """Whether everybody may enter a directory."""
    return all(place.stat().st_mode & 0o001 for place in [path, *path.parents])


if __name__ == "__main__":
    unittest.main()
