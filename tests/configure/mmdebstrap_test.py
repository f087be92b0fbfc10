"""A configured image beside what mmdebstrap makes of the same packages as real root.

Arguments: the packages of the lock. mmdebstrap gets them from a server on loopback.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import unittest
from hashlib import sha256
from pathlib import Path

from apt2ostree.configure import epoch
from apt2ostree.image import built_image
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.lock.lockfile import read_lock
from apt2ostree.sandbox import materialize
from tests.archive.local_archive import Key, Suite, serve
from tests.configure import differences
from tests.support.judges import ScratchTest, need, run, skip_aloud

IMAGE = Path(os.environ["IMAGE"] + ".image.json")
LOCK = Path(os.environ["LOCK"])
ALLOWED = [Path(path) for path in os.environ["ALLOWED"].split()]
MERGED_USR = Path("/usr/share/mmdebstrap/hooks/merged-usr")
SUITE = "bookworm"
DEBS: list[Path] = []

NAMESPACES = ("unshare", "--mount", "--pid", "--mount-proc", "--uts", "--fork", "--kill-child")
"""mmdebstrap mounts as root where it is started: in these it leaves nothing behind."""
AS_LOCALHOST = ("sh", "-ec", 'echo localhost > /proc/sys/kernel/hostname; exec "$@"', "sh")
"""Scripts write the host name into configuration; the sandbox's is this one."""


class MmdebstrapTest(ScratchTest):
    def test_the_image_is_what_real_root_makes_but_for_the_listed_differences(self) -> None:
        need(self, "mmdebstrap", "gpg", "apt-get")
        self.need_real_root()
        image = built_image.load(IMAGE, Path.cwd().parent)
        root = self.mmdebstrap(image)
        ours, theirs = differences.of_image(image), differences.of_directory(root)
        allowed = [line for path in ALLOWED for line in differences.read_list(path)]
        verdict = differences.judge(ours, theirs, allowed)
        print(
            f"{len(image.manifest.packages)} packages, {len(ours)} paths here, {len(theirs)} "
            f"there, {verdict.found} differences, {len(verdict.unlisted)} of them not listed",
            file=sys.stderr,
        )
        print(*verdict.unlisted, sep="\n", file=sys.stderr)
        self.assertFalse(verdict.unlisted, "differences that are not listed")
        self.assertFalse(verdict.stale, "lines that allow nothing")
        texts = image.manifest.texts
        files = ("etc/passwd", "etc/group")
        self.assertEqual(
            differences.accounts(*((root / name).read_text() for name in files)),
            differences.accounts(*(texts[name] for name in files)),
        )

    def need_real_root(self) -> None:
        """Skip unless this process is root as mmdebstrap needs it."""
        if os.geteuid():
            skip_aloud(self, f"real root is needed, and this is user {os.geteuid()}")
        if Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]:
            skip_aloud(self, "real root is needed, and this is a user namespace's")
        try:
            os.mknod(self.scratch / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except PermissionError as error:
            skip_aloud(self, f"making device nodes is not permitted here: {error}")
        script = 'mkdir "$1" && mount -t tmpfs none "$1" && umount "$1"'
        result = subprocess.run(
            [*NAMESPACES, "sh", "-ec", script, "sh", self.scratch / "mount"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if result.returncode:
            skip_aloud(self, f"mounting is not permitted here: {result.stdout}")

    def mmdebstrap(self, image: BuiltImage) -> Path:
        """Let mmdebstrap install the packages of the lock; return the root."""
        packages = image.manifest.packages
        now = epoch.of_locks(packages, [LOCK.read_text(encoding="utf-8")])
        if now is None:
            index = materialize.index(image.objects)
            now = epoch.newest(packages, image.manifest.directories, index)
        key = Key(self.scratch)
        self.addCleanup(key.close)
        served, root = self.scratch / "served", self.scratch / "root"
        write_archive(served, key)
        hooks = []
        if any(package.name == "usr-is-merged" for package in packages):
            hooks.append(f"--hook-dir={MERGED_USR}")
        include = ",".join(f"{package.name}={package.version}" for package in packages)
        with serve(served) as server:
            command = [
                *(*NAMESPACES, *AS_LOCALHOST, "mmdebstrap", "--mode=root", "--variant=essential"),
                *("--format=directory", f"--keyring={key.path}", *hooks),
                # As root apt would download as _apt, who may not enter the test's directory.
                '--aptopt=APT::Sandbox::User "root";',
                f"--include={include}",
                *(SUITE, str(root), f"deb {server.url} {SUITE} main"),
            ]
            print(
                run("env", "-u", "TMPDIR", f"SOURCE_DATE_EPOCH={now}", "LC_ALL=C.UTF-8", *command)
            )
        self.addCleanup(shutil.rmtree, root)
        return root


def write_archive(root: Path, key: Key) -> None:
    """An archive of the locked packages alone, signed."""
    by_sum = {sha256(deb.read_bytes()).hexdigest(): deb for deb in DEBS}
    packages = read_lock(LOCK)
    for package in packages:
        place = root / package.get("Filename")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(by_sum[package.get("SHA256")])
    index = b"\n".join(package.raw + b"\n" for package in packages)
    Suite(root / "dists" / SUITE, {"main/binary-amd64/Packages": index}).write(key)


if __name__ == "__main__":
    DEBS += [Path(argument).resolve() for argument in sys.argv[1:]]
    unittest.main(argv=sys.argv[:1])
