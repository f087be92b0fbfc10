"""The unpacked image beside what multistrap itself makes of the same configuration.

Arguments: multistrap's own package, and the packages of the lock.
"""

from __future__ import annotations

import fnmatch
import functools
import os
import stat
import sys
import tarfile
import unittest
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from apt2ostree.debian.index import Package
from apt2ostree.lock.lockfile import read_lock
from apt2ostree.ostree.objects import FileHeader, file_header
from apt2ostree.tree import manifest
from apt2ostree.tree.manifest import CHECKSUM, TYPE
from apt2ostree.tree.paths import join
from tests.archive.local_archive import Key, Suite, serve
from tests.support.judges import ScratchTest, need, run

EXAMPLE = Path("examples/multistrap")
EXCEPTIONS = Path("tests/scenarios/multistrap/exceptions.txt")
ARCHIVE = "http://ftp.debian.org/debian"
PROGRAM: list[Path] = []
DEBS: list[Path] = []

Tree = Mapping[str, str]
"""Path → everything that is compared of it, as one text."""


class MultistrapTest(ScratchTest):
    def test_the_unpacked_image_is_multistraps_but_for_the_listed_exceptions(self) -> None:
        need(self, "dpkg-deb", "fakeroot", "gpg", "apt-get")
        ours = image_tree(Path(f"{EXAMPLE}/rootfs.manifest.json"))
        theirs = {as_dpkg_names(path): what for path, what in self.run_multistrap().items()}
        self.assertGreater(len(ours), 5000)
        found = set(differences(ours, theirs))
        allowed = exceptions(EXCEPTIONS)
        unexplained = sorted(line for line in found if not any(matches(line, a) for a in allowed))
        stale = [a for a in allowed if not any(matches(line, a) for line in found)]
        print(
            f"{len(ours)} paths here, {len(theirs)} there, {len(found)} differences, "
            f"{len(unexplained)} of them not in {EXCEPTIONS}",
            file=sys.stderr,
        )
        self.assertFalse(unexplained, "\n" + "\n".join(unexplained))
        self.assertEqual(stale, [], "exceptions that nothing needs any more")

    def run_multistrap(self) -> Tree:
        key = Key(self.scratch)
        self.addCleanup(key.close)
        run("dpkg-deb", "-x", PROGRAM[0], self.scratch / "program")
        served, target = self.scratch / "served", self.scratch / "root"
        write_archive(served, key)
        (target / "etc/apt/trusted.gpg.d").mkdir(parents=True)
        (target / "etc/apt/trusted.gpg.d/test.gpg").write_bytes(key.path.read_bytes())
        with serve(served) as server:
            for name in ("multistrap.conf", "common.conf"):
                text = (EXAMPLE / name).read_text()
                # multistrap would download the keys with this machine's apt.
                text = text.replace("keyring=", "packages=").replace(ARCHIVE, server.url)
                (self.scratch / name).write_text(text)
            program = "program/usr/sbin/multistrap"
            script = f'{program} -d "$1" -f multistrap.conf && tar -C "$1" -cf "$2" .'
            tar = self.scratch / "root.tar"
            print(
                run(
                    # It takes a path of its own for $TMPDIR's; and in a user namespace with one
                    # user chown fails, but for fakeroot.
                    *("env", "-u", "TMPDIR", "-C", self.scratch, "LC_ALL=C.UTF-8", "HOME=/"),
                    "FAKEROOTDONTTRYCHOWN=1",
                    *("fakeroot", "sh", "-ec", script, "sh", target, tar),
                )
            )
            return tar_tree(tar, {server.url: ARCHIVE})


def write_archive(root: Path, key: Key) -> None:
    """An archive of the locked packages alone, signed, with the suites that they come from."""
    packages = read_lock(EXAMPLE / "multistrap.conf.lock")
    by_sum = {sha256(path.read_bytes()).hexdigest(): path for path in DEBS}
    stanzas: dict[str, list[Package]] = {"trixie": [], "trixie-updates": []}
    for package in packages:
        place = root / package.get("Filename")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(by_sum[package.get("SHA256")])
        stanzas[package.origins[0].suite].append(package)
    for suite, members in stanzas.items():
        index = b"\n".join(package.raw + b"\n" for package in members)
        Suite(
            root / "dists" / suite,
            {"main/binary-armhf/Packages": index},
            fields={"Suite": suite, "Architectures": "armhf"},
        ).write(key)


def image_tree(path: Path) -> Tree:
    tree = {}
    for path_, directory in manifest.load(path).directories.items():
        tree[path_] = f"directory {directory.mode} {directory.uid}:{directory.gid}"
        for name, row in directory.files.items():
            tree[join(path_, name)] = (
                f"{row[TYPE]} {row[CHECKSUM]}" if len(row) > CHECKSUM else repr(row)
            )
    return tree


def tar_tree(path: Path, texts: Mapping[str, str]) -> Tree:
    """The same of a tar; `texts` says what to replace in apt's sources."""
    tree: dict[str, str] = {}
    checksums: dict[str, str] = {}
    with tarfile.open(path) as tar:
        for member in tar:
            name = os.path.normpath(member.name).removeprefix(".")
            owner = (member.uid, member.gid)
            if member.isdir():
                tree[name] = f"directory {member.mode:04o} {member.uid}:{member.gid}"
            elif member.issym():
                header = FileHeader(*owner, stat.S_IFLNK | 0o777, member.linkname)
                tree[name] = f"symlink {sha256(file_header(header)).hexdigest()}"
            elif member.islnk():
                tree[name] = checksums[os.path.normpath(member.linkname).removeprefix(".")]
            elif member.isfile():
                file = tar.extractfile(member)
                assert file
                data = file.read()
                if name.startswith("etc/apt/sources.list.d/"):
                    for here, there in texts.items():
                        data = data.replace(here.encode(), there.encode())
                header = FileHeader(*owner, stat.S_IFREG | member.mode)
                tree[name] = f"file {sha256(file_header(header) + data).hexdigest()}"
                checksums[name] = tree[name]
            else:
                tree[name] = f"device {member.type!r}"
    return tree


def as_dpkg_names(path: str) -> str:
    """The path of a file of dpkg's database; multistrap leaves out Multi-Arch: same's suffix."""
    name = path.removeprefix("var/lib/dpkg/info/")
    package, dot, kind = name.rpartition(".")
    if name == path or package not in same_architecture():
        return path
    return f"var/lib/dpkg/info/{package}:armhf{dot}{kind}"


@functools.cache
def same_architecture() -> frozenset[str]:
    packages = read_lock(EXAMPLE / "multistrap.conf.lock")
    return frozenset(package.name for package in packages if package.multi_arch == "same")


def differences(ours: Tree, theirs: Tree) -> Iterator[str]:
    for path in sorted({*ours, *theirs}):
        if path not in theirs:
            yield f"ours {path}"
        elif path not in ours:
            yield f"theirs {path}"
        elif ours[path] != theirs[path]:
            yield f"differs {path}"


def exceptions(path: Path) -> list[str]:
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def matches(difference: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(difference, pattern)


if __name__ == "__main__":
    PROGRAM += [Path(argument).resolve() for argument in sys.argv[1:2]]
    DEBS += [Path(argument).resolve() for argument in sys.argv[2:]]
    unittest.main(argv=sys.argv[:1])
