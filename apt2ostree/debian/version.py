"""Debian version numbers, ordered as dpkg orders them.

The format and the order are those of deb-version(7) and Debian Policy 5.6.12:
``[epoch:]upstream-version[-debian-revision]``. What dpkg refuses is refused here, with
:class:`VersionError`; what dpkg only warns about (a version that does not begin with a digit,
characters outside the policy's set) is compared, because archives contain such versions.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Callable

from apt2ostree.errors import UserError

VersionKey = tuple[int, tuple["str | int", ...], tuple["str | int", ...]]
"""A sortable form of a version: ``key(a) < key(b)`` exactly when dpkg says ``a lt b``."""

_EPOCH_MAX = 2**31 - 1
_PARTS = re.compile(r"([^0-9]*)([0-9]*)")
# In a non-digit part "~" sorts before the end, the end before letters, and letters before
# everything else. The end is written as a character of its own, so that plain string
# comparison gives this order.
_END = "\2"
_ORDER = {
    code: 1 if chr(code) == "~" else code if chr(code).isalpha() else code + 256
    for code in range(128)
}
_OPERATORS: dict[str, Callable[[VersionKey, VersionKey], bool]] = {
    "<<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    ">=": lambda a, b: a >= b,
    ">>": lambda a, b: a > b,
}


class VersionError(UserError):
    """A string that dpkg refuses as a version number."""

    def __init__(self, version: str, reason: str) -> None:
        super().__init__(f"{version!r} is not a Debian version number: {reason}")


def compare(a: str, b: str) -> int:
    """Return -1, 0 or 1 as version `a` is older than, equal to or newer than `b`.

    Raises VersionError if either is not a version.
    """
    key_a, key_b = key(a), key(b)
    return (key_a > key_b) - (key_a < key_b)


def satisfies(version: str, operator: str, wanted: str) -> bool:
    """Tell whether `version` meets ``(operator wanted)``, as in a relationship field.

    `operator` is one of ``<<  <=  =  >=  >>`` (Policy 7.1); another one raises ValueError.
    """
    try:
        holds = _OPERATORS[operator]
    except KeyError:
        known = " ".join(_OPERATORS)
        raise ValueError(
            f"unknown version operator {operator!r}; expected one of {known}"
        ) from None
    return holds(key(version), key(wanted))


@lru_cache(maxsize=1 << 17)
def key(version: str) -> VersionKey:
    """Return the sortable form of `version`; raises VersionError."""
    epoch, upstream, revision = split(version)
    return epoch, _part_key(upstream), _part_key(revision)


def split(version: str) -> tuple[int, str, str]:
    """Split a version into epoch (0 if absent), upstream version and revision ("" if absent).

    Blanks around the version are ignored, as dpkg does. Raises VersionError.
    """
    text = version.strip(" \t\n")
    if not text:
        raise VersionError(version, "it is empty")
    if " " in text or "\t" in text:
        raise VersionError(version, "it contains a space")
    epoch = 0
    head, colon, rest = text.partition(":")
    if colon:
        digits = head[1:] if head.startswith("+") else head
        if not (digits.isascii() and digits.isdigit()):
            raise VersionError(version, "the epoch before ':' is not a number")
        epoch = _number(digits)
        if epoch > _EPOCH_MAX:
            raise VersionError(version, "the epoch is too big")
        if not rest:
            raise VersionError(version, "nothing follows the ':'")
        text = rest
    upstream, hyphen, revision = text.rpartition("-")
    if not hyphen:
        return epoch, text, ""
    if not revision:
        raise VersionError(version, "nothing follows the last '-'")
    if not upstream:
        raise VersionError(version, "the upstream version is empty")
    return epoch, upstream, revision


def _part_key(part: str) -> tuple[str | int, ...]:
    """Return the key of an upstream version or a revision: text, number, text … text.

    An absent number counts as 0 and the key ends in an empty text, so that "" equals "0" and
    "1~" sorts before "1".
    """
    result: list[str | int] = []
    for text, digits in _PARTS.findall(part):
        if text or digits or not result:
            result.append(text.translate(_ORDER) + _END)
            result.append(_number(digits))
    result.append(_END)
    return tuple(result)


def _number(digits: str) -> int:
    """Convert digits to a number, in chunks: Python refuses thousands of digits in one go."""
    value = 0
    for start in range(0, len(digits), 4000):
        chunk = digits[start : start + 4000]
        value = value * 10 ** len(chunk) + int(chunk)
    return value
