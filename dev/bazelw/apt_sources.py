"""The Debian mirrors that this machine's apt uses, from sources.list(5) and apt.conf(5)."""

from __future__ import annotations

import contextlib
import re
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apt2ostree.debian import control

DEBIAN_ARCHIVE = "http://ftp.debian.org/debian"
DEBIAN_SECURITY = "http://security.debian.org/debian-security"
DEBIAN_SUITES = {"oldstable", "stable", "testing", "unstable", "sid"} | {
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
}


@dataclass(frozen=True)
class AptSource:
    """One URI and suite of sources.list(5)."""

    uri: str
    suite: str
    components: tuple[str, ...]


def parse_one_line_sources(text: str) -> list[AptSource]:
    """Parse the one-line format of sources.list(5): `deb [options] URI SUITE [COMPONENT...]`."""
    sources = []
    for line in text.splitlines():
        words = re.sub(r"\[[^]]*\]", " ", line.split("#")[0]).split()
        if len(words) >= 3 and words[0] == "deb":
            sources.append(AptSource(words[1], words[2], tuple(words[3:])))
    return sources


def parse_deb822_sources(text: str) -> list[AptSource]:
    """Parse the deb822 format of sources.list(5), every URI with every suite."""
    sources = []
    for stanza in control.split_stanzas(text):
        fields = {
            name.strip().lower(): " ".join(lines).split()
            for _, name, lines in control.read_fields(stanza)
        }
        if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
            continue
        sources += [
            AptSource(uri, suite, tuple(fields.get("components", [])))
            for uri in fields.get("uris", [])
            for suite in fields.get("suites", [])
        ]
    return sources


def apt_sources(etc_apt: Path) -> list[AptSource]:
    """The archives that apt is configured to use, in its order; `mirror+file:` lists resolved."""
    sources = []
    for path in [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]:
        with contextlib.suppress(OSError, control.MalformedLineError):
            if path.suffix == ".list":
                sources += parse_one_line_sources(path.read_text(errors="replace"))
            elif path.suffix == ".sources":
                sources += parse_deb822_sources(path.read_text(errors="replace"))
    return [
        AptSource(_first_mirror(source.uri), source.suite, source.components) for source in sources
    ]


def _first_mirror(uri: str) -> str:
    """The first mirror of an apt-transport-mirror(1) list on disk, or the URI itself."""
    path = re.sub(r"^mirror\+file:(//(?=/))?", "", uri)
    if path == uri:
        return uri
    with contextlib.suppress(OSError):
        for line in Path(path).read_text(errors="replace").splitlines():
            words = line.split("#")[0].split()
            if words:
                return words[0]
    return uri


def _is_debian(source: AptSource, suffix: str = "") -> bool:
    release = source.suite[: len(source.suite) - len(suffix)]
    return (
        source.suite.endswith(suffix)
        and release in DEBIAN_SUITES
        and "main" in source.components
        and urllib.parse.urlsplit(source.uri).scheme in ("http", "https")
    )


def debian_mirror(sources: Sequence[AptSource]) -> str | None:
    """The mirror of Debian's archive among sources, without a trailing slash.

    Third parties name their suites after Debian's too, so a path that ends in `debian`, as all of
    Debian's mirrors have it, goes first.
    """
    mirrors = [source.uri.rstrip("/") for source in sources if _is_debian(source)]
    mirrors.sort(key=lambda uri: not uri.endswith("/debian"))
    return mirrors[0] if mirrors else None


def security_mirror(sources: Sequence[AptSource]) -> str | None:
    """The mirror of Debian's security archive among sources, without a trailing slash."""
    mirrors = [source.uri.rstrip("/") for source in sources if _is_debian(source, "-security")]
    return mirrors[0] if mirrors else None


def mirror_map(sources: Sequence[AptSource]) -> str:
    """The value of APT2OSTREE_MIRRORS that maps Debian's archives to this machine's mirrors."""
    pairs = (
        (DEBIAN_ARCHIVE, debian_mirror(sources)),
        (DEBIAN_SECURITY, security_mirror(sources)),
    )
    return ",".join(
        f"{origin}={mirror}" for origin, mirror in pairs if mirror not in (None, origin)
    )


def transport_options(apt_config_dump: str) -> list[str]:
    """The lines of `apt-config dump` about proxies and certificates, to hand to another apt."""
    wanted = re.compile(r'Acquire::(http|https|Retries)\b[^"]* "[^"]+";')
    return [line for line in apt_config_dump.splitlines() if wanted.fullmatch(line)]
