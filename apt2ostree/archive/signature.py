"""Who signed a Release file, told by the host's ``gpgv`` or ``sqv``.

Nothing of a signed file is used but what the verifier itself wrote out, so that text around or
between the signed parts of a clear-signed file (RFC 9580, section 7) can never be taken for
signed text. gpgv is asked through its status lines (GnuPG's doc/DETAILS).

A signature counts if it is valid, not made with a digest that collisions are known for, nor in the
future, and its key is in the keyrings given, has 2048 bits or more if it is one of RSA or DSA, and
is neither revoked nor expired: whichever of the two programs there is. As with apt, signatures of
keys that are not in the keyrings are passed over when another one counts, and a bad one refuses
the file.
"""

from __future__ import annotations

import base64
import binascii
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from apt2ostree.archive.openpgp import SigningKey, issuers, signing_keys
from apt2ostree.errors import UserError

# RFC 9580, section 9.5: hash algorithms for which collisions can be made.
_WEAK_DIGESTS = {"1": "MD5", "2": "SHA-1", "3": "RIPE-MD/160"}

_BEGIN_KEYS = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
_END_KEYS = b"-----END PGP PUBLIC KEY BLOCK-----"
_BEGIN_MESSAGE = b"-----BEGIN PGP SIGNED MESSAGE-----"
_BEGIN_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"
_END_SIGNATURE = b"-----END PGP SIGNATURE-----"

_TIMEOUT = 60
_MIN_BITS = 2048
# Seconds by which the clock of whoever signs may be ahead.
_MAX_FUTURE = 10
_KEYBOX = b"KBXf"


class SignatureError(UserError):
    """A file is not signed by a key that may sign it."""


@dataclass(frozen=True)
class Keyring:
    """Public keys: a name for messages and OpenPGP packets (RFC 9580), not armoured."""

    name: str
    packets: bytes


def parse_keyring(name: str, data: bytes) -> Keyring:
    """Take public keys as gpg exports them, armoured or not.

    Raises:
        SignatureError: if there is no public key in it.
    """
    blocks = list(_armoured_blocks(data))
    try:
        packets = b"".join(_dearmour(block) for block in blocks) if blocks else data
    except binascii.Error as error:
        raise SignatureError(f"{name}: the armoured public key is damaged: {error}") from None
    if packets[8:12] != _KEYBOX and packets[:1] < b"\x80":
        raise SignatureError(
            f"{name}: not a keyring; expected public keys as gpg --export writes them "
            "(with or without --armor)"
        )
    return Keyring(name, packets)


def _armoured_blocks(data: bytes) -> Iterator[bytes]:
    """The insides of armoured blocks, each beginning on the line after its first."""
    end = 0
    while (begin := data.find(_BEGIN_KEYS, end)) >= 0:
        inside = begin + len(_BEGIN_KEYS)
        end = data.find(_END_KEYS, inside)
        if end < 0:
            return
        yield data[inside:end].partition(b"\n")[2]


def _dearmour(block: bytes) -> bytes:
    """Decode the inside of an armoured block: headers, an empty line, base64, a CRC."""
    lines = [line.strip() for line in block.splitlines()]
    body = lines[lines.index(b"") + 1 :] if b"" in lines else lines
    text = b"".join(line for line in body if not line.startswith(b"="))
    return base64.b64decode(text, validate=True)


@dataclass(frozen=True)
class Verifier:
    """A program of the host that checks signatures.

    Attributes:
        program: path of gpgv or sqv.
        keyrings: the keys that may sign.
        fingerprints: those of them that may, in the form of ``Signed-By``; none: all of them.
        allow_expired_keys: take a signature that was made while its key was still valid, as
            is needed for archives that nobody signs anew.
    """

    program: str
    keyrings: tuple[Keyring, ...]
    fingerprints: tuple[str, ...] = ()
    allow_expired_keys: bool = False

    def clearsigned(self, name: str, data: bytes) -> bytes:
        """Return the signed text of a clear-signed file, such as InRelease.

        Raises:
            SignatureError: saying what is wrong with the signature, in terms of ``name``.
        """
        _require_one_message(name, data)
        with tempfile.TemporaryDirectory(prefix="apt2ostree-") as directory:
            path, output = Path(directory, "signed"), Path(directory, "text")
            path.write_bytes(data)
            arguments = ["--output", str(output)]
            if self._is_sqv:
                arguments.append("--cleartext")
            self._run(name, directory, [*arguments, str(path)], data)
            # The newline of the last line is not part of what is signed, and sqv leaves it out.
            return output.read_bytes().rstrip(b"\n") + b"\n"

    def detached(self, name: str, data: bytes, signature: bytes) -> bytes:
        """Return ``data`` if ``signature``, such as Release.gpg, is a valid one of it.

        Raises:
            SignatureError: saying what is wrong with the signature, in terms of ``name``.
        """
        with tempfile.TemporaryDirectory(prefix="apt2ostree-") as directory:
            path, signature_path = Path(directory, "data"), Path(directory, "signature")
            path.write_bytes(data)
            signature_path.write_bytes(signature)
            sqv = ["--signature-file", str(signature_path), str(path)]
            arguments = sqv if self._is_sqv else [str(signature_path), str(path)]
            self._run(name, directory, arguments, signature)
        return data

    @property
    def _is_sqv(self) -> bool:
        return Path(self.program).name.startswith("sqv")

    def _run(self, name: str, directory: str, arguments: Sequence[str], signature: bytes) -> None:
        """Run the program and judge what it says; `signature` is the file that has it."""
        now = time.time()
        command = [self.program]
        for number, keyring in enumerate(self.keyrings):
            path = Path(directory, f"keyring-{number}")
            path.write_bytes(keyring.packets)
            command += ["--keyring", str(path)]
        if self._is_sqv:
            latest = datetime.fromtimestamp(now + _MAX_FUTURE, timezone.utc)
            command += ["--not-after", f"{latest:%Y-%m-%dT%H:%M:%SZ}"]
        else:
            # Of its own directory gpgv would read options, and the keys that its user trusts.
            command += ["--homedir", directory, "--status-fd", "1"]
        result = subprocess.run(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
        stdout, stderr = (b.decode("utf-8", "replace") for b in (result.stdout, result.stderr))
        if self._is_sqv:
            signers = self._judge_sqv(name, result.returncode, stdout, stderr)
            self._judge_age(name, signature, signers, now)
        else:
            self._judge_gpgv(name, stdout, stderr, now)

    def _keys(self) -> dict[str, SigningKey]:
        """The keys by fingerprint; those of keyboxes, which gpgv alone reads, are left out."""
        packets = [k.packets for k in self.keyrings if k.packets[8:12] != _KEYBOX]
        try:
            return {key.fingerprint: key for ring in packets for key in signing_keys(ring)}
        except UserError as error:
            names = ", ".join(keyring.name for keyring in self.keyrings)
            raise SignatureError(f"{names}: {error}") from None

    def _judge_age(self, name: str, data: bytes, signers: Sequence[str], now: float) -> None:
        """Refuse keys that have expired since they signed, which sqv accepts and gpgv does not."""
        if self.allow_expired_keys:
            return
        used = [
            key
            for issuer in issuers(_signature_packets(name, data))
            for key in self._keys().values()
            if key.primary in signers and key.fingerprint.endswith(issuer)
        ]
        if not any(key.expires == 0 or key.expires > now for key in used):
            expired = [f"key {key.fingerprint[-16:]} has expired" for key in used]
            raise self._refused(name, expired or ["it does not say which key made it"])

    def _judge_sqv(self, name: str, status: int, stdout: str, stderr: str) -> list[str]:
        """Return the primary keys whose signatures are good."""
        if status != 0 and "unexpected argument" in stderr:
            raise SignatureError(
                f"{name}: {self.program} is too old for clear-signed files; install gpgv, or "
                "sqv 1.3 or later"
            )
        if status != 0:
            said = "; ".join(line.strip() for line in stderr.splitlines() if line.strip())
            raise self._refused(name, [said] if said else ["sqv found no valid signature"])
        signers = [(line.strip().upper(),) for line in stdout.splitlines() if line.strip()]
        if not any(self._may_sign(signer) for signer in signers):
            raise self._refused(name, self._not_selected(signers))
        return [signer for (signer,) in signers if self._may_sign((signer,))]

    def _judge_gpgv(self, name: str, stdout: str, stderr: str, now: float) -> None:
        signatures = _gpgv_signatures(stdout)
        if not signatures:
            said = stderr.strip().splitlines()[-1:] or ["gpgv found none"]
            raise SignatureError(f"{name}: there is no signature in it ({said[0]})")
        if any(signature.verdict == "BADSIG" for signature in signatures):
            raise SignatureError(
                f"{name}: the signature is BAD: the text was changed after key "
                f"{next(s.key for s in signatures if s.verdict == 'BADSIG')} had signed it. "
                "Somebody tampered with it, or the download is damaged"
            )
        keys = self._keys()
        faults = [
            signature.fault(self.allow_expired_keys, now) or _weakness(signature, keys)
            for signature in signatures
        ]
        good = [s.signers for s, fault in zip(signatures, faults) if not fault]
        if not good:
            raise self._refused(name, [fault for fault in faults if fault])
        if not any(self._may_sign(signers) for signers in good):
            raise self._refused(name, self._not_selected(good))

    def _may_sign(self, signers: Sequence[str]) -> bool:
        """Whether the signing key (first), or the primary key it belongs to, is selected."""
        if not self.fingerprints:
            return True
        exact = {f.rstrip("!") for f in self.fingerprints if f.endswith("!")}
        return signers[0] in exact or any(signer in self.fingerprints for signer in signers)

    def _not_selected(self, good: Sequence[Sequence[str]]) -> list[str]:
        signers = ", ".join(signer[-1] for signer in good)
        return [f"signed by {signers}, but Signed-By allows only {', '.join(self.fingerprints)}"]

    def _refused(self, name: str, reasons: Sequence[str]) -> SignatureError:
        keyrings = ", ".join(keyring.name for keyring in self.keyrings) or "none"
        return SignatureError(
            f"{name}: no valid signature: {'; '.join(reasons)}. Keyrings: {keyrings}. If the "
            "archive has a new key, get it from a source you trust and name it in Signed-By"
        )


def find_verifier(
    keyrings: Sequence[Keyring],
    fingerprints: Sequence[str] = (),
    allow_expired_keys: bool = False,
) -> Verifier:
    """Choose gpgv or else sqv on the PATH.

    Raises:
        SignatureError: if the host has neither.
    """
    program = shutil.which("gpgv") or shutil.which("sqv")
    if program is None:
        raise SignatureError(
            "cannot check signatures: neither gpgv nor sqv is on the PATH; install either "
            "(in Debian, Ubuntu and Fedora the packages are gpgv or gnupg2, and sqv or sequoia-sqv)"
        )
    return Verifier(program, tuple(keyrings), tuple(fingerprints), allow_expired_keys)


@dataclass(frozen=True)
class _Signature:
    """What gpgv says of one signature."""

    verdict: str = ""
    key: str = ""
    signers: tuple[str, ...] = ()
    digest: str = ""
    made: int = 0
    key_expired: int = 0

    def fault(self, allow_expired_keys: bool, now: float) -> str:
        """Why the signature does not count at a time, or ""."""
        if self.digest in _WEAK_DIGESTS:
            return (
                f"the signature of key {self.key} uses {_WEAK_DIGESTS[self.digest]}, which is weak"
            )
        if self.made > now + _MAX_FUTURE:
            made = datetime.fromtimestamp(self.made, timezone.utc)
            return (
                f"the signature of key {self.key} is from the future: it was made on "
                f"{made:%Y-%m-%d %H:%M:%S} UTC. Set the clock"
            )
        if self.verdict == "EXPKEYSIG" and allow_expired_keys and self.made < self.key_expired:
            return ""
        return {
            "GOODSIG": "" if self.signers else f"the signature of key {self.key} is not valid",
            "EXPSIG": f"the signature of key {self.key} has expired",
            "EXPKEYSIG": f"key {self.key} has expired",
            "REVKEYSIG": f"key {self.key} has been revoked",
            "NO_PUBKEY": f"signed by key {self.key}, which is in none of the keyrings",
        }.get(self.verdict, f"the signature of key {self.key} cannot be checked")


def _weakness(signature: _Signature, keys: Mapping[str, SigningKey]) -> str:
    """Why the key of a signature is too weak, or ""."""
    key = keys.get(signature.signers[0]) if signature.signers else None
    if key is None or not 0 < key.bits < _MIN_BITS:
        return ""
    return (
        f"key {signature.key} is of RSA or DSA with {key.bits} bits, which is weak: expected "
        f"{_MIN_BITS} or more"
    )


def _signature_packets(name: str, data: bytes) -> bytes:
    """The packets of a signature: of a detached one, or of that in a clear-signed file."""
    begin = data.rfind(_BEGIN_SIGNATURE)
    if begin < 0:
        return data
    block = data[begin + len(_BEGIN_SIGNATURE) :].partition(b"\n")[2].partition(_END_SIGNATURE)[0]
    try:
        return _dearmour(block)
    except binascii.Error as error:
        raise SignatureError(f"{name}: the armoured signature is damaged: {error}") from None


def _gpgv_signatures(status: str) -> list[_Signature]:
    """Collect the status lines that belong to each signature, which NEWSIG begins."""
    groups: list[dict[str, list[str]]] = []
    for line in status.splitlines():
        words = line.removeprefix("[GNUPG:] ").split()
        if words[:1] == ["NEWSIG"]:
            groups.append({})
        elif words and groups:
            groups[-1].setdefault(words[0], words[1:])
    return [_signature(group) for group in groups]


def _signature(group: dict[str, list[str]]) -> _Signature:
    verdicts = ("BADSIG", "REVKEYSIG", "EXPKEYSIG", "EXPSIG", "NO_PUBKEY", "ERRSIG", "GOODSIG")
    verdict = next((word for word in verdicts if word in group), "")
    valid = group.get("VALIDSIG", [])
    expired = group.get("KEYEXPIRED", ["0"])[0]
    return _Signature(
        verdict=verdict,
        key=(group.get(verdict) or ["unknown"])[0],
        signers=(valid[0], valid[9]) if len(valid) > 9 else tuple(valid[:1]),
        digest=valid[7] if len(valid) > 7 else "",
        made=int(valid[2]) if len(valid) > 2 and valid[2].isdigit() else 0,
        key_expired=int(expired) if expired.isdigit() else 0,
    )


def _require_one_message(name: str, data: bytes) -> None:
    """Refuse what is not exactly one clear-signed message, from the first line to the last."""
    lines = [line.rstrip() for line in data.splitlines() if line.startswith(b"-----")]
    if _BEGIN_MESSAGE not in lines:
        raise SignatureError(
            f"{name}: there is no signature in it: expected a clear-signed file, found "
            f"{data[:60].decode('utf-8', 'replace')!r}"
        )
    whole = data.lstrip().startswith(_BEGIN_MESSAGE) and data.rstrip().endswith(_END_SIGNATURE)
    if lines != [_BEGIN_MESSAGE, _BEGIN_SIGNATURE, _END_SIGNATURE] or not whole:
        raise SignatureError(
            f"{name}: not one whole clear-signed file: it is truncated, or has text that is not "
            "signed"
        )
