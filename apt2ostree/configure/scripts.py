"""Maintainer scripts and what they find around them (Policy chapter 6, dpkg(1)).

dpkg runs a package's `preinst install` before it unpacks the package. Here everything is
unpacked first, so what a preinst registers, diversions (dpkg-divert(1)) and overrides of
owner and mode (dpkg-statoverride(1)), is carried out after it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Callable

from apt2ostree.debian.control import parse_stanza
from apt2ostree.debian.relations import RelationError, parse_relations
from apt2ostree.tree.manifest import PackageKey, PackageRecord

FIRST = "base-passwd"
"""Its preinst makes the accounts that all others take for granted."""

TEMPORARY = "var/lib/dpkg/tmp.ci"
"""Where a package's control files are while its preinst runs; debconf looks there."""

POLICY = "#!/bin/sh\nexit 101\n"
"""The policy-rc.d that lets no service start (invoke-rc.d(8))."""


def environment(epoch: int, extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of everything that runs in the sandbox.

    Args:
        epoch: the time that records of time shall have, in seconds since 1970.
        extra: set by the user; wins.
    """
    return {
        "DEBCONF_NONINTERACTIVE_SEEN": "true",
        "DEBIAN_FRONTEND": "noninteractive",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "LOGNAME": "root",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SHELL": "/bin/sh",
        "SOURCE_DATE_EPOCH": str(epoch),
        "SYSTEMD_OFFLINE": "1",
        "TERM": "dumb",
        "TZ": "UTC",
        "USER": "root",
        **extra,
    }


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
class Diversion:
    """An entry of dpkg's database of diversions.

    Attributes:
        path: the diverted file, absolute.
        target: what it is called now.
        package: the one whose own file stays at `path`; `:` for none.
    """

    path: str
    target: str
    package: str


def parse_diversions(text: str) -> list[Diversion]:
    """Read `/var/lib/dpkg/diversions`: three lines per entry."""
    lines = text.splitlines()
    return [Diversion(*lines[at : at + 3]) for at in range(0, len(lines) - 2, 3)]


def diversion_of(
    path: str, package: str, entries: Iterable[Diversion], real: Callable[[str], str]
) -> Diversion | None:
    """The diversion that makes room for a package's file.

    Args:
        path: of the file, relative to the root.
        package: whose it is.
        entries: the diversions there are.
        real: makes an absolute path such a relative one, without symlinks.
    """
    for entry in entries:
        if entry.package == package and real(entry.path) == path:
            return entry
    return None


def wrongly_diverted(
    new: Collection[Diversion], package: str, shipped: Collection[str]
) -> list[Diversion]:
    """The diversions with which a preinst renamed its own package's file.

    Where dpkg unpacks after the preinst, the package's own file is not there yet to be renamed.

    Args:
        new: what the preinst registered.
        package: whose preinst it was.
        shipped: the absolute paths that the package ships.
    """
    return [entry for entry in new if entry.package == package and entry.path in shipped]


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
