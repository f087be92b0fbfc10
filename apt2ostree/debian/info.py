"""What dpkg keeps of an unpacked package under /var/lib/dpkg/info.

Every control file but `control` itself, the list of the package's paths, and md5 sums,
which dpkg computes where the package brings none. Names start with the package's name, or
with `NAME:ARCH` where several architectures may be installed (`Multi-Arch: same`).
Source: dpkg(1), and what dpkg --unpack writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apt2ostree.deb.package import ControlFile
from apt2ostree.debian.control import parse_stanza
from apt2ostree.debian.relations import RelationError, parse_relations
from apt2ostree.errors import UserError

_REQUIRED = {
    "Package": re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*"),
    "Version": re.compile(r"([0-9]{1,9}:[0-9][A-Za-z0-9.+:~-]*|[0-9][A-Za-z0-9.+~-]*)(?<!-)"),
    "Architecture": re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*"),
}
"""Fields that every package has (Policy §5.3), and what dpkg allows in them."""
_MULTI_ARCH = ("", "no", "same", "foreign", "allowed")
_RELATIONS = (
    *("Depends", "Pre-Depends", "Recommends", "Suggests", "Enhances"),
    *("Conflicts", "Breaks", "Replaces", "Provides"),
)
_OF_THE_DATABASE = {
    "conffiles",
    "config-version",
    "status",
    "triggers-awaited",
    "triggers-pending",
}

_REMOVE = "remove-on-upgrade "

INFO_DIRECTORY = "var/lib/dpkg/info"


def prefix(fields: Mapping[str, str]) -> str:
    """What the names of a package's info files start with.

    Args:
        fields: the package's control fields.
    """
    name = fields["Package"].lower()
    return f"{name}:{fields['Architecture']}" if fields.get("Multi-Arch") == "same" else name


@dataclass(frozen=True)
class Conffile:
    """A line of `conffiles`.

    Attributes:
        path: absolute.
        remove_on_upgrade: the package no longer ships it, and dpkg is to remove it.
    """

    path: str
    remove_on_upgrade: bool = False


def conffiles(control: Mapping[str, ControlFile]) -> list[Conffile]:
    """What `conffiles` lists, in order (deb-conffiles(5)).

    Raises:
        UserError: a line that has no absolute path, or one that goes up again.
    """
    if "conffiles" not in control:
        return []
    listed = []
    text = control["conffiles"].data.decode("utf-8", "surrogateescape")
    for number, line in enumerate(text.split("\n"), 1):
        path = line.strip().removeprefix(_REMOVE)
        if path and not path.startswith("/"):
            raise UserError(f"conffiles, line {number}: expected an absolute path, got {path!a}")
        if ".." in path.split("/"):
            raise UserError(f"conffiles, line {number}: {path!a} has a component '..'")
        if path:
            listed.append(Conffile(path, line.strip().startswith(_REMOVE)))
    return listed


def conffile_state(conffile: Conffile, md5s: Mapping[str, str]) -> str:
    """What the status file has of a conffile: its md5, and what dpkg has to do about it.

    Args:
        conffile: the conffile.
        md5s: path, without the first slash, → md5 of the package's files.
    """
    if conffile.remove_on_upgrade:
        return f"newconffile {_REMOVE.rstrip()}"
    return md5s.get(conffile.path[1:], "newconffile")


def control_fields(control: Mapping[str, ControlFile]) -> dict[str, str]:
    """The fields of the `control` file.

    Raises:
        UserError: malformed, or a required field is missing (Policy §5.3).
    """
    text = control["control"].data.decode("utf-8", "surrogateescape")
    fields = parse_stanza(text, "control file")
    for name, pattern in _REQUIRED.items():
        if not fields.get(name):
            raise UserError(f"control file: no field {name}")
        if not pattern.fullmatch(fields[name]):
            raise UserError(f"control file: {name} {fields[name][:60]!a} is none that dpkg allows")
    if fields.get("Multi-Arch", "") not in _MULTI_ARCH:
        raise UserError(
            f"control file: Multi-Arch {fields['Multi-Arch'][:60]!a}: expected no, same, foreign "
            "or allowed"
        )
    for name in _RELATIONS:
        _check_relations(name, fields.get(name, ""))
    for name in fields:
        if name.startswith("-"):
            raise UserError(f"control file: field {name!a}: a name cannot start with a hyphen")
        if name.lower() in _OF_THE_DATABASE:
            raise UserError(
                f"control file: field {name} is of dpkg's own database, and not for packages"
            )
    return fields


def _check_relations(name: str, value: str) -> None:
    """Refuse what dpkg cannot read: it would refuse the whole database for it."""
    try:
        parse_relations(value)
    except RelationError as error:
        raise UserError(f"control file: {name}: {error}") from None
    if value and not all(item.strip() for item in value.split(",")):
        raise UserError(f"control file: {name}: expected a package between two commas, and after")


def files(
    fields: Mapping[str, str],
    control: Mapping[str, ControlFile],
    listed: Sequence[str],
    md5s: Mapping[str, str],
) -> dict[str, ControlFile]:
    """Return the files that belong under the info directory, by name.

    Args:
        fields: the package's control fields.
        control: its control files.
        listed: its paths, in the order of data.tar, the root being empty.
        md5s: path → md5 of its regular files; only used where the package has no `md5sums`.
    """
    start = prefix(fields)
    result = {f"{start}.{name}": file for name, file in control.items() if name != "control"}
    result[f"{start}.list"] = ControlFile(0o644, file_list(listed))
    if "md5sums" not in control:
        text = "".join(f"{md5}  {path}\n" for path, md5 in md5s.items())
        result[f"{start}.md5sums"] = ControlFile(0o644, _bytes(text))
    return dict(sorted(result.items()))


def file_list(listed: Sequence[str]) -> bytes:
    """The content of `PKG.list`: absolute paths, the root as `/.`."""
    return _bytes("".join(f"/{path or '.'}\n" for path in listed))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
