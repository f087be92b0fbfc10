"""Pins: which version of a package is its candidate.

The format and the meaning are those of apt_preferences(5): records of Package, Pin and
Pin-Priority. Where apt only warns about a record and drops it (an unknown kind of pin, a version
pin for ``Package: *``), reading it is an error here: a pin that silently does nothing is worse.

There is no installed system when a lock is resolved, so nothing is ever a downgrade, and a
priority of 1000 or more differs from 500 by being higher alone.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Callable

from apt2ostree.debian.control import MalformedLineError, read_fields, split_stanzas
from apt2ostree.debian.index import Origin, Package
from apt2ostree.errors import UserError

# Priorities that apt gives without a pin (apt_preferences(5), "Default Priority Assignments").
TARGET_RELEASE = 990
DEFAULT = 500
BUT_AUTOMATIC_UPGRADES = 100
NOT_AUTOMATIC = 1

_LIMIT = 32767
_RELEASE_FACTS: dict[str, Callable[[Origin], str]] = {
    "a": lambda origin: origin.release.suite,
    "n": lambda origin: origin.release.codename,
    "c": lambda origin: origin.component,
    "o": lambda origin: origin.release.origin,
    "l": lambda origin: origin.release.label,
    "v": lambda origin: origin.release.version,
    "b": lambda origin: origin.architecture,
}


class PreferencesError(UserError):
    """A record of a preferences file that means nothing; the message names file and line."""


@dataclass(frozen=True)
class Pin:
    """One record: `packages` (patterns), the pin's `kind` and `data`, and the `priority`.

    `kind` is ``release``, ``origin`` or ``version``; `where` is the record's file and line.
    """

    packages: tuple[str, ...]
    kind: str
    data: str
    priority: int
    where: str = ""

    @property
    def general(self) -> bool:
        """Whether this is the general form, ``Package: *``: it speaks of indexes."""
        return self.packages == ("*",)

    def matches_origin(self, origin: Origin) -> bool:
        """Whether a release or origin pin speaks of this index."""
        if self.kind == "origin":
            return _expression_matches(self.data.strip('"'), origin.site)
        return self.kind == "release" and _release_matches(self.data, origin)

    def matches_package(self, package: Package, native: str) -> bool:
        """Whether a specific pin speaks of this version of this package."""
        if not any(_pattern_matches(pattern, package, native) for pattern in self.packages):
            return False
        if self.kind == "version":
            return _version_matches(self.data, package.version)
        return any(map(self.matches_origin, package.origins))


class Preferences:
    """The pins in force, in their order, and the target release (``apt-get -t``), if any."""

    def __init__(self, pins: Iterable[Pin] = (), target_release: str = "") -> None:
        self.target_release = target_release
        pins = tuple(pins)
        self._general = tuple(pin for pin in pins if pin.general)
        self._specific = tuple(pin for pin in pins if not pin.general)
        self._origins: dict[Origin, tuple[int, str]] = {}

    def priority(self, package: Package, native: str) -> int:
        """The priority of a version; `native` is the architecture that patterns mean."""
        return self.reasoned_priority(package, native)[0]

    def reasoned_priority(self, package: Package, native: str) -> tuple[int, str]:
        """The priority and where it comes from, for messages."""
        for pin in self._specific:
            if pin.matches_package(package, native):
                return pin.priority, f"pinned at {pin.where}"
        if not package.origins:
            return DEFAULT, "the default"
        return max(self._origin_priority(origin) for origin in package.origins)

    def _origin_priority(self, origin: Origin) -> tuple[int, str]:
        known = self._origins.get(origin)
        if known is None:
            known = self._origins[origin] = self._find_origin_priority(origin)
        return known

    def _find_origin_priority(self, origin: Origin) -> tuple[int, str]:
        if self.target_release and _release_matches(self.target_release, origin):
            return TARGET_RELEASE, f"{origin.suite} is the target release"
        for pin in self._general:
            if pin.matches_origin(origin):
                return pin.priority, f"pinned at {pin.where}"
        if origin.release.not_automatic and origin.release.but_automatic_upgrades:
            return BUT_AUTOMATIC_UPGRADES, f"{origin.suite} is not automatic"
        if origin.release.not_automatic:
            return NOT_AUTOMATIC, f"{origin.suite} is not automatic"
        return DEFAULT, "the default"


def origin_in_release(origin: Origin, release: str) -> bool:
    """Whether an index belongs to a release as ``apt-get install PACKAGE/RELEASE`` means it."""
    return _release_matches(release, origin)


def parse_preferences(text: str, filename: str) -> list[Pin]:
    """Read a preferences file; raises PreferencesError, with file and line."""
    pins = []
    for line, record in _records(text, filename):
        where = f"{filename}:{line}"
        pins.append(_pin(record, where))
    return pins


def _records(text: str, filename: str) -> Iterable[tuple[int, dict[str, str]]]:
    """Yield each record with the number of its first line; comments are dropped."""
    try:
        for stanza in split_stanzas(text):
            fields = list(read_fields(stanza))
            yield (
                fields[0][0],
                {
                    name.strip().lower(): " ".join(line.strip() for line in lines)
                    for _, name, lines in fields
                },
            )
    except MalformedLineError as error:
        found = f"expected 'Field: value', found {error.line[:60]!r}"
        why = "a continuation line of nothing" if error.line[0] in " \t" else found
        raise PreferencesError(f"{filename}:{error.number}: {why}") from None


def _pin(record: dict[str, str], where: str) -> Pin:
    for field in ("Package", "Pin", "Pin-Priority"):
        if not record.get(field.lower()):
            raise PreferencesError(f"{where}: the record has no {field} field")
    packages = tuple(record["package"].split())
    kind, _, data = record["pin"].partition(" ")
    data = data.strip()
    if kind not in ("release", "origin", "version"):
        raise PreferencesError(
            f"{where}: unknown pin {record['pin']!r}; "
            "expected 'release …', 'origin \"HOST\"' or 'version …'"
        )
    if kind != "origin" and not data:
        raise PreferencesError(f"{where}: the pin {kind!r} says nothing; what should it match?")
    if kind == "version" and packages == ("*",):
        raise PreferencesError(
            f"{where}: a version pin needs names of packages; 'Package: *' takes "
            "'Pin: release …' or 'Pin: origin …'"
        )
    try:
        priority = int(record["pin-priority"])
    except ValueError:
        priority = 0
    if priority == 0 or abs(priority) > _LIMIT:
        raise PreferencesError(
            f"{where}: Pin-Priority {record['pin-priority']!r} is not a number between "
            f"-{_LIMIT} and {_LIMIT} other than 0"
        )
    pin = Pin(packages, kind, data, priority, where)
    _check_expressions(pin)
    return pin


def _check_expressions(pin: Pin) -> None:
    for expression in (*map(_name_of, pin.packages), pin.data):
        if _is_regex(expression):
            try:
                _regex(expression)
            except re.error as error:
                raise PreferencesError(
                    f"{pin.where}: {expression} is not a regular expression: {error}"
                ) from error


def _release_matches(data: str, origin: Origin) -> bool:
    """Match ``a=stable, o=Debian`` or, as a short form, a suite, codename or version."""
    if "=" not in data:
        if data[:1].isdigit():
            return _expression_matches(data, origin.release.version)
        return _expression_matches(data, origin.release.suite) or _expression_matches(
            data, origin.release.codename
        )
    # Of several conditions of one kind the last one counts: what a dict does.
    conditions = dict(part.strip().partition("=")[::2] for part in data.split(","))
    return all(
        _expression_matches(wanted, _RELEASE_FACTS[kind](origin))
        for kind, wanted in conditions.items()
        if kind in _RELEASE_FACTS
    )


def _pattern_matches(pattern: str, package: Package, native: str) -> bool:
    """Match ``name``, ``glob*``, ``/regex/``, each after ``src:`` and before ``:arch`` or not."""
    architecture = native if package.architecture == "all" else package.architecture
    wanted = _architecture_of(pattern) or "native"
    if wanted not in ("any", architecture) and not (wanted == "native" and architecture == native):
        return False
    name = _name_of(pattern)
    subject = package.source[0] if pattern.startswith("src:") else package.name
    if _is_regex(name) or any(character in name for character in "*?["):
        return _expression_matches(name, subject)
    return name == subject


def _name_of(pattern: str) -> str:
    name = pattern[4:] if pattern.startswith("src:") else pattern
    architecture = _architecture_of(pattern)
    return name[: -len(architecture) - 1] if architecture else name


def _architecture_of(pattern: str) -> str:
    name = pattern[4:] if pattern.startswith("src:") else pattern
    end = name.rfind("/") if name.startswith("/") else 0
    return name[end:].rpartition(":")[2] if ":" in name[end:] else ""


def _version_matches(wanted: str, version: str) -> bool:
    if wanted.endswith("*") and version.startswith(wanted[:-1]):
        return True
    return wanted == version or _expression_matches(wanted, version)


def _expression_matches(expression: str, subject: str) -> bool:
    """Match a glob(7) or, between slashes, a regular expression, whatever the case."""
    if _is_regex(expression):
        return _regex(expression).search(subject) is not None
    return fnmatch.fnmatchcase(subject.lower(), expression.lower())


def _is_regex(expression: str) -> bool:
    return len(expression) > 1 and expression.startswith("/") and expression.endswith("/")


@lru_cache(maxsize=256)
def _regex(expression: str) -> re.Pattern[str]:
    return re.compile(expression[1:-1], re.IGNORECASE)
