"""The manifest: what a tree holds, in one JSON file of kilobytes.

    {
    "format": "apt2ostree-manifest/1",
    "dirtree": "…", "dirmeta": "…",
    "packages": [{…}],
    "directories": {
    "": {"mode": "0755", "uid": 0, "gid": 0, "files": {}},
    "usr/bin": {"mode": "0755", "uid": 0, "gid": 0, "files": {
        "dash": ["file", "0755", 0, 0, 125560, "<checksum>"],
        "sh": ["symlink", "0777", 0, 0, "dash", "<checksum>"]}}
    }
    }

Directories are listed by path relative to the root, parents before children (they are
sorted by their components). A file's row is type, mode, owner, group, then

| type | then |
|---|---|
| `file` | size in bytes, checksum of the content object |
| `symlink` | target, checksum of the content object |
| `character device`, `block device` | major, minor |
| `fifo` | nothing |

and at the end, where there are any, extended attributes as an object of base64 texts
(directories: a key `xattrs`). A directory that only exists because something lies below
it, and that no package shipped, is marked `"implicit": true`.

Beside these, where there are any: `"texts"`, path → content of the few files that composing
has to read (`KEPT_TEXTS`), and `"users"` and `"groups"`, what the tree adds to the image's
passwd and group (see `accounts`), and `"metadata"`, what the image's commit says of it.

One line per directory, so that text tools can compare two manifests. A name that is not
UTF-8 is kept with surrogate escapes (PEP 383).

Rows stay plain lists here rather than objects: an image has a hundred thousand of them
and composing only moves them about.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apt2ostree.errors import UserError

FORMAT = "apt2ostree-manifest/1"

KEPT_TEXTS = frozenset(
    {
        "etc/group",
        "etc/gshadow",
        "etc/passwd",
        "etc/shadow",
        "usr/share/base-passwd/group.master",
        "usr/share/base-passwd/passwd.master",
    }
)
"""Paths of files whose text the manifest keeps, so that names of owners can be resolved and
users added without reading content objects."""
MAX_TEXT = 1 << 20
"""Bytes that such a file may have."""

_LENGTHS = {"file": 6, "symlink": 6, "character device": 6, "block device": 6, "fifo": 4}
"""Values in a row of each type, without the extended attributes."""

PackageKey = tuple[str, str]
"""What identifies a package within an image: name and architecture."""

UNPACKED = "install ok unpacked"
INSTALLED = "install ok installed"

Row = list[Any]
"""A file: see the module's description."""
TYPE, MODE, UID, GID, SIZE, CHECKSUM = range(6)
"""What stands where in the row of a file."""
TARGET = SIZE
"""A symlink's, where a file has its size."""


@dataclass
class Directory:
    """A directory and what lies directly in it, its subdirectories apart.

    Attributes:
        mode: permission bits as octal text, `"0755"`.
        uid: numeric owner.
        gid: numeric group.
        files: name → row.
        xattrs: name → base64 text.
        implicit: nothing shipped it; it is there because something lies below it.
    """

    mode: str = "0755"
    uid: int = 0
    gid: int = 0
    files: dict[str, Row] = field(default_factory=dict)
    xattrs: Mapping[str, str] | None = None
    implicit: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object, keys that say nothing left out."""
        data: dict[str, Any] = {"mode": self.mode, "uid": self.uid, "gid": self.gid}
        if self.xattrs:
            data["xattrs"] = self.xattrs
        if self.implicit:
            data["implicit"] = True
        data["files"] = self.files
        return data


@dataclass(frozen=True)
class PackageRecord:
    """What dpkg's database needs of one package; another one is made where it changes.

    Attributes:
        name: of the package.
        version: in full, with epoch.
        architecture: `amd64`, …, or `all`.
        control: the control file's text.
        conffiles: (absolute path, what the status file has of it: the content's md5, or
            `newconffile` where the package ships none), in the order of `conffiles`.
        triggers: the `triggers` control file's text, or empty.
        info: name under `/var/lib/dpkg/info` → row; the objects are in the tree's tar.
        status: the three words of dpkg's `Status` field.
        automatic: nobody asked for it: apt may remove it when nothing needs it any more.
        diverts: its preinst calls dpkg-divert(1).
    """

    name: str
    version: str
    architecture: str
    control: str
    conffiles: Sequence[Sequence[str]] = field(default_factory=list)
    triggers: str = ""
    info: Mapping[str, Row] = field(default_factory=dict)
    status: str = UNPACKED
    automatic: bool = False
    diverts: bool = False

    @property
    def installed(self) -> bool:
        """Whether it is configured, too."""
        return self.status == INSTALLED

    @property
    def key(self) -> PackageKey:
        """What identifies the package within an image."""
        return self.name, self.architecture


@dataclass(frozen=True)
class User:
    """A line of passwd(5).

    Attributes:
        uid: numeric id.
        group: name of the primary group; empty: the group of the same name, made with the
            gid that equals `uid`.
        home: home directory.
        shell: login shell.
        comment: full name and such (GECOS).
    """

    uid: int
    group: str = ""
    home: str = "/nonexistent"
    shell: str = "/usr/sbin/nologin"
    comment: str = ""


@dataclass(frozen=True)
class Group:
    """A line of group(5).

    Attributes:
        gid: numeric id; `None` for a group that the image has already.
        members: names of users.
    """

    gid: int | None = None
    members: tuple[str, ...] = ()


@dataclass
class Manifest:
    """A tree: see the module's description.

    Attributes:
        directories: path → directory.
        packages: those whose files the tree holds.
        dirtree: checksum of the root directory's dirtree object.
        dirmeta: checksum of the root directory's dirmeta object.
        texts: path → content, of those of `KEPT_TEXTS` that the tree has.
        users: name → what the tree adds to the image's passwd.
        groups: name → what it adds to the image's group.
        diverted: files of which two packages have one, and the preinst of one of them makes room
            for its own: where that one is, where the other's is, the name of the package.
        metadata: of an image that is laid out to boot (see `device/layout`): key → what its
            commit's metadata has there, too.
    """

    directories: dict[str, Directory]
    packages: list[PackageRecord] = field(default_factory=list)
    dirtree: str = ""
    dirmeta: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    diverted: list[tuple[str, str, str]] = field(default_factory=list)
    metadata: dict[str, str | bool] = field(default_factory=dict)

    def checksums(self) -> Iterator[str]:
        """Yield the checksum of every content object, repeated where files are equal."""
        for directory in self.directories.values():
            for row in directory.files.values():
                if row[TYPE] in ("file", "symlink"):
                    yield row[CHECKSUM]

    def dump(self) -> str:
        """Return the JSON text."""
        lines = [
            '{\n"format": ' + json.dumps(FORMAT),
            f',\n"dirtree": "{self.dirtree}",\n"dirmeta": "{self.dirmeta}"',
            ',\n"packages": ['
            + ",\n".join(json.dumps(vars(package)) for package in self.packages)
            + "]",
            *(
                f',\n"{key}": ' + json.dumps(value, sort_keys=True)
                for key, value in self._extras().items()
                if value
            ),
            ',\n"directories": {\n',
            ",\n".join(
                json.dumps(path) + ": " + json.dumps(self.directories[path].to_json())
                for path in sorted(self.directories, key=components)
            ),
            "\n}\n}\n",
        ]
        return "".join(lines)

    def _extras(self) -> dict[str, Any]:
        return {
            "texts": self.texts,
            "users": {name: vars(user) for name, user in self.users.items()},
            "groups": {name: vars(group) for name, group in self.groups.items()},
            "diverted": self.diverted,
            "metadata": self.metadata,
        }

    def row(self, path: str) -> Row | None:
        """The row of the file at `path`, if there is one."""
        above, _, name = path.rpartition("/")
        directory = self.directories.get(above)
        return directory.files.get(name) if directory else None


def components(path: str) -> list[str]:
    """The key that sorts paths so that a directory comes right before what it holds."""
    return path.split("/") if path else []


def load(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        UserError: the file is not one, or of another format version.
    """
    try:
        data = json.loads(path.read_bytes())
        if data["format"] != FORMAT:
            raise UserError(
                f"{path}: format {data['format']!r}, expected {FORMAT!r}: build it again"
            )
        directories = {key: Directory(**value) for key, value in data["directories"].items()}
        _check_rows(directories)
        return Manifest(
            directories=directories,
            packages=[PackageRecord(**package) for package in data["packages"]],
            dirtree=data["dirtree"],
            dirmeta=data["dirmeta"],
            texts=data.get("texts", {}),
            users={key: User(**value) for key, value in data.get("users", {}).items()},
            groups={
                key: Group(value["gid"], tuple(value["members"]))
                for key, value in data.get("groups", {}).items()
            },
            diverted=[(path, aside, name) for path, aside, name in data.get("diverted", [])],
            metadata=data.get("metadata", {}),
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(f"{path}: not a manifest of apt2ostree: {error!r}") from error


def _check_rows(directories: Mapping[str, Directory]) -> None:
    """Refuse rows that are too short or too long, where whoever reads them would fall over."""
    for path, directory in directories.items():
        for name, row in directory.files.items():
            length = len(row) - isinstance(row[-1], dict)
            if _LENGTHS.get(row[0]) != length:
                raise ValueError(f"/{path}/{name}: the row of a {row[0]} with {length} values")


def encode_xattrs(xattrs: Mapping[str, bytes]) -> dict[str, str]:
    """Extended attributes as JSON has them."""
    return {name: base64.b64encode(xattrs[name]).decode("ascii") for name in sorted(xattrs)}


def decode_xattrs(xattrs: Mapping[str, str] | None) -> dict[str, bytes]:
    """Extended attributes out of JSON."""
    return {name: base64.b64decode(value) for name, value in (xattrs or {}).items()}


def row_xattrs(row: Row) -> dict[str, bytes]:
    """The extended attributes of a file's row."""
    return decode_xattrs(row[-1]) if has_xattrs(row) else {}


def has_xattrs(row: Row) -> bool:
    """Whether a file's row ends in extended attributes."""
    return isinstance(row[-1], dict)
