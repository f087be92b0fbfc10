"""Users and groups of an image: names to numbers, and adding some (passwd(5), group(5)).

The numbers come from the image's `/etc/passwd` and `/etc/group`. An image whose base-passwd
package is unpacked but not configured has none; there the lists count from which
base-passwd makes them, `/usr/share/base-passwd/{passwd,group}.master` (Policy §9.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from apt2ostree.errors import UserError
from apt2ostree.tree.manifest import Group, User

MAX_ID = (1 << 32) - 2
"""The largest id; the one above means "no change" to chown(2)."""
_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}\$?")
_MASTERS = {
    "etc/passwd": "usr/share/base-passwd/passwd.master",
    "etc/group": "usr/share/base-passwd/group.master",
}


@dataclass
class Accounts:
    """What names mean.

    Attributes:
        users: name → uid.
        groups: name → gid.
        source: where they are from, for errors.
    """

    users: dict[str, int] = field(default_factory=lambda: {"root": 0})
    groups: dict[str, int] = field(default_factory=lambda: {"root": 0})
    source: str = "the tree's own users and groups"

    def uid(self, owner: str) -> int:
        """The number of a user, given as a number or by name.

        Raises:
            UserError: unknown.
        """
        return self._resolve(owner, "user", self.users)

    def gid(self, group: str) -> int:
        """The number of a group, given as a number or by name."""
        return self._resolve(group, "group", self.groups)

    def _resolve(self, name: str, kind: str, known: Mapping[str, int]) -> int:
        if name.isascii() and name.isdigit():
            number = int(name)
            if number > MAX_ID:
                raise UserError(f"{kind} {name}: the largest id is {MAX_ID}")
            return number
        if name in known:
            return known[name]
        raise UserError(
            f"unknown {kind} {name!r}: {self.source} has no such {kind}; give a number, declare "
            f"it in `{kind}s`, or name the image that has it in `accounts`"
        )


def from_texts(texts: Mapping[str, str], source: str) -> Accounts:
    """The accounts of an image.

    Args:
        texts: path → content, as in `Manifest.texts`.
        source: what errors call the image.

    Raises:
        UserError: a malformed line.
    """
    return Accounts(
        users={"root": 0, **_ids(_text(texts, "etc/passwd") or "", f"{source}: /etc/passwd")},
        groups={"root": 0, **_ids(_text(texts, "etc/group") or "", f"{source}: /etc/group")},
        source=source,
    )


def declare(accounts: Accounts, users: Mapping[str, User], groups: Mapping[str, Group]) -> None:
    """Make the names of `users` and `groups` known.

    Raises:
        UserError: not a name, or an unknown primary group.
    """
    for name, group in groups.items():
        _check_name(name, "group")
        if group.gid is not None:
            accounts.groups[name] = group.gid
        elif name not in accounts.groups:
            raise UserError(
                f"group {name}: no gid given, and there is no such group in {accounts.source} to "
                "add members to: give a gid, or name in `accounts` an image that has the group"
            )
    for name, user in users.items():
        _check_name(name, "user")
        _check_fields(name, user)
        accounts.users[name] = user.uid
        if not user.group:
            accounts.groups.setdefault(name, user.uid)
        else:
            accounts.gid(user.group)


def add(
    texts: Mapping[str, str], users: Mapping[str, User], groups: Mapping[str, Group]
) -> dict[str, str]:
    """Return the account files that change when users and groups are added: path → content.

    Passwords are locked. An account that is there already must be the same.

    Args:
        texts: path → content, as in `Manifest.texts`.
        users: name → user.
        groups: name → group.

    Raises:
        UserError: no passwd to add to, an id or a name that is taken.
    """
    passwd, group_text = _text(texts, "etc/passwd"), _text(texts, "etc/group")
    if passwd is None or group_text is None:
        raise UserError(
            "users or groups are to be added, and the image has neither /etc/passwd and "
            "/etc/group nor the package base-passwd to make them: add it, or a layer with the files"
        )
    shadow, gshadow = texts.get("etc/shadow"), texts.get("etc/gshadow")
    accounts = from_texts(texts, "the image")
    before = Accounts(dict(accounts.users), dict(accounts.groups), accounts.source)
    declare(accounts, users, groups)
    wanted_groups = dict(groups)
    for name, user in users.items():
        if not user.group and name not in wanted_groups and name not in before.users:
            wanted_groups[name] = Group(user.uid)
    for name, group in sorted(wanted_groups.items()):
        if name not in before.groups:
            assert group.gid is not None
            _check_free(name, group.gid, "group", before.groups)
            group_text += f"{name}:x:{group.gid}:\n"
            gshadow = None if gshadow is None else f"{gshadow}{name}:!::\n"
            before.groups[name] = group.gid
        elif group.gid not in (None, before.groups[name]):
            raise UserError(
                f"group {name} with gid {group.gid}: the image has it with gid "
                f"{before.groups[name]}"
            )
    for name, user in sorted(users.items()):
        gid = accounts.gid(user.group or name)
        rest = f"{user.uid}:{gid}:{user.comment}:{user.home}:{user.shell}"
        if name in before.users:
            if f":{rest}\n" not in _line(passwd, name):
                raise UserError(f"user {name}: the image has it already, and with other fields")
            continue
        _check_free(name, user.uid, "user", before.users)
        passwd += f"{name}:{'*' if shadow is None else 'x'}:{rest}\n"
        shadow = None if shadow is None else f"{shadow}{name}:!*:::::::\n"
        before.users[name] = user.uid
    for name, group in sorted(groups.items()):
        for member in group.members:
            if member not in before.users:
                raise UserError(f"group {name}: unknown member {member!r}")
            group_text = _with_member(group_text, name, member)
            gshadow = None if gshadow is None else _with_member(gshadow, name, member)
    result = {"etc/passwd": passwd, "etc/group": group_text}
    if shadow is not None:
        result["etc/shadow"] = shadow
    if gshadow is not None:
        result["etc/gshadow"] = gshadow
    return {path: text for path, text in result.items() if texts.get(path) != text}


def _text(texts: Mapping[str, str], path: str) -> str | None:
    text = texts.get(path, texts.get(_MASTERS[path]))
    return text + "\n" if text and not text.endswith("\n") else text


def _ids(text: str, where: str) -> dict[str, int]:
    """Name → number, of passwd or group: both have it in the third field."""
    ids: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split(":")
        if not line.strip() or line[0] in "#+-":
            continue
        if len(fields) < 4 or not fields[2].isdigit():
            raise UserError(f"{where}:{number}: expected NAME:PASSWORD:ID:…, got {line[:60]!r}")
        ids.setdefault(fields[0], int(fields[2]))
    return ids


def _line(text: str, name: str) -> str:
    lines = (line for line in text.splitlines(keepends=True) if line.startswith(f"{name}:"))
    return next(lines, "")


def _with_member(text: str, group: str, member: str) -> str:
    line = _line(text, group)
    start, _, members = line.rstrip("\n").rpartition(":")
    if not line or member in members.split(","):
        return text
    return text.replace(line, f"{start}:{members}{',' if members else ''}{member}\n", 1)


def _check_free(name: str, number: int, kind: str, taken: Mapping[str, int]) -> None:
    owners: Iterable[str] = (other for other, value in taken.items() if value == number)
    for other in owners:
        raise UserError(f"{kind} {name}: the id {number} is {other}'s already; choose another")


def _check_name(name: str, kind: str) -> None:
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{kind} {name!r}: expected a name of lower-case letters, digits, '-' and '_', at "
            "most 32 characters"
        )


def _check_fields(name: str, user: User) -> None:
    if not 0 <= user.uid <= MAX_ID:
        raise UserError(f"user {name}: uid {user.uid} is not between 0 and {MAX_ID}")
    for value in (user.home, user.shell, user.comment):
        if ":" in value or "\n" in value:
            raise UserError(f"user {name}: {value!r} has a colon or a line end in it")
