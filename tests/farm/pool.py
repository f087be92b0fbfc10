"""Lockfiles over packages of the test's own, and over real ones, served from loopback."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from pathlib import Path

from tests.support import debs

ORIGIN = "http://archive.test/debian"
"""Where the locks say that the packages are from; mirrors say where they really are."""


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


def small(pool: Path, index: int, numbers: random.Random, files: int = 8) -> str:
    """Write one small package; return its stanza."""
    name = f"pkg{index:05}"
    before = {numbers.randrange(max(0, index - 50), index) for _ in range(4)} if index else set()
    depends = ", ".join(f"pkg{other:05}" for other in sorted(before))
    control = debs.control(name, f"1.{index}-1", **({"Depends": depends} if depends else {}))
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
    path = f"pool/{name}_1.{index}-1_amd64.deb"
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
        packages: the .debs, under whatever names.
    """
    stanzas = [
        dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line)
        for stanza in lock.strip().split("\n\n")
    ]
    by_sha256 = {stanza["SHA256"]: stanza["Filename"] for stanza in stanzas}
    for package in packages:
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        path = pool / by_sha256.pop(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(package.resolve())
    assert not by_sha256, f"without a package: {sorted(by_sha256.values())}"
