"""The real dpkg, unpacking into a root of its own: the judge of our database."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DATABASE = "var/lib/dpkg"
_ROOT_MAKES = ("status-old", "lock", "lock-frontend", "triggers/Lock", "cmethopt")


@dataclass
class Unpacked:
    """What dpkg did.

    Attributes:
        root: the directory it unpacked into.
        output: what it said, package after package.
        status: its exit statuses.
        database: path under /var/lib/dpkg → text.
    """

    root: Path
    output: str
    status: Sequence[int]
    database: dict[str, str]


def unpack(directory: Path, *debs: bytes, native: Sequence[str] = ()) -> Unpacked:
    """Unpack packages one after the other with `dpkg --unpack`.

    Args:
        directory: an empty one, to work in.
        *debs: the packages.
        native: foreign architectures to add first.
    """
    root = directory / "root"
    for name in ("info", "updates", "triggers"):
        (root / DATABASE / name).mkdir(parents=True)
    (root / DATABASE / "status").touch()
    outputs, statuses = [], []
    # Fakeroot, because dpkg changes owners, and the sandbox knows one user only.
    start = ["fakeroot", "dpkg", f"--root={root}", "--log=/dev/null", "--force-depends"]
    environment = {**os.environ, "FAKEROOTDONTTRYCHOWN": "1", "LC_ALL": "C.UTF-8"}
    commands = [["--add-architecture", name] for name in native]
    for number, deb in enumerate(debs):
        path = directory / f"{number}.deb"
        path.write_bytes(deb)
        commands.append(["--unpack", str(path)])
    for command in commands:
        result = subprocess.run(
            [*start, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            check=False,
        )
        outputs.append(result.stdout.decode("utf-8", "surrogateescape"))
        statuses.append(result.returncode)
    return Unpacked(root, "".join(outputs), statuses, database(root))


def database(root: Path) -> dict[str, str]:
    """The files under /var/lib/dpkg, locks and backups apart."""
    base = root / DATABASE
    return {
        str(path.relative_to(base)): path.read_bytes().decode("utf-8", "surrogateescape")
        for path in sorted(base.rglob("*"))
        if path.is_file() and str(path.relative_to(base)) not in _ROOT_MAKES
    }
