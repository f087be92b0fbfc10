"""Lockfiles over packages of the test's own, and over real ones, served from loopback."""

from __future__ import annotations

import hashlib
import random
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from apt2ostree.debian.control import parse_stanzas
from tests.support import debs, judges

ORIGIN = "http://archive.test/debian"
"""Where the locks say that the packages are from; mirrors say where they really are."""
DEBIAN = "http://ftp.debian.org/debian"
"""Where those of real packages say so."""
BUMPED = "adduser"
"""The real package that gets a new version; every system has it."""


def generate(pool: Path, number: int, seed: int = 1, files: int = 8) -> str:
    """Write small packages, each depending on up to four before it; return their lock.

    Args:
        pool: directory that `ORIGIN` stands for.
        number: of packages.
        seed: another makes other dependencies and contents.
        files: in each package.
    """
    numbers = random.Random(seed)
    return "\n".join(small(pool, index, numbers, files) for index in range(number))


def small(pool: Path, index: int, numbers: random.Random, files: int = 8, revision: int = 1) -> str:
    """Write one small package; return its stanza."""
    name = f"pkg{index:05}"
    before = {numbers.randrange(max(0, index - 50), index) for _ in range(4)} if index else set()
    depends = ", ".join(f"pkg{other:05}" for other in sorted(before))
    version = f"1.{index}-{revision}"
    control = debs.control(name, version, **({"Depends": depends} if depends else {}))
    entries = [
        debs.directory("./usr"),
        debs.directory("./usr/lib"),
        debs.directory(f"./usr/lib/{name}"),
        *(
            debs.file(f"./usr/lib/{name}/{file}", numbers.randbytes(numbers.randrange(2000)))
            for file in range(files)
        ),
    ]
    data = debs.deb(*entries, control=control, compression=".gz")
    path = f"pool/{name}_{version}_amd64.deb"
    debs.write(pool / path, data)
    return control + (
        f"Filename: {path}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
        f"APT-Sources: {ORIGIN} ./ Packages\n"
    )


def link(pool: Path, lock: str, packages: Iterable[Path]) -> None:
    """Lay real packages out as a mirror has them: where the lock says.

    Args:
        pool: directory to fill.
        lock: text of the lockfile.
        packages: the .debs, under whatever names; those that are not in the lock do not matter.
    """
    by_sha256 = {stanza["SHA256"]: stanza["Filename"] for stanza in stanzas(lock)}
    for package in packages:
        filename = by_sha256.pop(sha256(package), "")
        if not filename:
            continue
        path = pool / filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(package.resolve())
    assert not by_sha256, f"without a package: {sorted(by_sha256.values())}"


def of_runfiles() -> list[Path]:
    """The packages that a program has as data, by the rule `linked_debs`."""
    return sorted(Path("debs").absolute().glob("*/*.deb"))


def stanzas(lock: str) -> list[dict[str, str]]:
    """The stanzas of a lock."""
    return list(parse_stanzas(lock, "the lock"))


def sha256(path: Path) -> str:
    """Of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def bump(pool: Path, lock: str, scratch: Path) -> str:
    """Make a new version of a real package; return the lock that has it.

    Args:
        pool: where the packages of the lock are.
        lock: text of the lock.
        scratch: directory for the package's files.
    """
    stanza = next(item for item in lock.strip().split("\n\n") if f"Package: {BUMPED}\n" in item)
    fields = stanzas(stanza)[0]
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        tree = Path(directory) / "tree"
        judges.run("dpkg-deb", "-R", pool / fields["Filename"], tree)
        control = tree / "DEBIAN/control"
        version = fields["Version"] + "+bump1"
        control.write_text(
            control.read_text().replace(f"Version: {fields['Version']}", f"Version: {version}")
        )
        (tree / f"usr/share/doc/{BUMPED}/bumped").write_text("new\n")
        name = str(Path(fields["Filename"]).with_name(f"{BUMPED}_{version}_all.deb"))
        judges.run("dpkg-deb", "-b", "--root-owner-group", tree, pool / name)
    new = re.sub(r"^MD5sum: .*\n", "", stanza, flags=re.MULTILINE)
    for key, value in {
        "Version": version,
        "Filename": name,
        "Size": str((pool / name).stat().st_size),
        "SHA256": sha256(pool / name),
    }.items():
        new = re.sub(rf"^{key}: .*$", f"{key}: {value}", new, flags=re.MULTILINE)
    return lock.replace(stanza, new)
