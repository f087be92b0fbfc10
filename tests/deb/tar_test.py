import io
import struct
import subprocess
import tarfile
import unittest
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from apt2ostree.deb.tar import Member, TarReader
from apt2ostree.errors import UserError
from tests.support import debs, judges, strategies

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
TYPES = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "character device",
    tarfile.BLKTYPE: "block device",
    tarfile.FIFOTYPE: "fifo",
}


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def read(data: bytes, chunk: int = 700) -> list[tuple[Member, bytes]]:
    reader = TarReader(pieces(data, chunk))
    return [(member, b"".join(reader.content())) for member in reader]


def read_one(*entries: debs.Entry, format: int = tarfile.GNU_FORMAT) -> Member:
    ((member, _),) = read(debs.tar(*entries, format=format))
    return member


def with_header(data: bytes, offset: int, field: bytes) -> bytes:
    """Overwrite a field of the first header, and mend its checksum."""
    header = bytearray(data[:512])
    header[offset : offset + len(field)] = field
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data[512:]


NAMES = strategies.names(80)
PATHS = st.lists(NAMES, min_size=1, max_size=5).map(lambda parts: "./" + "/".join(parts))


@st.composite
def entries(draw: st.DrawFn) -> debs.Entry:
    kind = draw(st.sampled_from(sorted(set(TYPES) - {tarfile.AREGTYPE, tarfile.CONTTYPE})))
    info = tarfile.TarInfo(draw(PATHS))
    info.type = kind
    data = draw(st.binary(max_size=2000)) if kind == tarfile.REGTYPE else b""
    info.size = len(data)
    info.mode = draw(st.integers(0, 0o7777))
    info.uid = draw(st.integers(0, 0o7777777))
    info.gid = draw(st.integers(0, 0o7777777))
    info.mtime = draw(st.integers(0, 1 << 33))
    if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        info.linkname = draw(PATHS)
    if kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
        info.devmajor = draw(st.integers(0, 0o7777))
        info.devminor = draw(st.integers(0, 0o7777))
    return info, data


class AgainstTarfileTest(unittest.TestCase):
    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(entries(), max_size=8),
        st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
        st.integers(1, 3000),
    )
    def test_we_read_what_tarfile_wrote(
        self, written: list[debs.Entry], format: int, chunk: int
    ) -> None:
        found = read(debs.tar(*written, format=format), chunk)
        self.assertEqual(len(found), len(written))
        for (member, content), (info, data) in zip(found, written):
            self.assertEqual(member.name, info.name)
            self.assertEqual(member.type, TYPES[info.type])
            self.assertEqual(member.mode, info.mode)
            self.assertEqual((member.uid, member.gid), (info.uid, info.gid))
            self.assertEqual(member.target, info.linkname)
            self.assertEqual((content, member.size), (data, len(data)))
            if info.isdev() and not info.isfifo():
                self.assertEqual(member.device, (info.devmajor, info.devminor))

    @settings(max_examples=300, deadline=None)
    @given(st.lists(entries(), max_size=3), st.sampled_from(FORMATS[1:]), st.data())
    def test_mutations_never_raise_anything_but_a_user_error(
        self, written: list[debs.Entry], format: int, draw: st.DataObject
    ) -> None:
        data = bytearray(debs.tar(*written, format=format))
        for _ in range(draw.draw(st.integers(1, 4))):
            position = draw.draw(st.integers(0, min(len(data), 4096) - 1))
            data[position] = draw.draw(st.integers(0, 255))
        hostile = bytes(data)
        if draw.draw(st.booleans()):  # with the checksum mended, the mutation goes deeper
            hostile = with_header(hostile, 0, b"")
        try:
            read(hostile)
        except UserError as error:
            self.assertTrue(str(error))

    @given(st.binary(max_size=1500))
    def test_random_bytes_never_raise_anything_but_a_user_error(self, noise: bytes) -> None:
        try:
            read(noise)
        except UserError as error:
            self.assertTrue(str(error))

    def test_gnu_tar_in_all_its_formats(self) -> None:
        judges.need(self, "tar")
        for format in ("v7", "oldgnu", "gnu", "ustar", "pax"):
            with self.subTest(format):
                command = ["tar", "-c", f"--format={format}", "--owner=7", "--group=9"]
                command += ["--numeric-owner", "-C", "/", "etc/hostname", "etc/alternatives"]
                data = subprocess.run(command, capture_output=True, check=True).stdout
                with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                    expected = [(item.name, item.uid, item.linkname) for item in archive]
                found = [(member.name, member.uid, member.target) for member, _ in read(data)]
                self.assertEqual(found, expected)


class FormatTest(unittest.TestCase):
    def test_long_names_and_targets(self) -> None:
        name, target = "./" + "d" * 90 + "/" + "n" * 200, "t" * 300
        for format in FORMATS[1:]:
            member = read_one(debs.symlink(name, target), format=format)
            self.assertEqual((member.name, member.target), (name, target))

    def test_ustar_prefixes(self) -> None:
        name = "./" + "d" * 90 + "/" + "n" * 60
        self.assertEqual(read_one(debs.file(name), format=tarfile.USTAR_FORMAT).name, name)

    def test_names_that_are_not_utf_8_survive(self) -> None:
        name = b"./\xff\xfe".decode("utf-8", "surrogateescape")
        self.assertEqual(read_one(debs.file(name)).name, name)

    def test_owners_beyond_octal_come_in_base_256_and_in_pax(self) -> None:
        for format in FORMATS[1:]:
            member = read_one(debs.file("./a", uid=3_000_000_000, gid=1 << 22), format=format)
            self.assertEqual((member.uid, member.gid), (3_000_000_000, 1 << 22))

    def test_files_of_more_than_8_gib_are_announced_in_base_256(self) -> None:
        data = with_header(debs.tar(debs.file("./a")), 124, b"\x80" + (9 << 30).to_bytes(11, "big"))
        reader = TarReader(iter([data]))
        self.assertEqual(next(iter(reader)).size, 9 << 30)

    def test_pax_records_of_extended_attributes(self) -> None:
        headers = {"SCHILY.xattr.security.capability": "value=with\nodd bytes"}
        member = read_one(debs.file("./a", pax_headers=headers), format=tarfile.PAX_FORMAT)
        self.assertEqual(member.xattrs, {"security.capability": b"value=with\nodd bytes"})

    def test_an_old_regular_file_with_a_slash_is_a_directory(self) -> None:
        info, data = debs.file("./d/")
        info.type = tarfile.AREGTYPE
        self.assertEqual(read_one((info, data)).type, "directory")

    def test_a_global_pax_header_counts_for_all_that_follow(self) -> None:
        buffer = io.BytesIO()
        with tarfile.open(
            fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"uid": "7"}
        ) as archive:
            archive.addfile(tarfile.TarInfo("./a"))
            archive.addfile(tarfile.TarInfo("./b"))
        self.assertEqual([member.uid for member, _ in read(buffer.getvalue())], [7, 7])

    def test_an_archive_without_its_final_zero_blocks(self) -> None:
        data = debs.tar(debs.file("./a", b"x" * 512))[:1024]
        self.assertEqual(read(data)[0][1], b"x" * 512)

    def test_nothing_at_all_is_an_empty_archive(self) -> None:
        self.assertEqual(read(b""), [])


class BadInputTest(unittest.TestCase):
    def assert_refused(self, data: bytes, words: str) -> None:
        with self.assertRaisesRegex(UserError, words):
            read(data)

    def test_truncation_anywhere_in_a_member(self) -> None:
        data = debs.tar(debs.file("./" + "n" * 200, b"x" * 600))[: 3 * 512 + 600]
        boundaries = {0, 512, 1024}
        for length in set(range(0, len(data), 7)) - boundaries:
            with self.subTest(length):
                self.assert_refused(data[:length], "truncated")

    def test_a_wrong_checksum(self) -> None:
        data = bytearray(debs.tar(debs.file("./a")))
        data[3] ^= 1
        self.assert_refused(bytes(data), "checksum is wrong; download")

    def test_negative_and_odd_numbers(self) -> None:
        data = debs.tar(debs.file("./a", b"x" * 600))
        for offset, field in (
            (124, b"-0000000001\0"),
            (124, b"0o000000017\0"),
            (124, b"0_000000017\0"),
            (124, b"\xff" * 12),
            (124, b"00000000008\0"),
            (108, b"-000001\0"),
            (108, b"\xff" * 8),
        ):
            with self.subTest(field):
                self.assert_refused(with_header(data, offset, field), "octal|negative")

    def test_owners_that_no_linux_has(self) -> None:
        data = debs.tar(debs.file("./a"))
        huge = b"\x80" + (1 << 40).to_bytes(7, "big")
        self.assert_refused(with_header(data, 108, huge), "owner 1099511627776")
        nobody = b"\x80" + 0xFFFFFFFF.to_bytes(7, "big")
        self.assert_refused(with_header(data, 116, nobody), "owner 4294967295")

    def test_member_types_that_a_package_may_not_hold(self) -> None:
        for kind in b"MVDNZ\xff":
            info, _ = debs.file("./odd")
            info.type = bytes([kind])
            self.assert_refused(debs.tar((info, b"")), "./odd: tar member type .* may hold")

    def test_sparse_files(self) -> None:
        old, _ = debs.file("./a")
        old.type = b"S"
        headers = {"GNU.sparse.major": "1", "GNU.sparse.name": "./a"}
        new = debs.file("./GNUSparseFile.7/a", pax_headers=headers)
        for data in (debs.tar((old, b"")), debs.tar(new, format=tarfile.PAX_FORMAT)):
            self.assert_refused(data, "^./a: stored as a sparse file, .* without tar's --sparse")

    def test_malformed_pax_records(self) -> None:
        for record in (
            b"no length\n",
            b"99 path=./a\n",
            b"11 path=./a",
            b"11 path ./a\n",
            b"2 \n",
            b"99999999999999999999999 path=x\n",
            b"-11 path=./a\n",
            b"0 path=./a\n",
        ):
            info = tarfile.TarInfo("pax")
            info.type = tarfile.XHDTYPE
            info.size = len(record)
            with self.subTest(record):
                self.assert_refused(debs.tar((info, record), debs.file("./a")), "broken tar")

    def test_numbers_of_a_pax_header(self) -> None:
        for key, value in (("size", "-1"), ("uid", "x"), ("gid", "9" * 5000), ("size", "1e3")):
            data = debs.tar(debs.file("./a", pax_headers={key: value}), format=tarfile.PAX_FORMAT)
            with self.subTest(key, value=value[:10]):
                self.assert_refused(data, f"broken tar: {key} .* is no number")

    def test_extended_attributes_beyond_linux(self) -> None:
        for headers, words in (
            ({"SCHILY.xattr.user." + "x" * 300: "y"}, "no name of an extended attribute"),
            ({"SCHILY.xattr.": "y"}, "no name of an extended attribute"),
            ({"SCHILY.xattr.user.a": "y" * 70_000}, "more than 65536 bytes"),
        ):
            data = debs.tar(debs.file("./a", pax_headers=headers), format=tarfile.PAX_FORMAT)
            self.assert_refused(data, words)

    def test_a_huge_extension_header_is_refused_before_it_is_read(self) -> None:
        info = tarfile.TarInfo("././@LongLink")
        info.type = tarfile.GNUTYPE_LONGNAME
        data = with_header(debs.tar((info, b"")), 124, b"\x80" + struct.pack(">3xQ", 1 << 60))
        self.assert_refused(data, "extended header claims 1152921504606846976 bytes")


if __name__ == "__main__":
    unittest.main()
