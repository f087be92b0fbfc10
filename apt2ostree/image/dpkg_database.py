"""The dpkg database of an image whose packages are unpacked and not yet configured.

The files under /var/lib/dpkg, as `dpkg --unpack` leaves them: `status`, `arch`,
`triggers/`, `info/format`, and the empty ones. Sources: dpkg(1), deb-triggers(5),
dpkg-query(1), and the files that dpkg writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from apt2ostree.debian import info
from apt2ostree.debian.control import FIELD_ORDER, parse_stanza, render_stanza
from apt2ostree.errors import UserError
from apt2ostree.tree.manifest import PackageRecord

DIRECTORY = "var/lib/dpkg"

NOT_OF_PACKAGES = frozenset({"available", "diversions", "statoverride"})
"""Files that do not follow from the set of packages; new ones are empty."""

_NO_BY_DEFAULT = ("Essential", "Multi-Arch", "Protected")
"""Fields that dpkg does not write when they say `no`."""
_NAMES = frozenset(
    {
        *("Package", "Replaces", "Provides", "Depends", "Pre-Depends", "Recommends", "Suggests"),
        *("Breaks", "Conflicts", "Enhances"),
    }
)
"""Fields with names of packages, which dpkg writes in lower case."""
_TRIGGER = re.compile(r"/[!-~]*|[A-Za-z0-9][A-Za-z0-9+.-]*")
"""A path, or a name, which dpkg wants to look like a package's."""
_OTHER_FILES = {"File", "Unincorp", "Lock"}
"""Files under triggers/ that are not a trigger's."""


def files(
    packages: Sequence[PackageRecord],
    architectures: Sequence[str],
    diverted: Iterable[tuple[str, str, str]] = (),
) -> dict[str, str]:
    """Return path → content of the database's files that depend on the set of packages.

    Args:
        packages: the unpacked packages, in any order.
        architectures: the native one first, then the foreign ones.
        diverted: see `Manifest.diverted`.

    Raises:
        UserError: a package's control data is malformed.
    """
    result = {
        "arch": "".join(f"{architecture}\n" for architecture in architectures),
        "available": "",
        "diversions": diversions(diverted),
        "info/format": "1\n",
        "statoverride": "",
        "status": status(packages),
        "triggers/Unincorp": "",
        **triggers(packages),
    }
    return {f"{DIRECTORY}/{name}": text for name, text in sorted(result.items())}


def diversions(diverted: Iterable[tuple[str, str, str]]) -> str:
    """The `diversions` file: three lines per entry, as dpkg-divert(1) writes them."""
    return "".join(f"/{path}\n/{aside}\n{package}\n" for path, aside, package in diverted)


def status(packages: Iterable[PackageRecord]) -> str:
    """The `status` file: a stanza per package, by name and architecture."""
    ordered = sorted(packages, key=lambda package: (package.name, package.architecture))
    return "".join(render_stanza(_status_fields(package)) + "\n" for package in ordered)


def _status_fields(package: PackageRecord) -> Mapping[str, str]:
    fields = parse_stanza(package.control, f"control file of {package.name}")
    fields["Status"] = package.status
    for name in _NAMES.intersection(fields):
        fields[name] = fields[name].lower()
    if package.conffiles:
        fields["Conffiles"] = "".join(f"\n {path} {state}" for path, state in package.conffiles)
    for name in _NO_BY_DEFAULT:
        if fields.get(name) == "no":
            del fields[name]
    # Others follow, as the package has them.
    names = [name for name in FIELD_ORDER if name in fields]
    names += [name for name in fields if name not in FIELD_ORDER]
    return {name: fields[name] for name in names}


def triggers(packages: Iterable[PackageRecord]) -> dict[str, str]:
    """The `triggers/` files: `File` for paths, one per named trigger (deb-triggers(5)).

    Raises:
        UserError: a directive that deb-triggers(5) does not know.
    """
    interested: dict[str, list[str]] = {}
    file_lines: list[str] = []
    for package in sorted(packages, key=lambda package: (package.name, package.architecture)):
        # Of directives that repeat a name the last counts; dpkg refuses a File that repeats one.
        interests = dict(_interests(package))
        if not interests:
            continue
        who = info.prefix(parse_stanza(package.control, f"control file of {package.name}"))
        for name, noawait in interests.items():
            suffix = "/noawait" if noawait else ""
            if name.startswith("/"):
                file_lines.append(f"{name} {who}{suffix}\n")
            else:
                interested.setdefault(name, []).append(f"{who}{suffix}\n")
    result = {f"triggers/{name}": "".join(lines) for name, lines in interested.items()}
    result["triggers/File"] = "".join(file_lines)
    return result


def _interests(package: PackageRecord) -> Iterator[tuple[str, bool]]:
    """(trigger, whether it is noawait) of a package's `interest` directives."""
    for number, line in enumerate(package.triggers.splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        directive, _, kind = words[0].partition("-")
        valid = directive in ("interest", "activate") and kind in ("", "await", "noawait")
        if not valid or len(words) != 2:
            raise UserError(
                f"package {package.name}: triggers, line {number}: {line!a} is not a directive "
                "of deb-triggers(5)"
            )
        name = words[1]
        if not _TRIGGER.fullmatch(name) or name in _OTHER_FILES:
            raise UserError(
                f"package {package.name}: triggers, line {number}: {name!a} is neither a "
                "trigger's name nor an absolute path"
            )
        if directive == "interest":
            yield name, kind == "noawait"
