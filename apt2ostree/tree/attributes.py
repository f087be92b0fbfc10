"""What a user says of the files of a tree: owner, group, mode, extended attributes."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from apt2ostree.errors import UserError
from apt2ostree.tree import capabilities, globs

_MODE = re.compile(r"[0-7]{3,5}")


@dataclass(frozen=True)
class Attributes:
    """Attributes of some paths; what is empty leaves things as they are.

    Attributes:
        owner: a user, by name or number.
        group: a group, by name or number.
        mode: permission bits, octal text.
        xattrs: extended attributes by full name.
    """

    owner: str = ""
    group: str = ""
    mode: str = ""
    xattrs: Mapping[str, bytes] = field(default_factory=dict)

    def over(self, other: Attributes) -> Attributes:
        """These, and where they say nothing, the `other` ones."""
        return Attributes(
            self.owner or other.owner,
            self.group or other.group,
            self.mode or other.mode,
            {**other.xattrs, **self.xattrs},
        )


@dataclass(frozen=True)
class Rule:
    """Attributes of the paths that a pattern matches.

    Attributes:
        pattern: see `globs`.
        attributes: theirs.
    """

    pattern: str
    attributes: Attributes


class Rules:
    """Finds a path's attributes: of several rules that match, the later ones win."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._used: set[str] = set()

    def find(self, path: str) -> Attributes:
        """The attributes of a path, which may be empty."""
        found = Attributes()
        for rule in self._rules:
            if globs.compile_glob(rule.pattern).fullmatch(path):
                self._used.add(rule.pattern)
                found = rule.attributes.over(found)
        return found

    def check_all_used(self) -> None:
        """Raise a UserError if a pattern matched nothing."""
        unused = [rule.pattern for rule in self._rules if rule.pattern not in self._used]
        if unused:
            raise UserError(
                f"attributes: {', '.join(map(repr, unused))} matches no path of the tree"
            )


def parse(text: str) -> Attributes:
    """Read the JSON that the Starlark function `tree_attributes` writes.

    Raises:
        UserError: a malformed value.
    """
    data = json.loads(text)
    xattrs = {name: _xattr_value(name, value) for name, value in data["xattrs"].items()}
    if data["capabilities"]:
        xattrs[capabilities.ATTRIBUTE] = capabilities.encode(data["capabilities"])
    return Attributes(data["owner"], data["group"], check_mode(data["mode"]), xattrs)


def check_mode(mode: str) -> str:
    """Return the mode in four digits, or empty.

    Raises:
        UserError: not octal, or more than permission bits.
    """
    if not mode:
        return ""
    if not _MODE.fullmatch(mode) or int(mode, 8) > 0o7777:
        raise UserError(f"mode {mode!r}: expected permission bits in octal, such as '0644'")
    return f"{int(mode, 8):04o}"


def _xattr_value(name: str, value: str) -> bytes:
    """As setfattr(1) reads it: 0x… is hexadecimal, 0s… is base64, all else is text."""
    if "." not in name.strip("."):
        raise UserError(f"extended attribute {name!r}: expected a namespace, as in 'user.{name}'")
    try:
        if value[:2] in ("0x", "0X"):
            return bytes.fromhex(value[2:])
        if value[:2] in ("0s", "0S"):
            return base64.b64decode(value[2:], validate=True)
    except (ValueError, binascii.Error) as error:
        raise UserError(f"extended attribute {name}: {value!r}: {error}") from None
    return value.encode("utf-8")


def rules(pairs: Iterable[tuple[str, str]]) -> Rules:
    """Make rules of (pattern, JSON) pairs."""
    found = []
    for pattern, text in pairs:
        globs.compile_glob(pattern)
        try:
            found.append(Rule(pattern, parse(text)))
        except UserError as error:
            raise UserError(f"attributes of {pattern!r}: {error}") from None
    return Rules(found)
