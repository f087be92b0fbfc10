from __future__ import annotations

import subprocess
import unittest
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from apt2ostree.archive.openpgp import PublicKey, issuers, public_keys, signing_keys
from apt2ostree.errors import UserError
from tests.support.judges import ScratchTest, need

KEYRINGS = Path("apt2ostree/keyrings")
# Versions of gpg differ in which of two signatures counts that were made within a minute.
_DAY = 86400


class SigningKeysTest(ScratchTest):
    def test_length_and_end_are_those_that_gpg_shows(self) -> None:
        need(self, "gpg")
        for path in sorted(KEYRINGS.glob("*.gpg")):
            shown = subprocess.run(
                ["gpg", "--homedir", self.scratch, "--with-colons", "--show-keys", path],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            ).stdout
            theirs, last = set(), [""]
            for line in shown.splitlines():
                fields = line.split(":")
                if fields[0] == "fpr":
                    bits = int(last[2]) if last[3] in ("1", "17") else 0
                    theirs.add((fields[9], bits, int(last[6] or 0) // _DAY))
                last = fields if fields[0] in ("pub", "sub") else last
            keys = signing_keys(path.read_bytes())
            ours = {(key.fingerprint, key.bits, key.expires // _DAY) for key in keys}
            self.assertEqual(ours, theirs, path)

    @given(st.binary(max_size=200))
    def test_reads_or_refuses_any_bytes(self, data: bytes) -> None:
        for read in (signing_keys, issuers):
            try:
                read(data)
            except UserError as error:
                self.assertIn("byte", str(error))


class OpenpgpTest(ScratchTest):
    def test_fingerprints_are_those_that_gpg_shows(self) -> None:
        need(self, "gpg")
        paths = sorted(KEYRINGS.glob("*.gpg"))
        self.assertTrue(paths)
        for path in paths:
            shown = subprocess.run(
                ["gpg", "--homedir", self.scratch, "--with-colons", "--show-keys", path],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                check=True,
            ).stdout.decode()
            # The first fingerprint after `pub` is the primary key's; signatures may be between.
            expected = [
                next(line for line in part.splitlines() if line.startswith("fpr:")).split(":")[9]
                for part in f"\n{shown}".split("\npub:")[1:]
            ]
            found = public_keys(path.read_bytes())
            self.assertEqual([key.fingerprint for key in found], expected, path)
            self.assertTrue(all(key.user_ids for key in found))

    def test_a_keyring_of_no_keys_is_empty(self) -> None:
        self.assertEqual(public_keys(b""), [])

    def test_a_key_reads_as_fingerprint_and_first_name(self) -> None:
        self.assertEqual(str(PublicKey("AB", ("a", "b"))), "AB a")
        self.assertEqual(str(PublicKey("AB")), "AB (nobody)")

    def test_what_is_broken_is_refused(self) -> None:
        for data, words in (
            (b"\x00", "no OpenPGP packet begins at byte 0"),
            (b"\x98\x10\x04", "the packet at byte 2 ends after the end of the keyring"),
            (b"\x98\x01\x03", "a public key of version 03; expected version 4 or 6"),
            (b"\xc6\xe0", "a packet of partial length at byte 1, which keys do not have"),
        ):
            with self.subTest(data), self.assertRaises(UserError) as caught:
                public_keys(data)
            self.assertEqual(str(caught.exception), words)


if __name__ == "__main__":
    unittest.main()
