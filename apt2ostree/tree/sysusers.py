"""Users and groups as lines of sysusers.d(5), with their numbers.

    g _ssh 101
    u sshd 102:nogroup "" /run/sshd /usr/sbin/nologin
    m www-data ssl-cert

`u NAME UID:GROUP "COMMENT" HOME SHELL`, `g NAME GID`, and `m USER GROUP` for members besides
those whose primary group it is. `-` stands for an empty field, and `%%` for `%`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from apt2ostree.errors import UserError
from apt2ostree.tree.manifest import Group, User

_FORMS = {
    "g": "g NAME GID",
    "m": "m USER GROUP",
    "u": 'u NAME UID:GROUP "COMMENT" HOME SHELL',
}


@dataclass
class Declared:
    """Users and groups by name, as `accounts.add` takes them."""

    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)


def parse(text: str, where: str) -> Declared:
    """Read lines.

    Args:
        text: of the file.
        where: what errors call it.

    Raises:
        UserError: a line of another form, a name or an id given twice.
    """
    found = Declared()
    members: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        place = f"{where}:{number}"
        fields = _split(line, place)
        kind = fields[0]
        if kind == "u":
            name, user = _user(fields, place)
            _once(name, found.users, "user", place)
            _free(user.uid, {other: u.uid for other, u in found.users.items()}, place)
            found.users[name] = user
        elif kind == "g":
            name, gid = _fields(fields, 3, place)[1], _number(fields[2], place)
            _once(name, found.groups, "group", place)
            _free(gid, {other: g.gid for other, g in found.groups.items()}, place)
            found.groups[name] = Group(gid)
        elif kind == "m":
            _, user_name, group = _fields(fields, 3, place)
            members.setdefault(group, []).append(user_name)
        else:
            raise _form(place, line, _FORMS.values())
    for group, names in members.items():
        known = found.groups.get(group, Group())
        found.groups[group] = Group(known.gid, tuple(names))
    return found


def dump(declared: Declared) -> str:
    """The lines: groups, users, members, each by number or name."""
    groups, users = declared.groups, declared.users
    lines = [
        f"g {name} {group.gid}"
        for name, group in sorted(groups.items(), key=lambda item: (item[1].gid or 0, item[0]))
        if group.gid is not None
    ]
    for name, user in sorted(users.items(), key=lambda item: (item[1].uid, item[0])):
        rest = " ".join(map(_quoted, (user.comment, user.home, user.shell)))
        lines.append(f"u {name} {user.uid}:{user.group or name} {rest}")
    lines += [f"m {name} {group}" for group in sorted(groups) for name in groups[group].members]
    return "".join(f"{line}\n" for line in lines)


def of_texts(texts: Mapping[str, str]) -> Declared:
    """The users and groups of an image, but for those that every Debian has with fixed ids.

    Args:
        texts: path → content, as in `Manifest.texts`; base-passwd's lists say which are fixed.
    """
    fixed_users = set(_entries(texts.get("usr/share/base-passwd/passwd.master", "")))
    fixed_groups = set(_entries(texts.get("usr/share/base-passwd/group.master", "")))
    users = _entries(texts.get("etc/passwd", ""))
    groups = _entries(texts.get("etc/group", ""))
    names = {fields[1]: name for name, fields in reversed(groups.items())}
    found = Declared()
    for name, fields in users.items():
        _, uid, gid, comment, home, shell = fields[:6]
        if name not in fixed_users and name != "root":
            group = names.get(gid, gid)
            own = group == name and gid == uid
            found.users[name] = User(int(uid), "" if own else group, home, shell, comment)
    for name, fields in groups.items():
        fixed = name in fixed_groups or name == "root"
        new = tuple(member for member in fields[2].split(",") if member)
        if not fixed or new:
            found.groups[name] = Group(None if fixed else int(fields[1]), new)
    return found


def _entries(text: str) -> dict[str, list[str]]:
    """Name → the other fields, of passwd or group; what is no entry is left out."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= 4 and line[:1] not in ("#", "+", "-"):
            found.setdefault(fields[0], fields[1:])
    return found


def _split(line: str, place: str) -> list[str]:
    try:
        return [text.replace("%%", "%") for text in shlex.split(line)]
    except ValueError as error:
        raise UserError(f"{place}: {error}: {line[:80]!r}") from None


def _user(fields: list[str], place: str) -> tuple[str, User]:
    _, name, ids, comment, home, shell = ("" if f == "-" else f for f in _fields(fields, 6, place))
    uid, colon, group = ids.partition(":")
    if not colon or not group:
        raise _form(place, " ".join(fields), [_FORMS["u"]])
    return name, User(_number(uid, place), "" if group == name else group, home, shell, comment)


def _fields(fields: list[str], count: int, place: str) -> list[str]:
    if len(fields) != count:
        raise _form(place, " ".join(fields), [_FORMS[fields[0]]])
    return fields


def _form(place: str, line: str, forms: Iterable[str]) -> UserError:
    return UserError(f"{place}: expected {' or '.join(forms)}, got {line[:80]!r}")


def _number(text: str, place: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UserError(f"{place}: expected an id, got {text!r}")
    return int(text)


def _once(name: str, known: Mapping[str, object], kind: str, place: str) -> None:
    if name in known:
        raise UserError(f"{place}: the {kind} {name} is in the file twice")


def _free(number: int, taken: Mapping[str, int | None], place: str) -> None:
    for other, value in taken.items():
        if value == number:
            raise UserError(f"{place}: the id {number} is {other}'s already")


def _quoted(text: str) -> str:
    text = text.replace("%", "%%")
    if not text or re.search(r"[\s\"'\\]", text):
        return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
    return text


def moved(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Yield what has another number in `new` than in `old`, each the texts of an image.

    Files in a device's /var, and on its other disks, keep the number that they have.
    """
    for path, kind in (("etc/passwd", "user"), ("etc/group", "group")):
        before, after = _entries(old.get(path, "")), _entries(new.get(path, ""))
        for name in sorted(before.keys() & after.keys()):
            was, is_ = before[name][1], after[name][1]
            if was != is_:
                yield f"{kind} {name}: its id was {was} and is {is_}"
