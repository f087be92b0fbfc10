"""What public keys a keyring holds: OpenPGP packets, as far as telling keys apart goes.

The packets are RFC 9580's, the fingerprints those of version 4 (SHA-1) and version 6 (SHA-256)
keys. Nothing here checks a signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from apt2ostree.errors import UserError

_PUBLIC_KEY = 6
_USER_ID = 13


@dataclass(frozen=True)
class PublicKey:
    """A primary key.

    Attributes:
        fingerprint: upper-case hexadecimal.
        user_ids: whose it says it is.
    """

    fingerprint: str
    user_ids: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.fingerprint} {self.user_ids[0] if self.user_ids else '(nobody)'}"


def public_keys(packets: bytes) -> list[PublicKey]:
    """The primary keys of a keyring, not armoured, in its order.

    Raises:
        UserError: it ends in the middle of a packet, or has a key of an unknown version.
    """
    keys: list[PublicKey] = []
    for tag, body in _packets(packets):
        if tag == _PUBLIC_KEY:
            keys.append(PublicKey(_fingerprint(body)))
        elif tag == _USER_ID and keys:
            name = body.decode("utf-8", "replace")
            keys[-1] = PublicKey(keys[-1].fingerprint, (*keys[-1].user_ids, name))
    return keys


def _fingerprint(body: bytes) -> str:
    if body[:1] == b"\4":
        data = b"\x99" + len(body).to_bytes(2, "big") + body
        return hashlib.sha1(data, usedforsecurity=False).hexdigest().upper()
    if body[:1] == b"\6":
        data = b"\x9b" + len(body).to_bytes(4, "big") + body
        return hashlib.sha256(data).hexdigest().upper()
    raise UserError(f"a public key of version {body[:1].hex()}; expected version 4 or 6")


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(data):
        first = data[place]
        if not first & 0x80:
            raise UserError(f"no OpenPGP packet begins at byte {place}")
        if first & 0x40:
            tag, (start, length) = first & 0x3F, _new_length(data, place + 1)
        else:
            tag, (start, length) = first >> 2 & 0xF, _old_length(data, place + 1, first & 3)
        place = start + length
        if place > len(data):
            raise UserError(f"the packet at byte {start} ends after the end of the keyring")
        yield tag, data[start:place]


def _new_length(data: bytes, place: int) -> tuple[int, int]:
    first = data[place] if place < len(data) else 0
    if first < 192:
        return place + 1, first
    if first < 224:
        second = int.from_bytes(data[place + 1 : place + 2], "big")
        return place + 2, (first - 192 << 8) + second + 192
    if first < 255:
        raise UserError(f"a packet of partial length at byte {place}, which keys do not have")
    return place + 5, int.from_bytes(data[place + 1 : place + 5], "big")


def _old_length(data: bytes, place: int, kind: int) -> tuple[int, int]:
    if kind == 3:
        return place, len(data) - place
    size = 1 << kind
    return place + size, int.from_bytes(data[place : place + size], "big")
