import io
import tempfile
import unittest
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from apt2ostree.deb import ar
from apt2ostree.errors import UserError
from tests.support import debs, judges


def read(data: bytes) -> list[tuple[str, bytes]]:
    found = []
    for member in ar.members(io.BytesIO(data)):
        content = b""
        while chunk := member.read(7):
            content += chunk
        found.append((member.name, content))
    return found


class ArTest(unittest.TestCase):
    def test_members_come_in_order_with_their_content(self) -> None:
        members = [("debian-binary", b"2.0\n"), ("odd", b"abc"), ("empty", b""), ("last", b"x")]
        self.assertEqual(read(debs.ar(*members)), members)

    def test_what_is_not_read_of_a_member_is_skipped(self) -> None:
        data = debs.ar(("a", b"long" * 1000), ("b", b"x"))
        self.assertEqual([member.name for member in ar.members(io.BytesIO(data))], ["a", "b"])

    def test_the_padding_of_the_last_member_may_be_missing(self) -> None:
        self.assertEqual(read(debs.ar(("a", b"abc"))[:-1]), [("a", b"abc")])

    def test_a_file_that_is_no_archive(self) -> None:
        for data in (b"", b"!<arch>", b"\x7fELF" * 20, b"!<thin>\nxxxxxxxxxxxx"):
            with self.assertRaisesRegex(UserError, "not a Debian package.*ar signature"):
                read(data)

    def test_the_format_before_this_one(self) -> None:
        with self.assertRaisesRegex(UserError, "package format 0.939, .* expected 2.0; have dpkg"):
            read(b"0.939000\n222\n\x1f\x8b")

    def test_every_truncation_is_noticed(self) -> None:
        whole = debs.ar(("a", b"abc"), ("b", b"defg"))
        headers = {8, 8 + 60 + 3, 8 + 60 + 4}
        for length in set(range(8, len(whole))) - headers:
            with self.subTest(length), self.assertRaisesRegex(UserError, "truncated.*download"):
                read(whole[:length])

    def test_a_malformed_header(self) -> None:
        whole = debs.ar(("a", b"abc"))
        for position, byte in ((66, b"x"), (67, b"x"), (56, b"-"), (56, b"x"), (57, b"\xb2")):
            broken = whole[:position] + byte + whole[position + 1 :]
            with self.subTest(position), self.assertRaisesRegex(UserError, "header is malformed"):
                read(broken)

    def test_a_size_beyond_the_end_allocates_nothing(self) -> None:
        header = f"{'a':16}{0:<12}{0:<6}{0:<6}{'100644':8}{9999999999:<10}`\n".encode()
        with self.assertRaisesRegex(UserError, "member 'a' ends 99999999.. bytes early"):
            read(b"!<arch>\n" + header + b"abc")

    def test_binutils_ar_is_read(self) -> None:
        judges.need(self, "ar")
        with tempfile.TemporaryDirectory() as directory:
            scratch = Path(directory)
            (scratch / "debian-binary").write_bytes(b"2.0\n")
            judges.run("ar", "rcD", "x.a", "debian-binary", cwd=scratch)
            self.assertEqual(read((scratch / "x.a").read_bytes()), [("debian-binary", b"2.0\n")])

    @given(st.binary(max_size=400))
    def test_random_bytes_never_raise_anything_else(self, noise: bytes) -> None:
        for data in (noise, b"!<arch>\n" + noise):
            try:
                read(data)
            except UserError as error:
                self.assertTrue(str(error))


if __name__ == "__main__":
    unittest.main()
