"""examples/nginx for arm64, configured under qemu-user: judged by ostree and its own dpkg, and
compared with the image that this machine configures without an emulator."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

from apt2ostree.image import built_image
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.tree.manifest import CHECKSUM, SIZE, Manifest, decode_xattrs, row_xattrs
from tests.support import requests
from tests.support.actions import configure_request
from tests.support.judges import ScratchTest, need, ostree, skip_aloud

IMAGE = Path(os.environ["IMAGE"])
NATIVE_IMAGE = Path(os.environ["NATIVE_IMAGE"])
CLEANUP = Path("apt2ostree/configure/cleanup.list")
TOOL = (
    "from apt2ostree import worker; from tools.configure import Request, main; "
    "worker.run(main, Request)"
)
OLD_KERNEL = """
from apt2ostree.sandbox import linux
def mount(source, target, type_="", flags=0, data="", real=linux.mount):
    if type_ == "binfmt_misc":
        raise PermissionError(1, "Operation not permitted")
    real(source, target, type_, flags, data)
linux.mount = mount
"""
"""What Linux before 6.7 answers."""
CAP_NET_RAW = struct.pack("<IIIII", 0x0200_0001, 1 << 13, 0, 0, 0)
NO_ID = 2**32 - 1
ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in [(1, 7, NO_ID), (4, 5, NO_ID), (8, 5, 4), (16, 5, NO_ID), (32, 5, NO_ID)]
)  # fmt: skip
OTHER_CONTENT = {
    "etc/cron.d/e2scrub_all",  # has the path of a library directory
    "etc/ld.so.cache",
    "etc/ld.so.conf.d/ARCH-linux-gnu.conf",
    "var/cache/debconf/config.dat",  # has the packages' own names of architectures
    "var/lib/dpkg/arch",
    "var/lib/dpkg/status",
}
"""Files of /etc and /var that differ between two architectures."""
ONE_SIDE = {
    "lib64",
    "srv/attributes",
    "usr/bin/ARCH",
    "usr/bin/chacl",
    "usr/bin/getfacl",
    "usr/bin/i386",
    "usr/bin/setfacl",
    "usr/lib/ARCH-linux-gnu/ld-linux-ARCH.so.1",
    "usr/lib/ARCH-linux-gnu/ld-linux-x86-64.so.2",
    "usr/lib/ARCH-linux-gnu/libmvec.so.1",
    "usr/lib/ld-linux-ARCH.so.1",
    "usr/lib64",
    "usr/lib64/ld-linux-x86-64.so.2",
    "var/lib/apt/extended_states",
}
"""Paths, but for documentation and dpkg's lists, that one of the two has alone."""


def said(*command: str | Path) -> str:
    """What a program prints; it must succeed."""
    result = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        raise AssertionError(f"{command}: {result.returncode}\n{result.stdout}")
    return result.stdout


def load(image: Path) -> BuiltImage:
    return built_image.load(Path(f"{image}.image.json"), Path.cwd().parent)


def neutral(name: str) -> str:
    """A path or an architecture's name in it, the same for both."""
    for word in ("x86_64", "aarch64", "amd64", "arm64"):
        name = name.replace(word, "ARCH")
    return name


def paths(manifest: Manifest) -> dict[str, tuple[object, ...]]:
    """Path → type, mode, owner, group, and for files in /etc and /var the content."""
    found: dict[str, tuple[object, ...]] = {}
    for path, directory in manifest.directories.items():
        found[neutral(path)] = ("directory", directory.mode, directory.uid, directory.gid)
        for name, row in directory.files.items():
            full = neutral(f"{path}/{name}".lstrip("/"))
            own = full.startswith(("etc/", "var/")) and full not in OTHER_CONTENT
            content = row[CHECKSUM:] if own and not full.startswith("var/lib/dpkg/info/") else ()
            found[full] = (*row[:SIZE], *content)
    return found


class EmulatedTest(ScratchTest):
    def inside(self, *program: str) -> str:
        """What a program prints in the image; it must succeed."""
        return said(IMAGE, "shell", "--", *program)

    def test_every_package_is_installed_and_sound(self) -> None:
        statuses = [package.status for package in load(IMAGE).manifest.packages]
        self.assertEqual(["install ok installed"] * 106, statuses)
        self.assertEqual("arm64\n", self.inside("dpkg", "--print-architecture"))
        self.assertEqual("", self.inside("dpkg", "--audit"))
        self.assertEqual("", self.inside("dpkg", "--verify"))
        self.assertIn("test is successful", self.inside("nginx", "-t"))

    def test_it_is_what_a_machine_of_its_own_makes(self) -> None:
        ours, native = paths(load(IMAGE).manifest), paths(load(NATIVE_IMAGE).manifest)
        apart = {
            path
            for path in ours.keys() ^ native.keys()
            if not path.startswith(("usr/share/", "var/lib/dpkg/info/", "srv/attributes/"))
        }
        self.assertEqual(ONE_SIDE, apart)
        both = ours.keys() & native.keys()
        self.assertGreater(len(both), 7000)
        self.assertEqual(
            {path: native[path] for path in both if native[path] != ours[path]},
            {path: ours[path] for path in both if native[path] != ours[path]},
        )
        print(f"{len(both)} paths have the owner and mode of the native image", file=sys.stderr)

    def test_owners_capabilities_and_acls_are_recorded(self) -> None:
        manifest = load(IMAGE).manifest
        files = manifest.directories["srv/attributes"].files
        self.assertEqual({"security.capability": CAP_NET_RAW}, row_xattrs(files["capable"]))
        self.assertEqual(["file", "6711", 5, 5], files["owned"][:SIZE])
        listed = manifest.directories["srv/attributes/listed"]
        self.assertEqual({"system.posix_acl_access": ACL}, decode_xattrs(listed.xattrs))
        self.assertEqual(["8"], [str(files["machine"][SIZE])])  # "aarch64\n"

    def test_ostree_finds_every_object_whole(self) -> None:
        need(self, "ostree")
        repo = self.scratch / "repo"
        ostree(repo, "init", "--mode=archive")
        said(IMAGE, "import", "--repo", repo)
        self.assertIn("no errors found", ostree(repo, "fsck"))
        commit = ostree(repo, "rev-parse", "deb/images/emulated_debs/configured").strip()
        self.assertEqual(load(IMAGE).commit, commit)

    def test_without_an_emulator_it_is_refused(self) -> None:
        if not load(IMAGE).emulator:
            skip_aloud(self, "this machine needs no emulator")
        self.assertIn(
            "given no `emulator`, or one for another architecture",
            self.refused("", replace(load(IMAGE), emulator=[])),
        )
        text = self.refused(OLD_KERNEL, load(IMAGE))
        self.assertIn("registers no emulator for a user namespace (Operation not permitted", text)

    def refused(self, before: str, image: BuiltImage) -> str:
        """What the action says; it must fail."""
        directory = Path(tempfile.mkdtemp(dir=self.scratch))
        request = configure_request(image, CLEANUP, f"{directory}/image")
        argument = requests.write(self.scratch / "request.json", request)
        result = subprocess.run(
            [sys.executable, "-c", before + TOOL.replace("; ", "\n"), argument],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.assertEqual(1, result.returncode, result.stdout)
        self.assertEqual([], list(directory.iterdir()))
        return " ".join(result.stdout.split())


if __name__ == "__main__":
    unittest.main()
