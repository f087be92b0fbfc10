"""Debian's and Ubuntu's own archives, by the name of a release.

Where a release is depends on its age (old ones move to another host, without updates and with
keys that have expired) and on the architecture (ports). What is not in the tables is taken for a
release newer than they are, so that nothing has to change here on the day of a release.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apt2ostree.errors import UserError

_KEYRINGS = "/usr/share/keyrings"

_DEBIAN = "http://ftp.debian.org/debian"
_DEBIAN_SECURITY = "http://security.debian.org/debian-security"
_DEBIAN_OLD = "http://archive.debian.org/debian"
_DEBIAN_OLD_SECURITY = "http://archive.debian.org/debian-security"
_DEBIAN_PORTS = "http://ftp.ports.debian.org/debian-ports"
_DEBIAN_KEYRING = f"{_KEYRINGS}/debian-archive-keyring.gpg"
_DEBIAN_REMOVED_KEYS = f"{_KEYRINGS}/debian-archive-removed-keys.gpg"
_DEBIAN_PORTS_KEYRING = f"{_KEYRINGS}/debian-ports-archive-keyring.gpg"

# Releases that have moved to archive.debian.org.
_DEBIAN_MOVED = ("etch", "lenny", "squeeze", "wheezy", "jessie", "stretch", "buster")
# Those of them whose updates suite moved too; for the others it was not kept.
_DEBIAN_MOVED_WITH_UPDATES = ("buster",)
_DEBIAN_ROLLING = ("sid", "unstable", "experimental", "rc-buggy")
# www.debian.org/ports: architectures that only ports.debian.org has, as sid.
_DEBIAN_PORTS_ARCHITECTURES = frozenset(
    {
        "alpha",
        "hppa",
        "hurd-amd64",
        "hurd-i386",
        "m68k",
        "powerpc",
        "ppc64",
        "sh4",
        "sparc64",
        "x32",
    }
)

_UBUNTU = "http://archive.ubuntu.com/ubuntu"
_UBUNTU_SECURITY = "http://security.ubuntu.com/ubuntu"
_UBUNTU_PORTS = "http://ports.ubuntu.com/ubuntu-ports"
_UBUNTU_OLD = "http://old-releases.ubuntu.com/ubuntu"
_UBUNTU_KEYRING = f"{_KEYRINGS}/ubuntu-archive-keyring.gpg"
_UBUNTU_MAIN_ARCHITECTURES = frozenset({"amd64", "i386"})

# Releases that have moved to old-releases.ubuntu.com: all that are not for the long term, and the
# long-term ones before trusty.
_UBUNTU_MOVED = frozenset(
    """
    warty hoary breezy dapper edgy feisty gutsy hardy intrepid jaunty karmic lucid maverick natty
    oneiric precise quantal raring saucy utopic vivid wily yakkety zesty artful cosmic disco eoan
    groovy hirsute impish kinetic lunar mantic oracular
    """.split()  # noqa: SIM905 (a list of forty lines hides what is not in it)
)


# What a mistyped name may have meant: these, those that have moved, and each one's own suites.
_DEBIAN_CURRENT = (
    *("bullseye", "bookworm", "trixie", "forky", "sid"),
    *("oldstable", "stable", "testing", "unstable", "experimental"),
)
_UBUNTU_CURRENT = (
    *("trusty", "xenial", "bionic", "focal", "jammy", "noble"),
    *("plucky", "questing", "resolute"),
)


def of_suite(suite: str) -> str:
    """The distribution, `debian` or `ubuntu`, whose release has that name; empty if none has."""
    if suite in _DEBIAN_CURRENT or suite in _DEBIAN_MOVED:
        return "debian"
    return "ubuntu" if suite in _UBUNTU_CURRENT or suite in _UBUNTU_MOVED else ""


def similar_suites(suite: str) -> list[str]:
    """Names of suites that one is like: `bookwrom-security` is like `bookworm-security`."""
    name, separator, kind = suite.partition("-")
    known = [*_DEBIAN_CURRENT, *_UBUNTU_CURRENT, *_DEBIAN_MOVED, *sorted(_UBUNTU_MOVED)]
    kinds = difflib.get_close_matches(kind, ["updates", "security", "backports"], 1)
    found = difflib.get_close_matches(name, known, 2, 0.7)
    similar = [match + separator + (kinds[0] if kinds else kind) for match in found]
    return [each for each in similar if each != suite]


@dataclass(frozen=True)
class NamedSources:
    """The sources of a release of a distribution.

    Attributes:
        distribution: "debian" or "ubuntu".
        suite: the release's codename, such as "trixie", or a suite such as "stable".
        components: what to take of it; none: main, for Ubuntu also universe.
        updates: with the release's updates suite.
        security: with its security archive.
        backports: with its backports suite, from which nothing comes unless pinned.
        check_valid_until: whether Release files past their Valid-Until are refused.
    """

    distribution: str
    suite: str
    components: tuple[str, ...] = ()
    updates: bool = True
    security: bool = True
    backports: bool = False
    check_valid_until: bool = True

    @classmethod
    def from_json(cls, value: dict[str, object]) -> NamedSources:
        """Take what the Starlark functions of the same names wrote."""
        arguments = {key: tuple(v) if isinstance(v, list) else v for key, v in value.items()}
        return cls(**arguments)  # type: ignore[arg-type]

    def deb822(self, architecture: str) -> str:
        """The text of a ``.sources`` file (sources.list(5)) for images of an architecture.

        Raises:
            UserError: if the distribution is not known here.
        """
        stanzas = {"debian": _debian, "ubuntu": _ubuntu}.get(self.distribution)
        if stanzas is None:
            raise UserError(
                f"no sources are known for the distribution {self.distribution!r}: it is neither "
                "debian nor ubuntu; write a .sources file"
            )
        return "\n".join(stanzas(self, architecture))


def debian_sources(suite: str, architecture: str = "amd64", **options: object) -> str:
    """The deb822 text of a Debian release's sources; options are those of NamedSources."""
    return NamedSources.from_json({"distribution": "debian", "suite": suite, **options}).deb822(
        architecture
    )


def ubuntu_sources(suite: str, architecture: str = "amd64", **options: object) -> str:
    """The deb822 text of an Ubuntu release's sources; options are those of NamedSources."""
    return NamedSources.from_json({"distribution": "ubuntu", "suite": suite, **options}).deb822(
        architecture
    )


def _debian(named: NamedSources, architecture: str) -> Iterable[str]:
    suite = named.suite
    components = named.components or ("main",)
    if architecture in _DEBIAN_PORTS_ARCHITECTURES:
        if suite not in ("sid", "unstable"):
            raise UserError(f"debian: {architecture} is a port, which only has sid, not {suite}")
        frozen = not named.check_valid_until
        suites = [suite, "unreleased"]
        yield _stanza(_DEBIAN_PORTS, suites, components, [_DEBIAN_PORTS_KEYRING], frozen)
        return
    suites = [suite]
    moved = suite in _DEBIAN_MOVED
    released = suite not in _DEBIAN_ROLLING
    if named.updates and released and (not moved or suite in _DEBIAN_MOVED_WITH_UPDATES):
        suites.append(f"{suite}-updates")
    if named.backports and released:
        suites.append(f"{suite}-backports")
    keyrings = [_DEBIAN_KEYRING, _DEBIAN_REMOVED_KEYS] if moved else [_DEBIAN_KEYRING]
    frozen = moved or not named.check_valid_until
    yield _stanza(_DEBIAN_OLD if moved else _DEBIAN, suites, components, keyrings, frozen)
    if named.security and released:
        security = f"{suite}/updates" if moved else f"{suite}-security"
        uri = _DEBIAN_OLD_SECURITY if moved else _DEBIAN_SECURITY
        yield _stanza(uri, [security], components, keyrings, frozen)


def _ubuntu(named: NamedSources, architecture: str) -> Iterable[str]:
    suite = named.suite
    components = named.components or ("main", "universe")
    moved = suite in _UBUNTU_MOVED
    main = architecture in _UBUNTU_MAIN_ARCHITECTURES
    archive = _UBUNTU_OLD if moved else _UBUNTU if main else _UBUNTU_PORTS
    security = _UBUNTU_SECURITY if main and not moved else archive
    suites = [suite]
    suites += [f"{suite}-updates"] if named.updates else []
    suites += [f"{suite}-backports"] if named.backports else []
    frozen = moved or not named.check_valid_until
    yield _stanza(archive, suites, components, [_UBUNTU_KEYRING], frozen)
    if named.security:
        yield _stanza(security, [f"{suite}-security"], components, [_UBUNTU_KEYRING], frozen)


def _stanza(
    uri: str,
    suites: Sequence[str],
    components: Sequence[str],
    keyrings: Sequence[str],
    frozen: bool,
) -> str:
    """One stanza; a frozen archive is not updated, so neither its date nor its keys are current."""
    lines = [
        "Types: deb",
        f"URIs: {uri}",
        f"Suites: {' '.join(suites)}",
        f"Components: {' '.join(components)}",
        f"Signed-By: {' '.join(keyrings)}",
    ]
    if frozen:
        lines.append("Check-Valid-Until: no")
    return "\n".join(lines) + "\n"
