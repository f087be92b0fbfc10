"""Read apt's sources files: which archives there are, and how far each is trusted.

Both formats of sources.list(5) are read: deb822 stanzas (``*.sources``) and one line an
archive (``sources.list``, ``*.list``). ``deb-src`` entries and disabled ones are skipped, fields
that only matter to apt itself (languages, pdiffs, targets) are ignored, as apt ignores what it
does not know; what would change the answer and is not supported is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from apt2ostree.archive.login import has_login
from apt2ostree.archive.place import Place
from apt2ostree.debian.control import MalformedLineError, NumberedLine, read_fields, split_stanzas
from apt2ostree.errors import UserError

SCHEMES = ("http", "https", "file", "copy")

_YES = frozenset({"yes", "true", "with", "on", "enable", "1"})
_NO = frozenset({"no", "false", "without", "off", "disable", "0"})
_NAME = re.compile(r"[!-9;-~]+")
_FINGERPRINT = re.compile(r"(?:0x)?([0-9A-Fa-f]{40}(?:[0-9A-Fa-f]{24})?)(!?)")
_ONE_LINE = re.compile(r"(?P<type>\S+)\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<rest>.*)")
_ONE_LINE_TYPE = re.compile(r"deb(-src)?\s")

# The names of options in one-line entries, where they are not the field's own name in lower case.
_ONE_LINE_NAMES = {"arch": "architectures", "lang": "languages", "target": "targets"}
_ARMOUR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"


class SourcesError(UserError):
    """A sources file is not what sources.list(5) describes."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(f"{place}: {message}")


@dataclass(frozen=True)
class SignedBy:
    """Who may sign an archive; all empty: any key of the default keyrings.

    Attributes:
        keyrings: paths of keyring files.
        fingerprints: upper-case hexadecimal, of a primary key (its subkeys count too), or
            of one exact key where a ``!`` follows.
        armoured: a public key block written into the sources file itself, or "".
    """

    keyrings: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    armoured: str = ""

    def __bool__(self) -> bool:
        return bool(self.keyrings or self.fingerprints or self.armoured)


@dataclass(frozen=True)
class Policy:
    """How an archive's Release file is checked; see sources.list(5) for each.

    Attributes:
        signed_by: the keys that may sign it.
        trusted: True takes it without any signature, False refuses it, None checks it.
        check_valid_until: whether a Release file past its Valid-Until is refused.
        valid_until_min: seconds after Date for which it is valid at least, or None.
        valid_until_max: seconds after Date for which it is valid at most, or None.
        check_date: whether the clock of this machine is believed at all.
        date_max_future: seconds by which Date may be ahead of this machine's clock.
        inrelease_path: a path to use in the place of InRelease, or "".
    """

    signed_by: SignedBy = SignedBy()
    trusted: bool | None = None
    check_valid_until: bool = True
    valid_until_min: int | None = None
    valid_until_max: int | None = None
    check_date: bool = True
    date_max_future: int = 10
    inrelease_path: str = ""


@dataclass(frozen=True)
class Source:
    """One suite of one archive.

    Attributes:
        uri: where the archive is, without a slash at the end.
        suite: a name below ``dists/``, or a path that ends with a slash for a flat archive.
        components: what to take of it; none for a flat archive.
        architectures: what the source is limited to, or None for all that are asked for.
        by_hash: "yes" (where the archive offers it), "no" or "force".
        policy: how its Release file is checked.
        place: where it is written, for messages.
    """

    uri: str
    suite: str
    components: tuple[str, ...]
    place: Place
    architectures: tuple[str, ...] | None = None
    by_hash: str = "yes"
    policy: Policy = field(default_factory=Policy)

    @property
    def is_flat(self) -> bool:
        """Whether the indexes lie beside the Release file, with no ``dists/`` and components."""
        return self.suite.endswith("/")

    @property
    def base(self) -> str:
        """URI of the directory of the Release file, with a slash at the end."""
        if not self.is_flat:
            return f"{self.uri}/dists/{self.suite}/"
        below = self.suite.strip("/").removeprefix("./").removeprefix(".")
        return f"{self.uri}/{below}/" if below else f"{self.uri}/"


def parse_sources(text: str, path: str, architecture: str) -> list[Source]:
    """Read a sources file of either format.

    Args:
        text: what the file holds.
        path: its name, for messages; ``.sources`` is deb822, ``.list`` has one entry a line, and
            anything else is recognised by what it holds.
        architecture: what ``$(ARCH)`` in a URI or a suite stands for.

    Returns:
        The sources in the order in which apt reads them: for each entry, URI by URI, suite by
        suite. The order decides between archives that offer the same version.

    Raises:
        SourcesError: naming the file and the line.
    """
    if _is_one_line(text, path):
        entries = _one_line_entries(text, path)
    else:
        entries = (_stanza(stanza, path) for stanza in split_stanzas(text))
    return [source for entry in entries for source in entry.sources(architecture)]


def _is_one_line(text: str, path: str) -> bool:
    if path.endswith((".sources", ".list")):
        return path.endswith(".list")
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return _ONE_LINE_TYPE.match(first) is not None


@dataclass(frozen=True)
class _Entry:
    """A stanza or a line: its fields by lower-case name, and the line of each."""

    place: Place
    fields: Mapping[str, str]
    lines: Mapping[str, int] = field(default_factory=dict)

    def error(self, name: str, message: str) -> SourcesError:
        line = self.lines.get(name.lower(), self.place.line)
        return SourcesError(Place(self.place.path, line), message)

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(self.fields.get(name.lower(), "").replace(",", " ").split())

    def required(self, name: str) -> tuple[str, ...]:
        words = tuple(self.fields.get(name.lower(), "").split())
        if not words:
            raise self.error(name, f"the field {name} is missing or empty")
        return words

    def boolean(self, name: str) -> bool | None:
        value = self.fields.get(name.lower(), "").strip().lower()
        if not value:
            return None
        if value not in _YES | _NO:
            raise self.error(name, f"{name}: {value!r} is neither yes nor no")
        return value in _YES

    def seconds(self, name: str) -> int | None:
        value = self.fields.get(name.lower(), "").strip()
        if not value:
            return None
        if not re.fullmatch("[0-9]{1,18}", value):
            raise self.error(name, f"{name}: {value!r} is not a number of seconds")
        return int(value)

    def architectures(self) -> tuple[str, ...] | None:
        if self.words("Architectures-Add") or self.words("Architectures-Remove"):
            raise self.error(
                "Architectures-Add" if self.words("Architectures-Add") else "Architectures-Remove",
                "adding to or removing from the default architectures is not supported; "
                "list them all with Architectures (arch=)",
            )
        return self.words("Architectures") or None

    def by_hash(self) -> str:
        value = self.fields.get("by-hash", "").strip().lower()
        if value == "force":
            return value
        return "no" if self.boolean("By-Hash") is False else "yes"

    def signed_by(self) -> SignedBy:
        value = self.fields.get("signed-by", "")
        if _ARMOUR in value:
            return SignedBy(armoured=_unfold(value))
        keyrings, fingerprints = [], []
        for word in value.replace(",", " ").split():
            found = _FINGERPRINT.fullmatch(word)
            if found:
                fingerprints.append(found[1].upper() + found[2])
            elif "/" in word or word.endswith((".gpg", ".pgp", ".asc", ".kbx")):
                keyrings.append(word)
            else:
                raise self.error(
                    "Signed-By",
                    f"Signed-By: {word!r} is neither the path of a keyring, nor a key's whole "
                    "fingerprint (40 hexadecimal digits), nor a public key block",
                )
        return SignedBy(tuple(keyrings), tuple(fingerprints))

    def policy(self) -> Policy:
        default = Policy()
        max_future = self.seconds("Date-Max-Future")
        check_date = self.boolean("Check-Date") is not False
        return Policy(
            signed_by=self.signed_by(),
            trusted=self.boolean("Trusted"),
            check_valid_until=check_date and self.boolean("Check-Valid-Until") is not False,
            valid_until_min=self.seconds("Valid-Until-Min"),
            valid_until_max=self.seconds("Valid-Until-Max"),
            check_date=check_date,
            date_max_future=default.date_max_future if max_future is None else max_future,
            inrelease_path=self.fields.get("inrelease-path", "").strip(),
        )

    def sources(self, architecture: str) -> Iterator[Source]:
        types = self.required("Types")
        for word in types:
            if word not in ("deb", "deb-src"):
                raise self.error("Types", f"Types: {word!r} is neither deb nor deb-src")
        if self.boolean("Enabled") is False or "deb" not in types:
            return
        for name in ("Include", "Exclude"):
            if self.words(name):
                raise self.error(name, f"{name} is not supported; use a pin in preferences")
        policy, by_hash, architectures = self.policy(), self.by_hash(), self.architectures()
        components = self.words("Components")
        for uri in self.required("URIs"):
            for suite in self.required("Suites"):
                yield Source(
                    uri=self._uri(uri.replace("$(ARCH)", architecture)),
                    suite=self._suite(suite.replace("$(ARCH)", architecture), components),
                    components=components,
                    place=self.place,
                    architectures=architectures,
                    by_hash=by_hash,
                    policy=policy,
                )

    def _uri(self, uri: str) -> str:
        scheme, _, rest = uri.partition(":")
        if scheme not in SCHEMES:
            raise self.error(
                "URIs", f"the URI {uri!r} is not supported: expected http, https, file or copy"
            )
        if has_login(uri):
            raise self.error(
                "URIs",
                "there is a login in a URI, which whoever has this file can read; put it into "
                "~/.netrc, or the file that NETRC names",
            )
        if scheme in ("http", "https"):
            try:
                host = urlsplit(uri).hostname
            except ValueError as error:
                raise self.error("URIs", f"the URI {uri!r} is malformed: {error}") from None
            if not host:
                raise self.error("URIs", f"the URI {uri!r} names no host")
            return uri.rstrip("/")
        path = "/" + rest.lstrip("/")
        if not rest.startswith("/"):
            raise self.error(
                "URIs", f"the URI {uri!r} needs an absolute path, as in file:/srv/debs"
            )
        return f"{scheme}:{path}".rstrip("/")

    def _suite(self, suite: str, components: Iterable[str]) -> str:
        if ".." in suite.split("/") and suite != "../project/experimental":
            raise self.error("Suites", f"the suite {suite!r} leads out of the archive")
        if suite.endswith("/") and components:
            raise self.error(
                "Components",
                f"the suite {suite!r} ends with a slash, which means a flat archive, and that "
                "has no components; remove either the slash or the components",
            )
        if not suite.endswith("/") and not components:
            raise self.error(
                "Suites",
                f"the suite {suite!r} needs components, such as main; a flat archive's suite "
                "ends with a slash, as in ./",
            )
        return suite


def _unfold(value: str) -> str:
    """Undo what deb822 does to text of several lines: a leading blank, and a dot for none."""
    lines = (line[1:] if line[:1] in (" ", "\t") else line for line in value.splitlines())
    return "\n".join("" if line.strip() == "." else line.strip() for line in lines).strip() + "\n"


def _stanza(stanza: list[NumberedLine], path: str) -> _Entry:
    fields, numbers = dict[str, str](), dict[str, int]()
    try:
        for number, name, lines in read_fields(stanza):
            if not _NAME.fullmatch(name):
                raise MalformedLineError(number, f"{name}:{lines[0]}")
            first = numbers.setdefault(name.lower(), number)
            if first != number:
                raise SourcesError(
                    Place(path, number),
                    f"the field {name} is here twice; the first is on line {first}",
                )
            fields[name.lower()] = "\n".join([lines[0].strip(), *lines[1:]])
    except MalformedLineError as error:
        line = error.line.strip()
        why = f"expected 'Field: value' (deb822), found {line!r}"
        if error.line[0] in " \t":
            why = f"{line!r} continues a field, but none is open"
        raise SourcesError(Place(path, error.number), why) from None
    return _Entry(Place(path, min(numbers.values())), fields, numbers)


def _one_line_entries(text: str, path: str) -> Iterator[_Entry]:
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if line:
            yield _one_line_entry(line, Place(path, number))


def _one_line_entry(line: str, place: Place) -> _Entry:
    found = _ONE_LINE.fullmatch(line)
    words = found["rest"].split() if found else []
    if not found or len(words) < 2:
        raise SourcesError(place, f"expected 'deb [options] uri suite component…', found {line!r}")
    fields = {
        "types": found["type"],
        "uris": words[0],
        "suites": unquote(words[1]),
        "components": " ".join(words[2:]),
    }
    for option in (found["options"] or "").split():
        name, separator, value = option.partition("=")
        if not separator:
            raise SourcesError(place, f"the option {option!r} has no value; expected name=value")
        name = name.lower()
        suffix = {"+": "-add", "-": "-remove"}.get(name[-1:], "")
        name = name.rstrip("+-") if suffix else name
        fields[_ONE_LINE_NAMES.get(name, name) + suffix] = value
    return _Entry(place, fields)
