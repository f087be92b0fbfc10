"""Signing commits with GPG, as `ostree commit --gpg-sign` does.

A signature is a detached OpenPGP signature of the commit object's bytes. Signatures are in
the commit's detached metadata, `objects/ab/cdef….commitmeta`, an `a{sv}` whose key
`ostree.gpgsigs` is an `aay` with one byte string per signature. Source: libostree's
ostree-repo.h, "signing", and what `ostree gpg-sign` writes.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.ostree import gvariant

_KEY = "ostree.gpgsigs"


def detached_metadata(commit: bytes, keys: Sequence[str], homedir: Path | None = None) -> bytes:
    """Return the content of a commit's `.commitmeta`, signed with every key.

    Args:
        commit: the commit object.
        keys: what gpg takes for a secret key: an id, a fingerprint, an address.
        homedir: gpg's directory of keys; by default its own.

    Raises:
        UserError: no gpg, no such key, or gpg could not sign.
    """
    signatures = [_sign(commit, key, homedir) for key in keys]
    return gvariant.dictionary({_KEY: ("aay", gvariant.array(signatures))})


def _sign(data: bytes, key: str, homedir: Path | None) -> bytes:
    command = ["gpg", "--batch", "--quiet", "--local-user", key, "--detach-sign", "--output", "-"]
    if homedir is not None:
        command[1:1] = ["--homedir", str(homedir)]
    try:
        result = subprocess.run(command, input=data, capture_output=True, check=False)
    except FileNotFoundError:
        raise UserError("signing needs the program gpg on the PATH (Debian: gnupg)") from None
    if result.returncode or not result.stdout:
        message = result.stderr.decode(errors="replace").strip()
        raise UserError(
            f"gpg could not sign with the key {key!r}: {message}; nothing was committed. "
            "`gpg --list-secret-keys` lists the keys there are"
        )
    return result.stdout
