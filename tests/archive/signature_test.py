from __future__ import annotations

import shutil
import tempfile
import time
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest import mock

from apt2ostree.archive.signature import (
    Keyring,
    SignatureError,
    Verifier,
    find_verifier,
    parse_keyring,
)
from tests.archive.local_archive import Key

TEXT = b"Origin: Test\nSuite: stable\n- dashed\n"


class SignatureTest(unittest.TestCase):
    """Everything is asked of each verifier that this machine has."""

    directory: Path
    key: Key
    other: Key
    keyring: Keyring
    programs: list[str]

    @classmethod
    def setUpClass(cls) -> None:
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.directory = Path(directory.name)
        cls.key = Key(cls.directory)
        cls.other = Key(cls.directory, "other")
        cls.addClassCleanup(cls.key.close)
        cls.addClassCleanup(cls.other.close)
        cls.keyring = parse_keyring("test.gpg", cls.key.path.read_bytes())
        cls.programs = [p for p in map(shutil.which, ("gpgv", "sqv")) if p]
        if len(cls.programs) < 2:
            print(f"only {cls.programs} on this machine: the other verifier is not tested")

    def verifiers(self, *keyrings: Keyring, fingerprints: tuple[str, ...] = ()) -> list[Verifier]:
        self.assertTrue(self.programs, "neither gpgv nor sqv is installed")
        return [Verifier(p, keyrings or (self.keyring,), fingerprints) for p in self.programs]

    def assert_refused(self, words: str, data: bytes, **options: tuple[str, ...]) -> None:
        for verifier in self.verifiers(**options):
            with self.subTest(verifier.program), self.assertRaises(SignatureError) as caught:
                verifier.clearsigned("http://a/InRelease", data)
            self.assertIn(words, str(caught.exception))
            self.assertIn("http://a/InRelease", str(caught.exception))

    def test_the_signed_text_is_returned(self) -> None:
        for verifier in self.verifiers():
            with self.subTest(verifier.program):
                self.assertEqual(verifier.clearsigned("x", self.key.clearsign(TEXT)), TEXT)
                signature = self.key.detach_sign(TEXT)
                self.assertEqual(verifier.detached("x", TEXT, signature), TEXT)

    def test_an_armoured_keyring_and_one_among_several_will_do(self) -> None:
        armoured = parse_keyring("test.asc", self.key.armoured)
        other = parse_keyring("other.gpg", self.other.path.read_bytes())
        for verifier in self.verifiers(other, armoured):
            with self.subTest(verifier.program):
                self.assertEqual(verifier.clearsigned("x", self.key.clearsign(TEXT)), TEXT)

    def test_a_changed_text_is_refused(self) -> None:
        signed = self.key.clearsign(TEXT)
        self.assert_refused("", signed.replace(b"stable", b"sTable"))
        with self.assertRaisesRegex(SignatureError, "the signature is BAD: the text was changed"):
            gpgv = [v for v in self.verifiers() if v.program.endswith("gpgv")]
            gpgv[0].clearsigned("x", signed.replace(b"stable", b"sTable"))
        for verifier in self.verifiers():
            with self.subTest(verifier.program), self.assertRaises(SignatureError):
                verifier.detached("x", TEXT + b"more\n", self.key.detach_sign(TEXT))

    def test_a_signature_by_another_key_is_refused_naming_the_keyrings(self) -> None:
        self.assert_refused("no valid signature", self.other.clearsign(TEXT))
        self.assert_refused("Keyrings: test.gpg", self.other.clearsign(TEXT))

    def test_a_file_without_signature_is_refused(self) -> None:
        self.assert_refused("there is no signature in it: expected a clear-signed file", TEXT)

    def test_text_around_the_signed_text_is_refused(self) -> None:
        signed = self.key.clearsign(TEXT)
        for data in (b"Suite: x\n" + signed, signed + b"Suite: x\n", signed + signed):
            self.assert_refused("it is truncated, or has text that is not signed", data)

    def test_a_truncated_file_is_refused(self) -> None:
        signed = self.key.clearsign(TEXT)
        self.assert_refused("it is truncated", signed[:-30])

    def test_only_the_selected_keys_count(self) -> None:
        signed = self.key.clearsign(TEXT)
        for verifier in self.verifiers(fingerprints=(self.key.fingerprint,)):
            self.assertEqual(verifier.clearsigned("x", signed), TEXT)
        words = f"signed by {self.key.fingerprint}, but Signed-By allows only"
        self.assert_refused(words, signed, fingerprints=(self.other.fingerprint,))

    def test_an_expired_key_is_refused_unless_old_archives_are_accepted(self) -> None:
        # A key of 2020 that was valid for a day, and its signature of the same hour.
        old = Key(self.directory, "old", "--faked-system-time", "20200101T000000!", lifetime="1d")
        self.addCleanup(old.close)
        signed = old.clearsign(TEXT, "--faked-system-time", "20200101T010000!")
        keyrings = (parse_keyring("old.gpg", old.path.read_bytes()),)
        for program in self.programs:
            with self.assertRaisesRegex(SignatureError, "key [0-9A-F]{16} has expired"):
                Verifier(program, keyrings).clearsigned("x", signed)
            lenient = Verifier(program, keyrings, allow_expired_keys=True)
            self.assertEqual(lenient.clearsigned("x", signed), TEXT)

    def test_an_rsa_key_of_less_than_2048_bits_is_refused(self) -> None:
        for bits, good in ((1024, False), (2048, True)):
            key = Key(self.directory, f"rsa{bits}", algorithm=f"rsa{bits}")
            self.addCleanup(key.close)
            for verifier in self.verifiers(parse_keyring("rsa.gpg", key.path.read_bytes())):
                with self.subTest(verifier.program, bits=bits):
                    signed = key.clearsign(TEXT)
                    if good:
                        self.assertEqual(verifier.clearsigned("x", signed), TEXT)
                        continue
                    with self.assertRaisesRegex(SignatureError, "1024 bits, which is|RSA1024 is"):
                        verifier.clearsigned("x", signed)

    def test_a_signature_from_the_future_is_refused(self) -> None:
        for ahead in (60, 86400):
            time = datetime.now(timezone.utc) + timedelta(seconds=ahead)
            signed = self.key.clearsign(TEXT, "--faked-system-time", f"{time:%Y%m%dT%H%M%S}!")
            for verifier in self.verifiers():
                words = "is from the future: it was made on|--not-after|Not live"
                with self.subTest(verifier.program), self.assertRaisesRegex(SignatureError, words):
                    verifier.clearsigned("x", signed)


class FindVerifierTest(unittest.TestCase):
    def test_a_host_without_any_is_told_what_to_install(self) -> None:
        nothing = mock.patch("shutil.which", return_value=None)
        with nothing, self.assertRaisesRegex(SignatureError, "neither gpgv nor sqv is on the PATH"):
            find_verifier([])

    def test_sqv_will_do_where_there_is_no_gpgv(self) -> None:
        with mock.patch("shutil.which", {"sqv": "/usr/bin/sqv"}.get):
            self.assertEqual(find_verifier([]).program, "/usr/bin/sqv")


class KeyringTest(unittest.TestCase):
    def test_a_hostile_keyring_is_read_in_linear_time(self) -> None:
        begin = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
        start = time.monotonic()
        with self.assertRaisesRegex(SignatureError, "x: not a keyring"):
            parse_keyring("x", begin * 200_000)
        self.assertLess(time.monotonic() - start, 5)

    def test_what_is_no_keyring_is_refused(self) -> None:
        for data, words in (
            (b"hello", "x.gpg: not a keyring; expected public keys as gpg --export writes"),
            (b"", "x.gpg: not a keyring"),
            (
                b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!!\n-----END PGP PUBLIC KEY BLOCK-----",
                "x.gpg: the armoured public key is damaged",
            ),
        ):
            with self.subTest(data), self.assertRaises(SignatureError) as caught:
                parse_keyring("x.gpg", data)
            self.assertIn(words, str(caught.exception))


if __name__ == "__main__":
    unittest.main()
