"""The real apt as the judge of the resolver: what would it install on an empty system?

It runs in a directory of its own, with a status file that is empty and archives in ``file:``
URIs, so that nothing of the machine's own configuration or packages has a say.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_DEB = re.compile(r"^'\S+' (?P<name>[^_ ]+)_(?P<version>\S+)_(?P<architecture>[^_ ]+)\.deb ", re.M)


def release_fields(suite: str) -> dict[str, str]:
    """What Debian's Release file of a suite says beyond its names."""
    if suite.endswith("-backports"):
        return {"NotAutomatic": "yes", "ButAutomaticUpgrades": "yes"}
    return {}


class Apt:
    """An apt without packages; archives are added with `add`, then `update` reads them."""

    def __init__(self, directory: Path, architecture: str, foreign: Sequence[str] = ()) -> None:
        self._directory = directory
        for part in (
            "etc/apt/preferences.d",
            "var/lib/apt/lists/partial",
            "var/cache/apt/archives/partial",
            "archives",
        ):
            (directory / part).mkdir(parents=True)
        (directory / "status").touch()
        architectures = " ".join(f'"{name}";' for name in (architecture, *foreign))
        configuration = directory / "apt.conf"
        configuration.write_text(
            f'Dir "{directory}/";\n'
            f'Dir::State::status "{directory}/status";\n'
            'Dir::Etc::main "/dev/null";\nDir::Etc::parts "/dev/null";\n'
            f'APT::Architecture "{architecture}";\n'
            f"APT::Architectures {{ {architectures} }};\n"
            'APT::Sandbox::User "root";\nAcquire::Languages "none";\nDebug::NoLocking "true";\n'
            # What apt 2.6 has, and what newer ones still have beside their other solver.
            'APT::Solver "internal";\n'
        )
        self._environment = {
            "PATH": os.environ["PATH"],
            "APT_CONFIG": str(configuration),
            "LC_ALL": "C.UTF-8",
        }
        self._sources: list[str] = []

    def add(self, suite: str, indexes: Mapping[str, bytes], **release: str) -> None:
        """Add a suite: its Packages index for each architecture, fields of its Release file."""
        base = self._directory / "archives" / suite / "dists" / suite
        sums = []
        for architecture, index in indexes.items():
            path = base / "main" / f"binary-{architecture}" / "Packages"
            path.parent.mkdir(parents=True)
            path.write_bytes(index)
            digest = hashlib.sha256(index).hexdigest()
            sums.append(f" {digest} {len(index)} {path.relative_to(base)}")
        fields = {
            "Suite": suite,
            "Codename": suite,
            "Components": "main",
            "Architectures": " ".join(indexes),
            "Date": "Thu, 01 Jan 2026 00:00:00 UTC",
            **release,
        }
        text = "".join(f"{name}: {value}\n" for name, value in fields.items())
        (base / "Release").write_text(text + "SHA256:\n" + "\n".join(sums) + "\n")
        self._sources.append(
            f"deb [trusted=yes arch={','.join(indexes)}] "
            f"file:{self._directory}/archives/{suite} {suite} main"
        )

    def update(self) -> None:
        """Read the archives."""
        sources = self._directory / "etc/apt/sources.list"
        sources.write_text("\n".join(self._sources) + "\n")
        self._run("apt-get", "update", "-qq", check=True)

    def install(
        self,
        want: Sequence[str],
        *,
        recommends: bool = False,
        preferences: str = "",
        target_release: str = "",
    ) -> set[str] | None:
        """What apt would install, as ``name:architecture=version``; None if it refuses.

        The packages need a Filename of the form ``name_version_architecture.deb``, Size and
        SHA256, as all archives have them.
        """
        self._write_preferences(preferences)
        result = self._run(
            "apt-get",
            "--print-uris",
            "--yes",
            "-qq",
            "--install-recommends" if recommends else "--no-install-recommends",
            *(["-t", target_release] if target_release else []),
            "install",
            *want,
        )
        if result.returncode:
            return None
        return {
            f"{deb['name']}:{deb['architecture']}={deb['version'].replace('%3a', ':')}"
            for deb in _DEB.finditer(result.stdout)
        }

    def priorities(self, names: Sequence[str], preferences: str) -> dict[str, dict[str, int]]:
        """The priority of each version of packages under pins."""
        self._write_preferences(preferences)
        found: dict[str, dict[str, int]] = {}
        for name in names:
            text = self._run("apt-cache", "policy", name, check=True).stdout
            versions = re.findall(r"^ {5}(\S+) (-?\d+)$", text, re.M)
            found[name] = {version: int(priority) for version, priority in versions}
        return found

    def _write_preferences(self, preferences: str) -> None:
        (self._directory / "etc/apt/preferences.d/test").write_text(preferences)

    def _run(self, *command: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False
        )
        if check and result.returncode:
            raise AssertionError(f"{command}: {result.stdout}{result.stderr}")
        return result
