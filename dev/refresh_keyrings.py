"""Bring apt2ostree/keyrings up to date from Debian's keyring packages, and show what changed.

Debian packages the keys of its own archives, of its ports and of Ubuntu's. The packages are
fetched from the archive that --sources describes (Debian unstable), which has to be signed by a
key that is already here. Run it in the source tree of the rule set with
`bazel run //dev:refresh_keyrings`, and look at the fingerprints before committing.

Exit status: 0 done; 1 an error, or --check found something to refresh.
"""

from __future__ import annotations

import argparse
import functools
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from apt2ostree import errors
from apt2ostree.archive.archive import Archives
from apt2ostree.archive.cache import default_cache
from apt2ostree.archive.download import Downloader
from apt2ostree.archive.keyrings import Keyrings
from apt2ostree.archive.mirrors import Mirrors
from apt2ostree.archive.openpgp import public_keys
from apt2ostree.archive.progress import show_progress
from apt2ostree.archive.snapshots import Snapshots
from apt2ostree.archive.sources import parse_sources
from apt2ostree.deb.package import Deb
from apt2ostree.debian import version
from apt2ostree.debian.index import Package, parse_index
from apt2ostree.errors import UserError
from apt2ostree.lock.pool import pool_files

DIRECTORY = Path("apt2ostree/keyrings")
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "debian-archive-keyring": ("debian-archive-keyring", "debian-archive-removed-keys"),
    "debian-ports-archive-keyring": ("debian-ports-archive-keyring",),
    "ubuntu-keyring": ("ubuntu-archive-keyring",),
}
"""Debian package → the keyrings that are taken from it."""
SOURCES = """\
Types: deb
URIs: http://ftp.debian.org/debian
Suites: sid
Components: main
Signed-By: debian-archive-keyring.gpg
"""
_IN_PACKAGE = "usr/share/keyrings"
_SUFFIXES = (".gpg", ".pgp")


@dataclass(frozen=True)
class Refresh:
    """A keyring as its package has it now.

    Attributes:
        name: without a suffix.
        package: and its version, for people.
        old: what is here.
        new: what the package has.
    """

    name: str
    package: str
    old: bytes
    new: bytes

    def summary(self) -> list[str]:
        """What changes, a line each."""
        if self.old == self.new:
            return [f"{self.name}: as in {self.package}"]
        before = {key.fingerprint: key for key in public_keys(self.old)}
        after = {key.fingerprint: key for key in public_keys(self.new)}
        lines = [f"{self.name}: {len(self.old)} → {len(self.new)} bytes, from {self.package}"]
        lines += [f"  + {key}" for key in after.values() if key.fingerprint not in before]
        lines += [f"  - {key}" for key in before.values() if key.fingerprint not in after]
        if set(before) == set(after):
            lines.append("  the same keys, with other signatures or subkeys")
        return lines


def main(arguments: Sequence[str]) -> int:
    """Run the tool; see --help."""
    options = _parser().parse_args(arguments)
    workspace = Path(options.workspace or os.environ.get("BUILD_WORKSPACE_DIRECTORY", ""))
    directory = workspace / DIRECTORY
    if not directory.is_dir():
        raise UserError(
            f"{directory} is not there: run this with `bazel run` in the rule set's own source tree"
        )
    text, name = SOURCES, "debian.sources"
    if options.sources:
        text, name = options.sources.read_text("utf-8"), str(options.sources)
    refreshes = _refreshes(directory, text, name)
    changed = [refresh for refresh in refreshes if refresh.old != refresh.new]
    for refresh in refreshes:
        print("\n".join(refresh.summary()))
    if options.check:
        return 1 if changed else 0
    readme = directory / "README.md"
    table = readme.read_text("utf-8")
    for refresh in changed:
        (directory / f"{refresh.name}.gpg").write_bytes(refresh.new)
        row = re.compile(rf"^(\| `{re.escape(refresh.name)}\.gpg` \| )[^|]*", re.MULTILINE)
        table = row.sub(lambda m, text=refresh.package: f"{m[1]}{text} ", table)  # type: ignore[misc]
    if changed:
        readme.write_text(table, encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    description, _, epilog = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="refresh_keyrings",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if it would")
    parser.add_argument("--sources", type=Path, help="where the packages are (a .sources file)")
    parser.add_argument("--workspace", help=argparse.SUPPRESS)
    return parser


def _refreshes(directory: Path, text: str, name: str) -> list[Refresh]:
    with show_progress(sys.stderr, False) as progress:
        downloader = Downloader(
            cache=default_cache(os.environ),
            mirrors=Mirrors.from_environment(os.environ),
            progress=progress,
        )
        archives = Archives(
            downloader=downloader,
            keyrings=Keyrings(tuple(sorted(directory.glob("*.gpg")))),
            snapshots=Snapshots({}),
            now=datetime.now(timezone.utc),
        )
        found: dict[str, Package] = {}
        for index in archives.fetch(parse_sources(text, name, "amd64"), ["amd64"]):
            for package in parse_index(index.read(downloader.cache), index.name, index.origin):
                if package.name in PACKAGES:
                    known = found.setdefault(package.name, package)
                    if version.compare(package.version, known.version) > 0:
                        found[package.name] = package
        refreshes = []
        for package_name, keyrings in PACKAGES.items():
            if package_name not in found:
                raise UserError(f"{name}: no archive in it has the package {package_name}")
            package = found[package_name]
            (file,) = pool_files([package])
            files = _keyrings(downloader.fetch(file.expected))
            for keyring in keyrings:
                if keyring not in files:
                    raise UserError(
                        f"{package}: no {_IN_PACKAGE}/{keyring}.gpg or .pgp in it; look where "
                        f"the package has it now, and change {Path(__file__).name}"
                    )
                old = directory / f"{keyring}.gpg"
                refreshes.append(
                    Refresh(
                        keyring,
                        f"{package.name} {package.version}",
                        old.read_bytes() if old.exists() else b"",
                        files[keyring],
                    )
                )
        return refreshes


@functools.cache
def _keyrings(path: Path) -> Mapping[str, bytes]:
    """Name without suffix → content, of the keyrings in a package; links have others' content."""
    files: dict[str, bytes] = {}
    with path.open("rb") as file:
        for reader in Deb(file).data():
            for member in reader:
                content = b"".join(reader.content()) if member.type == "file" else b""
                place = Path(member.name)
                if place.parent == Path(_IN_PACKAGE) and place.suffix in _SUFFIXES and content:
                    files[place.stem] = content
    return files


if __name__ == "__main__":
    errors.run(main)
