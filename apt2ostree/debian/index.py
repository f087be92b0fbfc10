"""Packages indexes: fast to read, nothing lost.

A Packages index (Debian Policy 5.1, wiki.debian.org/DebianRepository/Format) is a list of
stanzas. An archive's has tens of thousands, of which an image needs a few hundred, so one pass
of a regular expression finds the stanzas and the few fields that every stanza is asked for; a
:class:`Package` keeps its place in the text and reads the rest when asked. The text itself is
kept, so that a stanza can be written to a lockfile byte by byte as the archive published it.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from urllib.parse import urlsplit

from apt2ostree.debian.checksum import FIELDS
from apt2ostree.debian.relations import (
    OrGroup,
    Relation,
    RelationError,
    parse_provides,
    parse_relations,
)
from apt2ostree.errors import UserError

_VALUE = rb"[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)"
_EAGER_NAMES = (
    rb"(Package|Version|Architecture|Multi-Arch|Provides|Essential|Important|Protected|Priority):"
)
# Each field by the newline before it; a newline before another one ends a stanza.
_EAGER = re.compile(rb"\n(?:" + _EAGER_NAMES + _VALUE + rb"|(?=\n))", re.I)
_EAGER_FIRST = re.compile(_EAGER_NAMES + _VALUE, re.I)
_FIELD = re.compile(rb"^([^\s:]+):" + _VALUE, re.MULTILINE)
_FIELD_LINE = rb"[A-Za-z0-9][^\s:]*:"
_BAD_LINE = re.compile(rb"\n(?!" + _FIELD_LINE + rb"|[ \t]|\n|\Z)|\n\n(?=[ \t])")
_BAD_FIRST_LINE = re.compile(rb"(?!" + _FIELD_LINE + rb"|\n|\Z)")
_BLANK_LINE = re.compile(rb"\n[ \t]+(?=\n|\Z)")
_MANDATORY = {
    b"Package": re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*"),
    b"Version": re.compile(r"[A-Za-z0-9.+:~_-]+"),
    b"Architecture": re.compile(r"[a-z0-9][a-z0-9-]*"),
}
_NEWLINE = 0x0A
_SOURCE = re.compile(r"(\S+)(?:\s+\(([^()\s]+)\))?")


class MalformedIndexError(UserError):
    """A Packages index that cannot be read; the message names file and line."""


@dataclass(frozen=True)
class Unusable:
    """A stanza that no package can be made of, which matters if somebody needs the package.

    Attributes:
        names: what the stanza says of its package's name, in lower case, mostly one.
        reason: what is wrong, with file and line.
        is_passed_over: whether apt passes over it too, rather than making something of it.
    """

    names: tuple[str, ...]
    reason: str
    is_passed_over: bool


@dataclass(frozen=True)
class ReleaseFacts:
    """What a Release file says about its suite, as far as pins ask (apt_preferences(5)).

    Attributes are the fields Suite, Codename, Origin, Label, Version, NotAutomatic and
    ButAutomaticUpgrades.
    """

    suite: str = ""
    codename: str = ""
    origin: str = ""
    label: str = ""
    version: str = ""
    not_automatic: bool = False
    but_automatic_upgrades: bool = False

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> ReleaseFacts:
        """Take the facts from the fields of a Release file."""
        return cls(
            suite=fields.get("Suite", fields.get("Archive", "")),
            codename=fields.get("Codename", ""),
            origin=fields.get("Origin", ""),
            label=fields.get("Label", ""),
            version=fields.get("Version", ""),
            not_automatic=fields.get("NotAutomatic", "no") == "yes",
            but_automatic_upgrades=fields.get("ButAutomaticUpgrades", "no") == "yes",
        )


@dataclass(frozen=True)
class Origin:
    """The index a stanza comes from: one suite, component and architecture of one archive.

    `uri` is the archive's, without a trailing slash. For a flat repository `suite` is its path
    (it ends in a slash) and `component` is "". ``str()`` gives the value of the ``APT-Sources``
    field, which apt prints and a lockfile keeps.
    """

    uri: str
    suite: str
    component: str
    architecture: str
    release: ReleaseFacts = ReleaseFacts()

    @property
    def site(self) -> str:
        """The host in the URI, "" for local files: what ``Pin: origin`` matches."""
        return urlsplit(self.uri).hostname or ""

    def __str__(self) -> str:
        if not self.component:
            return f"{self.uri} {self.suite} Packages"
        return f"{self.uri} {self.suite}/{self.component} {self.architecture} Packages"

    @classmethod
    def parse(cls, value: str) -> Origin:
        """Read the value of an ``APT-Sources`` field; raises UserError."""
        words = value.split()
        if len(words) == 4 and words[3] == "Packages" and "/" in words[1]:
            suite, _, component = words[1].rpartition("/")
            # Components may contain slashes, suites too (bookworm/updates): the split that apt
            # itself cannot undo either. Debian's old security suites are the case that exists.
            return cls(words[0], suite, component, words[2])
        if len(words) == 3 and words[2] == "Packages":
            return cls(words[0], words[1], "", "")
        raise UserError(
            f"{value!r} is not an origin; expected 'URI SUITE/COMPONENT ARCHITECTURE Packages'"
        )


class Package:
    """One stanza of a Packages index: a package in one version for one architecture.

    A value: nothing changes it after it is read. `name`, `version`, `architecture`,
    `multi_arch` (``no``, ``same``, ``foreign`` or ``allowed``), `essential`, `important`,
    `priority` (``required`` … ``optional``, "" if absent) and `provides` (the field's text) are
    at hand; :meth:`get` reads any other field, :attr:`raw` is the stanza as published.
    `origins` are the indexes that list it, the first one first; `text` is the whole index.
    """

    __slots__ = (
        "_end",
        "_filename",
        "_start",
        "architecture",
        "essential",
        "important",
        "multi_arch",
        "name",
        "origins",
        "priority",
        "provides",
        "text",
        "version",
    )

    def __init__(
        self,
        text: bytes,
        start: int,
        end: int,
        eager: Mapping[bytes, str],
        origins: tuple[Origin, ...],
        filename: str,
    ) -> None:
        self.text = text
        self._start = start
        self._end = end
        self._filename = filename
        # As apt and dpkg have it, whatever the case in which it is written.
        self.name = eager[b"Package"].lower()
        self.version = eager[b"Version"]
        self.architecture = eager[b"Architecture"]
        self.multi_arch = eager.get(b"Multi-Arch", "no")
        self.essential = eager.get(b"Essential") == "yes"
        self.important = eager.get(b"Important") == "yes" or eager.get(b"Protected") == "yes"
        self.priority = eager.get(b"Priority", "")
        self.provides = eager.get(b"Provides", "")
        self.origins = origins

    def __repr__(self) -> str:
        return f"<Package {self}>"

    def __str__(self) -> str:
        return f"{self.name}:{self.architecture}={self.version}"

    @property
    def raw(self) -> bytes:
        """The stanza as published, without the newline of its last line."""
        return self.text[self._start : self._end]

    @property
    def where(self) -> str:
        """File and line of the stanza's beginning, for messages: ``Packages:120``."""
        return f"{self._filename}:{_line_number(self.text, self._start)}"

    def fields(self) -> dict[str, str]:
        """All fields in their order, continuation lines included; the names as published."""
        return {_decode(field[1]): _decode(field[2]) for field in _FIELD.finditer(self.raw)}

    def raw_fields(self) -> Iterator[tuple[str, bytes]]:
        """Each field's name in lower case, and its lines as published."""
        for field in _FIELD.finditer(self.raw):
            yield _decode(field[1]).lower(), field[0]

    def get(self, field: str, default: str = "") -> str:
        """The value of one field, whatever the case of its name (Policy 5.1)."""
        match = _field_pattern(field).search(self.text, self._start, self._end)
        return _decode(match[1]) if match else default

    def relations(self, field: str) -> tuple[OrGroup, ...]:
        """A relationship field, parsed; () if absent. Raises MalformedIndexError."""
        try:
            return _relations(self.get(field))
        except RelationError as error:
            raise MalformedIndexError(f"{self.where}: {self}: {field}: {error}") from error

    def provided(self) -> tuple[Relation, ...]:
        """The names this package provides. Raises MalformedIndexError."""
        if not self.provides:
            return ()
        try:
            return _provided(self.provides)
        except RelationError as error:
            raise MalformedIndexError(f"{self.where}: {self}: Provides: {error}") from error

    @property
    def checksum(self) -> str:
        """The SHA-256 of its file, else the SHA-512, in lower case; "" if there is neither."""
        return next(filter(None, map(self.get, FIELDS.values())), "").lower()

    @property
    def source(self) -> tuple[str, str]:
        """Name and version of the source package (Policy 5.6.1)."""
        match = _SOURCE.match(self.get("Source"))
        if match is None:
            return self.name, self.version
        return match[1], match[2] or self.version

    def with_origins(self, origins: tuple[Origin, ...]) -> Package:
        """The same stanza with other origins."""
        other = object.__new__(Package)
        for slot in Package.__slots__:
            setattr(other, slot, getattr(self, slot))
        other.origins = origins
        return other


def parse_index(
    data: bytes,
    filename: str,
    origin: Origin | None = None,
    unusable: list[Unusable] | None = None,
) -> list[Package]:
    """Read a Packages index; `filename` is for messages, `origin` goes to every package.

    Accepts CRLF line ends, blank lines of spaces, several blank lines in a row and a missing
    newline at the end. Raises MalformedIndexError, with file and line, at a line that is neither
    a field nor a continuation, and at a stanza that names no package. One without Version or
    Architecture, with a field repeated, or with a value that no package can have, is left out and
    added to `unusable`, if that is given; otherwise it raises the same error.
    """
    data = _normalize(data, filename)
    origins = () if origin is None else (origin,)
    packages = []
    for package in _packages(data, filename, origins):
        if isinstance(package, Package):
            packages.append(package)
        elif unusable is None or not any(package.names):
            raise MalformedIndexError(package.reason)
        else:
            unusable.append(package)
    return packages


def _normalize(data: bytes, filename: str) -> bytes:
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    if _BLANK_LINE.search(data):
        data = _BLANK_LINE.sub(b"\n", data)
    bad = _BAD_FIRST_LINE.match(data) or _BAD_LINE.search(data)
    if bad:
        line = data[bad.end() :].split(b"\n", 1)[0]
        raise MalformedIndexError(
            f"{filename}:{_line_number(data, bad.end())}: expected 'Field: value' or a "
            f"continuation line, found {_decode(line[:60])!r}"
        )
    return data


def _packages(
    data: bytes, filename: str, origins: tuple[Origin, ...]
) -> Iterator[Package | Unusable]:
    start, end = 0, len(data)
    while start < end and data[start] == _NEWLINE:
        start += 1
    while end > start and data[end - 1] == _NEWLINE:
        end -= 1
    if start == end:
        return
    first = _EAGER_FIRST.match(data, start, end)
    eager: dict[bytes, str] = {}
    repeated: list[tuple[bytes, str, int]] = []
    for match in chain([first] if first else [], _EAGER.finditer(data, start, end)):
        if match[1] is None:
            if match.start() > start:
                yield _package(data, start, match.start(), eager, repeated, origins, filename)
                eager, repeated = {}, []
            start = match.end() + 1
            continue
        name = match[1].title()
        value = _decode(match[2]).rstrip()
        if name in eager:
            repeated.append((name, value, match.start(1)))
        else:
            eager[name] = value
    yield _package(data, start, end, eager, repeated, origins, filename)


def _package(
    data: bytes,
    start: int,
    end: int,
    eager: Mapping[bytes, str],
    repeated: Sequence[tuple[bytes, str, int]],
    origins: tuple[Origin, ...],
    filename: str,
) -> Package | Unusable:
    name = eager.get(b"Package", "")
    of = f"package {name}: " if name else ""
    for field, _, place in repeated:
        others = [value.lower() for other, value, _ in repeated if other == b"Package"]
        return Unusable(
            (name.lower(), *others),
            f"{filename}:{_line_number(data, place)}: {of}a second {_decode(field)} field "
            "in one stanza; is the blank line between two stanzas missing?",
            is_passed_over=False,
        )
    for field, pattern in _MANDATORY.items():
        value = eager.get(field)
        if value is None or not pattern.fullmatch(value):
            found = "is missing" if value is None else f"cannot be {value[:60]!r}"
            return Unusable(
                (name.lower(),),
                f"{filename}:{_line_number(data, start)}: {of}the {_decode(field)} field {found}",
                is_passed_over=field != b"Version" or not value,
            )
    return Package(data, start, end, eager, origins, filename)


# The same few texts are in many packages of an index.
_relations = lru_cache(maxsize=1 << 15)(parse_relations)
_provided = lru_cache(maxsize=1 << 15)(parse_provides)


@lru_cache(maxsize=64)
def _field_pattern(field: str) -> re.Pattern[bytes]:
    return re.compile(rb"^" + re.escape(field.encode()) + rb":" + _VALUE, re.MULTILINE | re.I)


def _line_number(data: bytes, position: int) -> int:
    return bisect_left(_newlines(data), position) + 1


# Of the index that messages are about: each of them counting its lines would take the square.
@lru_cache(maxsize=1)
def _newlines(data: bytes) -> array[int]:
    return array("Q", (match.start() for match in re.finditer(b"\n", data)))


def _decode(text: bytes) -> str:
    """Decode, so that encoding the same way gives the same bytes, whatever they are."""
    return text.decode("utf-8", "surrogateescape")
