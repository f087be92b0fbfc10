"""Configurations of multistrap: what they say of packages and archives.

The format is multistrap(1)'s: an ini file with a section ``General`` and one per archive, whose
names mean the same in any case, comments at the beginning of a line, one value a line, and
``packages`` as often as one likes. ``include`` in ``General`` names further files, whose sections
are added; of the general keys that can have one value only, the first file's counts.

What a key asks for that an image of packages cannot have, or has anyway in another place, is a
warning that names it: multistrap itself passes over such keys in silence.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from apt2ostree.archive.place import Place
from apt2ostree.errors import UserError

DEFAULT_ARCHITECTURE = "amd64"
GENERAL = "general"

_WITHOUT_MEANING = {
    "configscript": "use hooks_after of the image, or a layer (ostree_tree)",
    "debconfseed": "give the file to the image: debconf = …",
    "directory": "bazel run IMAGE -- checkout DIRECTORY writes the image into one",
    "hookdir": "use hooks_before and hooks_after of the image",
    "ignorenativearch": "configure = False leaves the image unpacked",
    "omitpreinst": "configuring always runs the preinst scripts",
    "retainsources": "the lockfile says what was built from which source",
    "setupscript": "lay files over the packages with a layer (ostree_tree)",
    "tarballname": "ostree_tar makes a tar of the image",
}
"""Keys of ``General`` that are left out, and what there is in their place."""
_ALWAYS = {
    "cleanup": ("true", "an image never holds apt's downloads and indexes"),
    "forceunpack": ("true", "the packages are always unpacked"),
    "markauto": ("true", "packages that nobody named are always marked as automatic"),
    "unpack": ("true", "the packages are always unpacked"),
}
"""Keys whose one value is what always holds here, and what the other would ask for."""
_GENERAL_KEYS = frozenset(
    """
    addimportant allowrecommends aptdefaultrelease aptpreferences aptsources arch bootstrap
    debootstrap explicitsuite include multiarch noauth omitrequired
    """.split()  # noqa: SIM905 (a column of keys says no more)
)
_SECTION_KEYS = frozenset(
    """
    additional architecture components keyring omitdebsrc packages reinstall source suite
    """.split()  # noqa: SIM905
)
_SECTION = re.compile(r"\[\s*([^\[\]]*?)\s*\]")
_SECTION_NAME = re.compile(r"[a-z0-9][a-z0-9 ._+-]*")
"""A section's name becomes a file's in the image, as with multistrap."""
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]*")
_FLAT = re.compile(r"\S+\s+\S*/")
"""``source`` of a flat archive: a URL, a blank, a path that ends with a slash."""
_OPTIONS = re.compile(r"\[([^\[\]]*)\]\s*")


class MultistrapError(UserError):
    """A configuration cannot be used; the text names file and line."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(f"{place}: {message}")


@dataclass(frozen=True)
class Value:
    """A value, and where it is written."""

    text: str
    place: Place


@dataclass(frozen=True)
class Section:
    """One archive, and what is wanted from it.

    Attributes:
        name: in lower case.
        place: where it begins.
        uri: of the archive, or "" for a section that names packages alone.
        suite: a name, or for a flat archive a path that ends with a slash.
        components: none for a flat archive.
        options: of the source, as in ``[trusted=yes]`` (sources.list(5)).
        packages: what is wanted, as ``apt-get install`` takes it.
        with_sources: whether apt in the image is to know the archive's source packages.
    """

    name: str
    place: Place
    uri: str = ""
    suite: str = ""
    components: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    with_sources: bool = True

    def lines(self, options: Sequence[str]) -> list[str]:
        """The archive's lines for sources.list(5): the packages', then the sources'.

        Args:
            options: to be added to the first one.
        """
        if not self.uri:
            return []
        where = " ".join([self.uri, self.suite, *self.components])
        own = " ".join([*options, *self.options])
        lines = [f"deb [{own}] {where}" if own else f"deb {where}"]
        if self.with_sources:
            lines.append(f"deb-src {where}")
        return lines


@dataclass(frozen=True)
class Configuration:
    """What a configuration says, the files that it includes among it.

    Attributes:
        place: where it begins, for messages.
        architecture: the image's own, or "" if it does not say.
        multiarch: the value of ``multiarch``, the image's own among it as a rule.
        bootstrap: the sections from which the image is made, by name.
        aptsources: those that apt in the image is to know, by name.
        keyrings: the packages with the keys of any section.
        recommends: whether Recommends are installed.
        required: whether packages of priority required are wanted.
        important: whether packages of priority important are wanted.
        authenticated: whether archives have to be signed.
        default_release: the release that counts for more than others, or "".
        preferences: the file of pins that it names, and where, or None.
        warnings: one for each key that means nothing here.
    """

    place: Place
    architecture: str
    multiarch: tuple[str, ...]
    bootstrap: tuple[Section, ...]
    aptsources: tuple[Section, ...]
    keyrings: tuple[str, ...] = ()
    recommends: bool = False
    required: bool = True
    important: bool = False
    authenticated: bool = True
    default_release: str = ""
    preferences: Value | None = None
    warnings: tuple[str, ...] = field(default=())

    @property
    def packages(self) -> tuple[str, ...]:
        """What is wanted, in the order in which multistrap gives it to apt."""
        named = (package for section in self.bootstrap for package in section.packages)
        return tuple(sorted({*named, *self.keyrings}))

    @property
    def priorities(self) -> tuple[str, ...]:
        """Packages of these priorities are wanted without being named."""
        if not self.required:
            return ()
        return ("required", "important") if self.important else ("required",)

    def architectures(self, native: str) -> tuple[str, ...]:
        """The native architecture and the foreign ones."""
        return (native, *(name for name in self.multiarch if name != native))

    def sources_text(self, section: Section, native: str) -> str:
        """A section's sources, on the line on which the configuration has the section."""
        options = [f"arch={','.join(self.architectures(native))}"]
        if not self.authenticated:
            options.append("trusted=yes")
        lines = section.lines(options)[:1]
        return "\n" * (section.place.line - 1) + "".join(f"{line}\n" for line in lines)

    def preferences_text(self) -> str:
        """Pins that say what ``aptdefaultrelease`` says, or "" if it says nothing."""
        if not self.default_release:
            return ""
        # A file of preferences switches the default release off, as in multistrap.
        if self.preferences is not None:
            return ""
        return f"Package: *\nPin: release {self.default_release}\nPin-Priority: 990\n"

    def image_files(self, native: str) -> dict[str, str]:
        """Path → content of the sources.list.d files that multistrap leaves in an image."""
        files = {}
        for section in self.aptsources:
            options = [f"arch={','.join(self.architectures(native))}"]
            text = "".join(f"{line}\n" for line in section.lines(options))
            if text:
                files[f"etc/apt/sources.list.d/multistrap-{section.name}.list"] = text
        return files


def read_multistrap(name: str, read: Callable[[str, Place | None], str]) -> Configuration:
    """Read a configuration and what it includes.

    Args:
        name: of the configuration, relative to the workspace.
        read: gives the content of a file by name; the place is that of the ``include`` which
            asks for it, or None. Raises a UserError if there is no such file.

    Raises:
        MultistrapError: naming the file and the line.
    """
    general: dict[str, list[Value]] = {}
    sections: dict[str, _Keys] = {}
    todo: list[tuple[str, Place | None]] = [(name, None)]
    done: set[str] = set()
    while todo:
        path, asked_at = todo.pop(0)
        if path in done:
            continue
        done.add(path)
        for keys in _sections(read(path, asked_at), path):
            if keys.name == GENERAL:
                for key, values in keys.values.items():
                    general.setdefault(key, []).extend(values)
                todo += _includes(keys, name)
                continue
            first = sections.setdefault(keys.name, keys)
            if first is not keys:
                raise MultistrapError(
                    keys.place,
                    f"the section [{keys.name}] is here twice; the first is at {first.place}; "
                    "give one of them another name",
                )
    return _Reader(Place(name, 1), _General(general), sections).configuration()


def _includes(keys: _Keys, name: str) -> Iterator[tuple[str, Place]]:
    for value in keys.values.get("include", ()):
        for word in value.text.split():
            # Beside the configuration that multistrap was started with, wherever it is named.
            yield posixpath.normpath(posixpath.join(posixpath.dirname(name), word)), value.place


@dataclass(frozen=True)
class _Keys:
    """A section as it is written: key → values, in the order of the file."""

    name: str
    place: Place
    values: dict[str, list[Value]]

    def get(self, key: str) -> str:
        values = self.values.get(key)
        return values[0].text if values else ""

    def words(self, key: str) -> list[str]:
        return [word for value in self.values.get(key, ()) for word in value.text.split()]

    def place_of(self, key: str) -> Place:
        values = self.values.get(key)
        return values[0].place if values else self.place


def _sections(text: str, path: str) -> Iterator[_Keys]:
    section: _Keys | None = None
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        place = Place(path, number)
        if not line or line[0] in "#;":
            continue
        found = _SECTION.fullmatch(line)
        if found:
            if section:
                yield section
            section = _Keys(_section_name(found[1], place), place, {})
            continue
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            raise MultistrapError(place, f"expected '[section]' or 'key=value', found {line!r}")
        if section is None:
            raise MultistrapError(place, f"{line!r} stands before the first [section]")
        _add(section, key.strip().lower(), Value(value.strip(), place))
    if section:
        yield section


def _section_name(name: str, place: Place) -> str:
    if not _SECTION_NAME.fullmatch(name.lower()):
        raise MultistrapError(
            place,
            f"the section's name {name!r} would be a file's in the image: only letters, digits "
            "and . _ + - are possible",
        )
    return name.lower()


def _add(section: _Keys, key: str, value: Value) -> None:
    known = section.values.setdefault(key, [])
    if known and key not in ("packages", "include"):
        raise MultistrapError(
            value.place, f"{key} is here twice in one section; the first is at {known[0].place}"
        )
    known.append(value)


class _General:
    """The general keys of all files."""

    def __init__(self, values: Mapping[str, list[Value]]) -> None:
        self.values = values

    def first(self, key: str) -> Value | None:
        """The value that counts: the first file's that has one."""
        return next((value for value in self.values.get(key, ()) if value.text), None)

    def text(self, key: str) -> str:
        value = self.first(key)
        return value.text if value else ""

    def is_true(self, key: str) -> bool:
        """Whether any file says so."""
        return any(_boolean(value, key) for value in self.values.get(key, ()) if value.text)

    def words(self, *keys: str) -> list[Value]:
        return [
            Value(word, value.place)
            for key in keys
            for value in self.values.get(key, ())
            for word in value.text.split()
        ]


def _boolean(value: Value, key: str) -> bool:
    if value.text.lower() not in ("true", "false"):
        raise MultistrapError(value.place, f"{key}={value.text}: expected true or false")
    return value.text.lower() == "true"


class _Reader:
    """From keys to what they mean."""

    def __init__(self, place: Place, general: _General, sections: Mapping[str, _Keys]) -> None:
        self._place = place
        self._general = general
        self._sections = sections
        self._warnings = list[str]()

    def configuration(self) -> Configuration:
        general = self._general
        if general.is_true("omitrequired") and general.is_true("addimportant"):
            omit = general.first("omitrequired")
            assert omit
            raise MultistrapError(
                omit.place, "omitrequired and addimportant are both true; take one of them out"
            )
        self._warn_of_general()
        aptsources = general.words("aptsources")
        bootstrap = general.words("bootstrap", "debootstrap")
        if aptsources and not bootstrap:
            bootstrap = aptsources
            self._warn(
                aptsources[0].place,
                "there is no bootstrap=, which names the sections that the image is made from; "
                "the ones of aptsources= are taken",
            )
        found = Configuration(
            place=self._place,
            architecture=self._architecture(general.first("arch")),
            multiarch=tuple(
                dict.fromkeys(self._architecture(word) for word in general.words("multiarch"))
            ),
            bootstrap=self._named(bootstrap),
            aptsources=self._named(aptsources),
            keyrings=tuple(
                sorted({word for keys in self._sections.values() for word in keys.words("keyring")})
            ),
            recommends=general.is_true("allowrecommends"),
            required=not general.is_true("omitrequired"),
            important=general.is_true("addimportant"),
            authenticated=not general.is_true("noauth"),
            default_release=self._default_release(),
            preferences=general.first("aptpreferences"),
            warnings=tuple(self._warnings),
        )
        if not found.bootstrap:
            raise MultistrapError(
                found.place,
                "there is no bootstrap=, which names the sections that the image is made from",
            )
        return found

    def _warn(self, place: Place, message: str) -> None:
        warning = f"{place}: {message}"
        if warning not in self._warnings:
            self._warnings.append(warning)

    def _warn_of_general(self) -> None:
        for key, values in self._general.values.items():
            for value in values:
                if key in _GENERAL_KEYS or not value.text:
                    continue
                if key in _WITHOUT_MEANING:
                    if value.text.lower() != "false":
                        self._warn(
                            value.place, f"{key} has no meaning here: {_WITHOUT_MEANING[key]}"
                        )
                elif key in _ALWAYS:
                    only, why = _ALWAYS[key]
                    if value.text.lower() != only:
                        self._warn(value.place, f"{key}={value.text} has no meaning here: {why}")
                else:
                    self._warn(value.place, f"{key} is no key of multistrap(1), and is ignored")

    def _architecture(self, value: Value | None) -> str:
        if value is None:
            return ""
        if not _ARCHITECTURE.fullmatch(value.text):
            raise MultistrapError(value.place, f"{value.text!r} is not an architecture's name")
        return value.text

    def _default_release(self) -> str:
        """The last file's counts, in multistrap too; ``*`` is every release."""
        values = self._general.values.get("aptdefaultrelease")
        if not values or values[-1].text in ("", "*"):
            return ""
        value = values[-1]
        if len(value.text.split()) != 1:
            raise MultistrapError(value.place, f"{value.text!r} is not the name of a release")
        return value.text

    def _named(self, names: Iterable[Value]) -> tuple[Section, ...]:
        chosen = {}
        for name in names:
            keys = self._sections.get(name.text.lower())
            if keys is None:
                raise MultistrapError(
                    name.place, f"there is no section [{name.text}] in any of the files"
                )
            chosen[keys.name] = self._section(keys)
        return tuple(chosen[name] for name in sorted(chosen))

    def _section(self, keys: _Keys) -> Section:
        for key, values in keys.values.items():
            if key not in _SECTION_KEYS and values[0].text:
                self._warn(values[0].place, f"{key} is no key of multistrap(1), and is ignored")
        source, options = keys.get("source"), list[str]()
        while found := _OPTIONS.match(source):
            options += found[1].split()
            source = source[found.end() :]
        omit = next(iter(keys.values.get("omitdebsrc", ())), None)
        section = Section(
            name=keys.name,
            place=keys.place_of("source"),
            options=tuple(options),
            packages=self._packages(keys),
            with_sources=not (omit and omit.text and _boolean(omit, "omitdebsrc")),
        )
        if not source:
            return section
        if _FLAT.fullmatch(source):
            uri, _, suite = source.partition(" ")
            return Section(**vars(section) | {"uri": uri, "suite": suite.strip()})
        if len(source.split()) != 1:
            raise MultistrapError(
                keys.place_of("source"),
                f"{source!r} is neither a URL nor, for a flat archive, 'URL PATH/'",
            )
        if not keys.get("suite"):
            raise MultistrapError(
                keys.place, f"the section [{keys.name}] has a source and no suite; add suite=…"
            )
        components = tuple(keys.words("components")) or ("main",)
        own = {"uri": source, "suite": keys.get("suite"), "components": components}
        return Section(**vars(section) | own)

    def _packages(self, keys: _Keys) -> tuple[str, ...]:
        packages = keys.words("packages")
        architecture = keys.get("architecture")
        if architecture:
            if all(word.text != architecture for word in self._general.words("multiarch")):
                raise MultistrapError(
                    keys.place_of("architecture"),
                    f"packages for {architecture} are wanted, and multiarch= in [General] does "
                    "not have it; add it there",
                )
            packages = [f"{package}:{architecture}" for package in packages]
        if self._general.is_true("explicitsuite") and keys.get("suite"):
            packages = [f"{package}/{keys.get('suite')}" for package in packages]
        # What multistrap fetches in a second round is as wanted as the rest; `reinstall`, which
        # repairs scripts that ran too early, has nothing to repair where they run in order.
        return tuple(dict.fromkeys([*packages, *keys.words("additional")]))
