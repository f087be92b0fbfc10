"""What is fuzzed: every parser of what others have written, and a few inputs to begin with.

A target takes any bytes. It may refuse them, with an error that the parser's documentation names;
whatever else it raises is a defect.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from apt2ostree.archive import openpgp
from apt2ostree.archive.release import parse_release
from apt2ostree.archive.signature import parse_keyring
from apt2ostree.archive.sources import parse_sources
from apt2ostree.deb.package import Deb
from apt2ostree.debian.control import parse_stanza
from apt2ostree.debian.index import MalformedIndexError, Unusable, parse_index
from apt2ostree.debian.relations import RelationError, parse_provides, parse_relations
from apt2ostree.debian.version import VersionError, key
from apt2ostree.debian.wanted import WantedError, parse_wanted
from apt2ostree.errors import UserError
from apt2ostree.lock.lockfile import archive_date, parse_lock
from apt2ostree.lock.preferences import PreferencesError, parse_preferences
from apt2ostree.ostree import objects

_STANZA = (
    b"Package: a\nVersion: 1:2.3~b-4\nArchitecture: amd64\nMulti-Arch: same\nProvides: b (= 1), c\n"
    b"Depends: d (>= 1) | e:any, f [amd64] <!x>\nDescription: short\n long\n .\nSize: 3\n"
    b"Filename: pool/a.deb\nSHA256: " + b"ab" * 32 + b"\n"
)
_KEYS = (
    b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEAAAAAA==\n-----END PGP PUBLIC KEY BLOCK-----\n"
)


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        run: gives it an input, and uses what it returns.
        refusals: the errors with which it may refuse one.
        seeds: inputs that it takes, or nearly.
    """

    run: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _index(data: bytes) -> None:
    unusable: list[Unusable] = []
    for package in parse_index(data, "Packages", unusable=unusable):
        package.fields()
        package.provided()
        package.relations("Depends")


def _lock(data: bytes) -> None:
    for package in parse_lock(data, "lock"):
        archive_date(package)


def _deb(data: bytes) -> None:
    for reader in Deb(io.BytesIO(data)).data():
        for _ in reader:
            pass


def _ar(*members: tuple[bytes, bytes]) -> bytes:
    return b"!<arch>\n" + b"".join(
        name.ljust(16) + b"0           0     0     100644  %-10d`\n" % len(data) + data
        for name, data in members
    )


TARGETS = {
    "commit": Target(objects.parse_commit, (UserError,), (b"\0" * 40,)),
    "control": Target(lambda data: parse_stanza(_text(data), "control"), (UserError,), (_STANZA,)),
    "deb": Target(
        _deb,
        (UserError,),
        (_ar((b"debian-binary", b"2.0\n"), (b"control.tar", b"\0" * 1024)), b"0.939000\n1\n"),
    ),
    "dirmeta": Target(objects.parse_dirmeta, (UserError,), (b"\0" * 20,)),
    "dirtree": Target(objects.parse_dirtree, (UserError,), (b"\0" * 40,)),
    "index": Target(_index, (MalformedIndexError,), (_STANZA, _STANZA + b"\n" + _STANZA)),
    "keyring": Target(
        lambda data: openpgp.signing_keys(parse_keyring("x", data).packets), (UserError,), (_KEYS,)
    ),
    "lock": Target(
        _lock,
        (UserError,),
        (
            _STANZA
            + b"APT-Sources: http://x s/main amd64 Packages\nArchive-Date: 20260901T120000Z\n",
        ),
    ),
    "preferences": Target(
        lambda data: parse_preferences(_text(data), "x"),
        (PreferencesError,),
        (b"Package: a src:b /c/\nPin: release n=x, o=Debian\nPin-Priority: 990\n",),
    ),
    "provides": Target(
        lambda data: parse_provides(_text(data)), (RelationError,), (b"a (= 1), b | c",)
    ),
    "relations": Target(
        lambda data: parse_relations(_text(data), "amd64"),
        (RelationError,),
        (b"a:any (>= 1.2~) | b [!amd64] <x> <!y>, c",),
    ),
    "release": Target(
        lambda data: parse_release(data.decode("utf-8", "replace"), "Release"),
        (UserError,),
        (
            b"Origin: Debian\nSuite: stable\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nSHA256:\n "
            + b"ab" * 32
            + b" 12 main/binary-amd64/Packages\n",
        ),
    ),
    "signature": Target(openpgp.issuers, (UserError,), (b"\x88\x75\x04\x00\x16\x0a\x00\x1d" * 8,)),
    "sources": Target(
        lambda data: parse_sources(data.decode("utf-8", "replace"), "x", "amd64"),
        (UserError,),
        (
            b"Types: deb\nURIs: http://x/debian\nSuites: a b\nComponents: main\n"
            b"Signed-By: /x.gpg\n",
            b"deb [arch=amd64 signed-by=/x.gpg] http://x/debian a main\n",
        ),
    ),
    "version": Target(lambda data: key(_text(data)), (VersionError,), (b"1:2.3~rc1-4+b1",)),
    "wanted": Target(
        lambda data: parse_wanted(_text(data)), (WantedError,), (b"a:amd64=1", b"a/s")
    ),
}
