"""Checksums that a file may be known by: SHA-256, or SHA-512 where an archive has that alone.

A checksum is lower-case hexadecimal, and its length tells which it is.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

FIELDS = {64: "SHA256", 128: "SHA512"}
"""Number of digits → the field of a stanza, or of a Release file; the first is preferred."""


def is_checksum(text: str, field: str) -> bool:
    """Whether a text is a checksum of the field's kind, in either case."""
    return bool(re.fullmatch("[0-9a-fA-F]*", text)) and FIELDS.get(len(text)) == field


def field_of(checksum: str) -> str:
    """The field, ``SHA256`` or ``SHA512``, that a checksum is for."""
    return FIELDS[len(checksum)]


def digest_like(checksum: str) -> _Hash:
    """What computes a checksum of the same kind."""
    return hashlib.new(field_of(checksum))
