"""Which public keys an archive may be signed with.

A ``.sources`` file usually names a keyring of the machine that runs apt, such as
``/usr/share/keyrings/debian-archive-keyring.gpg``. Here that machine is not Debian, as a rule,
and what a lockfile becomes must not depend on it: so the name selects, without its directory and
suffix, one of the keyrings that the caller gives, and the path itself is never read.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from apt2ostree.archive.download import without_credentials
from apt2ostree.archive.release import ReleaseError
from apt2ostree.archive.signature import Keyring, Verifier, find_verifier, parse_keyring
from apt2ostree.archive.sources import Source

_log = logging.getLogger(__name__)

# Those of these rules.
_OURS = frozenset(
    {
        "debian-archive-keyring",
        "debian-archive-removed-keys",
        "debian-ports-archive-keyring",
        "ubuntu-archive-keyring",
    }
)
_SUFFIXES = (".gpg", ".pgp", ".asc", ".kbx")


@dataclass(frozen=True)
class Keyrings:
    """The keyring files that were given; all of them count for a source without Signed-By."""

    paths: tuple[Path, ...] = ()

    def verifier(self, source: Source) -> Verifier:
        """What checks the signature of this source's Release file.

        Raises:
            UserError: no such keyring, none at all, or no program to check signatures with.
        """
        signed_by = source.policy.signed_by
        if signed_by.armoured:
            inline = parse_keyring(f"{source.place} (Signed-By)", signed_by.armoured.encode())
            keyrings = [inline]
        elif signed_by.keyrings:
            keyrings = [self._read(self._find(name, source)) for name in signed_by.keyrings]
        else:
            keyrings = [self._read(path) for path in self.paths]
            foreign = [path.name for path in self.paths if _stem(path) not in _OURS]
            if foreign and len(self.paths) > 1 and not signed_by.fingerprints:
                _log.warning(
                    "%s: without Signed-By, %s %s may be signed by any key of %s as well; name its "
                    "own keyring",
                    source.place,
                    without_credentials(source.uri),
                    source.suite,
                    ", ".join(foreign),
                )
        if not keyrings:
            raise ReleaseError(
                f"{source.place}: there is no key to check {source.uri} {source.suite} with; "
                "name a keyring with Signed-By, or in the attribute keyrings"
            )
        return find_verifier(
            keyrings,
            signed_by.fingerprints,
            allow_expired_keys=not source.policy.check_valid_until,
        )

    def _find(self, name: str, source: Source) -> Path:
        wanted = Path(name)
        for path in self.paths:
            if _stem(path) == _stem(wanted):
                return path
        known = ", ".join(sorted(path.name for path in self.paths)) or "none"
        raise ReleaseError(
            f"{source.place}: Signed-By: there is no keyring {name}; add the file to the attribute "
            f"keyrings, which has: {known}"
        )

    @staticmethod
    def _read(path: Path) -> Keyring:
        return parse_keyring(path.name, path.read_bytes())


def _stem(path: Path) -> str:
    return path.name[: -len(path.suffix)] if path.suffix in _SUFFIXES else path.name
