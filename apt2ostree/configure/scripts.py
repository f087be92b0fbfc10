"""Maintainer scripts and what they find around them (Policy chapter 6, dpkg(1)).

dpkg runs a package's `preinst install` before it unpacks the package. Here everything is
unpacked first, so what a preinst registers, diversions (`diversions.py`) and overrides of owner and
mode (dpkg-statoverride(1)), is carried out after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apt2ostree.debian.control import parse_stanza
from apt2ostree.debian.relations import RelationError, parse_relations
from apt2ostree.sandbox.environment import ENVIRONMENT
from apt2ostree.tree.manifest import PackageKey, PackageRecord

FIRST = "base-passwd"
"""Its preinst makes the accounts that all others take for granted."""

TEMPORARY = "var/lib/dpkg/tmp.ci"
"""Where a package's control files are while its preinst runs; debconf looks there."""

POLICY = "#!/bin/sh\nexit 101\n"
"""The policy-rc.d that lets no service start (invoke-rc.d(8))."""


def environment(epoch: int, extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of maintainer scripts and hooks.

    Args:
        epoch: the time that records of time shall have, in seconds since 1970.
        extra: set by the user; wins.
    """
    return {**ENVIRONMENT, "SOURCE_DATE_EPOCH": str(epoch), "SYSTEMD_OFFLINE": "1", **extra}


@dataclass(frozen=True)
class Preinst:
    """A preinst to run.

    Attributes:
        package: whose it is.
        start: what the names of the package's control files start with, the dot included.
    """

    package: PackageRecord
    start: str

    def control_files(self) -> dict[str, str]:
        """Names of the package's control files in `TEMPORARY` → under `/var/lib/dpkg/info`."""
        return {
            name[len(self.start) :]: name
            for name in self.package.info
            if name.startswith(self.start)
        }

    def environment(self, dpkg_version: str) -> dict[str, str]:
        """What dpkg sets for it."""
        return {
            "DPKG_ADMINDIR": "/var/lib/dpkg",
            "DPKG_MAINTSCRIPT_ARCH": self.package.architecture,
            "DPKG_MAINTSCRIPT_NAME": "preinst",
            "DPKG_MAINTSCRIPT_PACKAGE": self.package.name,
            "DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT": "1",
            "DPKG_ROOT": "",
            "DPKG_RUNNING_VERSION": dpkg_version,
            "PERL_DL_NONLAZY": "1",
        }


def preinsts(packages: Sequence[PackageRecord]) -> list[Preinst]:
    """The preinst scripts in the order to run them: what is Pre-Depended on first."""
    return [
        Preinst(package, name[: -len("preinst")])
        for package in in_order(packages)
        for name in package.info
        if name.endswith(".preinst")
    ]


def in_order(packages: Sequence[PackageRecord]) -> list[PackageRecord]:
    """Packages so that those they Pre-Depend on come first (Policy §7.2), `FIRST` before all.

    Circles are broken where they are met; packages keep their order otherwise.
    """
    by_name = {package.name: package for package in packages}
    ordered: dict[PackageKey, PackageRecord] = {}
    started: set[PackageKey] = set()

    def visit(package: PackageRecord) -> None:
        if package.key in started:
            return
        started.add(package.key)
        for name in _pre_depends(package):
            if name in by_name:
                visit(by_name[name])
        ordered[package.key] = package

    if FIRST in by_name:
        visit(by_name[FIRST])
    for package in packages:
        visit(package)
    return list(ordered.values())


def _pre_depends(package: PackageRecord) -> list[str]:
    text = parse_stanza(package.control, f"control file of {package.name}").get("Pre-Depends", "")
    try:
        return [relation.name for group in parse_relations(text) for relation in group]
    except RelationError:
        return []  # dpkg says what is wrong with it when it configures


@dataclass(frozen=True)
class Override:
    """An entry of dpkg's database of overrides.

    Attributes:
        user: a name, or `#` and a number.
        group: likewise.
        mode: octal.
        path: absolute.
    """

    user: str
    group: str
    mode: str
    path: str

    def commands(self) -> list[list[str]]:
        """The programs that carry it out, owner first: chown(2) drops setuid."""
        owner = f"{self.user.lstrip('#')}:{self.group.lstrip('#')}"
        return [["chown", "--", owner, self.path], ["chmod", "--", self.mode, self.path]]


def parse_overrides(text: str) -> list[Override]:
    """Read `/var/lib/dpkg/statoverride`."""
    return [Override(*line.split(" ", 3)) for line in text.splitlines() if line.count(" ") >= 3]
