"""What public keys a keyring holds: OpenPGP packets, as far as telling keys apart goes.

The packets are RFC 9580's, the fingerprints those of version 4 (SHA-1) and version 6 (SHA-256)
keys. Nothing here checks a signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apt2ostree.errors import UserError

_SIGNATURE = 2
_PUBLIC_KEY = 6
_USER_ID = 13
_PUBLIC_SUBKEY = 14
# RFC 9580, section 9.1: RSA, and DSA, whose first number is the modulus.
_WITH_MODULUS = (1, 2, 3, 17)
# Section 5.2.1: certifications of a user ID and a signature directly on a key; a subkey's binding.
_DIRECT = 0x1F
_OWN = (0x10, 0x11, 0x12, 0x13, _DIRECT)
_BINDING = (0x18,)
# Section 5.2.3.7: subpackets.
_CREATED, _KEY_EXPIRES, _ISSUER, _ISSUER_FINGERPRINT = 2, 9, 16, 33


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


@dataclass(frozen=True)
class SigningKey:
    """A primary key or a subkey, as far as its age and strength go.

    Attributes:
        fingerprint: upper-case hexadecimal.
        primary: that of the primary key that it belongs to, or is.
        bits: length of its modulus, if it is of RSA or DSA; 0 for another algorithm.
        expires: when, in seconds since 1970 (UTC), by what its owner said last; 0 for never.
    """

    fingerprint: str
    primary: str
    bits: int
    expires: int


@dataclass(frozen=True)
class _Signature:
    """What a version 4 or 6 signature says of itself; times in seconds, 0 for none."""

    type: int
    created: int
    key_expires: int
    issuer: str


def signing_keys(packets: bytes) -> list[SigningKey]:
    """All keys of a keyring, not armoured, subkeys included, but for those of unknown versions.

    Raises:
        UserError: it ends in the middle of a packet.
    """
    keys: list[SigningKey] = []
    primary, key, own = "", b"", list[_Signature]()
    for tag, body in (*_packets(packets), (_PUBLIC_KEY, b"")):
        if tag in (_PUBLIC_KEY, _PUBLIC_SUBKEY):
            if _is_known(key) and primary:
                keys.append(_signing_key(key, primary, own))
            if tag == _PUBLIC_KEY:
                primary = _fingerprint(body) if _is_known(body) else ""
            types, key, own = (_OWN if tag == _PUBLIC_KEY else _BINDING), body, []
        elif tag == _SIGNATURE:
            signature = _signature(body)
            if signature and signature.type in types and _is_of(signature.issuer, primary):
                own.append(signature)
    return keys


def issuers(packets: bytes) -> list[str]:
    """The fingerprints, or ends of them, of the keys that signatures say they were made with.

    Raises:
        UserError: the packets end in the middle of one.
    """
    found = (_signature(body) for tag, body in _packets(packets) if tag == _SIGNATURE)
    return [signature.issuer for signature in found if signature]


def _is_of(issuer: str, fingerprint: str) -> bool:
    """Whether an issuer, which may be a key ID, is the key with a fingerprint."""
    return bool(issuer) and (fingerprint.endswith(issuer) or fingerprint.startswith(issuer))


def _is_known(body: bytes) -> bool:
    return body[:1] in (b"\4", b"\6") and len(body) > 12


def _signing_key(body: bytes, primary: str, own: Sequence[_Signature]) -> SigningKey:
    version, created, algorithm = body[0], int.from_bytes(body[1:5], "big"), body[5]
    # Version 6 has the length of what follows there.
    modulus = 6 if version == 4 else 10
    bits = int.from_bytes(body[modulus : modulus + 2], "big") if algorithm in _WITH_MODULUS else 0
    # A signature directly on the key often says something else alone, such as who may revoke it.
    telling = [one for one in own if one.type != _DIRECT or one.key_expires]
    latest = max(telling, key=lambda signature: signature.created, default=None)
    after = latest.key_expires if latest else 0
    return SigningKey(_fingerprint(body), primary, bits, created + after if after else 0)


def _signature(body: bytes) -> _Signature | None:
    """Read a signature's subpackets; None for one of another version, or that is malformed."""
    width = {4: 2, 6: 4}.get(body[0] if body else 0)
    if width is None or len(body) < 4 + width:
        return None
    hashed = int.from_bytes(body[4 : 4 + width], "big")
    start = 4 + width + hashed
    unhashed = int.from_bytes(body[start : start + width], "big")
    # What is not hashed can have been put there by anybody, and only tells where to look.
    said = dict(_subpackets(body[start + width : start + width + unhashed]))
    issuer = {kind: said[kind] for kind in (_ISSUER, _ISSUER_FINGERPRINT) if kind in said}
    sure = issuer | dict(_subpackets(body[4 + width : start]))
    named = sure.get(_ISSUER_FINGERPRINT, b"")[1:] or sure.get(_ISSUER, b"")
    return _Signature(
        type=body[1],
        created=int.from_bytes(sure.get(_CREATED, b""), "big"),
        key_expires=int.from_bytes(sure.get(_KEY_EXPIRES, b""), "big"),
        issuer=named.hex().upper(),
    )


def _subpackets(area: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(area):
        try:
            start, length = _new_length(area, place)
        except (IndexError, UserError):
            return
        if not length or start + length > len(area):
            return
        yield area[start] & 0x7F, area[start + 1 : start + length]
        place = start + length


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
