import io
import unittest

from hypothesis import given, settings
from hypothesis import strategies as st

from apt2ostree.deb.package import MAX_CONTROL_SIZE, Deb
from apt2ostree.errors import UserError
from tests.support import debs, judges
from tests.support.judges import ScratchTest


def names(data: bytes) -> list[str]:
    """Read a package to its end, and return the paths of data.tar."""
    found = []
    for reader in Deb(io.BytesIO(data)).data():
        for member in reader:
            b"".join(reader.content())
            found.append(member.name)
    return found


class RealDebTest(ScratchTest):
    def test_what_dpkg_deb_builds_is_read_in_every_compression(self) -> None:
        judges.need(self, "dpkg-deb")
        tree = self.scratch / "tree"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "usr/share").mkdir(parents=True)
        (tree / "DEBIAN").chmod(0o755)
        (tree / "DEBIAN/control").write_text(debs.control())
        (tree / "DEBIAN/postinst").write_text("#!/bin/sh\n")
        (tree / "DEBIAN/postinst").chmod(0o755)
        (tree / "usr/share/file").write_bytes(b"x" * 100_000)
        (tree / "usr/share" / ("n" * 180)).symlink_to("file")
        for compression in ("none", "gzip", "xz", "zstd"):
            for uniform in ("--uniform-compression", "--no-uniform-compression"):
                with self.subTest(compression, uniform=uniform):
                    path = self.scratch / "x.deb"
                    judges.run(
                        *("dpkg-deb", "--root-owner-group", uniform, f"-Z{compression}", "-b"),
                        tree,
                        path,
                    )
                    data = path.read_bytes()
                    expected = ["./", "./usr", "./usr/share", "./usr/share/file"]
                    self.assertEqual(names(data)[1:4], expected[1:])
                    control = Deb(io.BytesIO(data)).control
                    self.assertEqual(sorted(control), ["control", "postinst"])
                    self.assertEqual(control["postinst"].mode, 0o755)

    def test_dpkg_deb_takes_the_packages_that_our_tests_make(self) -> None:
        judges.need(self, "dpkg-deb")
        data = debs.deb(debs.directory("./usr"), debs.file("./usr/a", b"x"), compression=".gz")
        path = debs.write(self.scratch / "x.deb", data)
        self.assertIn("./usr/a", judges.run("dpkg-deb", "-c", path))


class DebTest(unittest.TestCase):
    def test_the_older_compressions_that_dpkg_deb_no_longer_writes(self) -> None:
        for compression in (".bz2", ".lzma", ".gz", ".xz", ""):
            with self.subTest(compression):
                data = debs.deb(debs.file("./a", b"x"), compression=compression)
                self.assertEqual(names(data), [".", "./a"])

    def test_members_that_start_with_an_underscore_are_ignored(self) -> None:
        tar = debs.COMPRESSORS[".gz"](debs.tar(debs.ROOT))
        control = debs.COMPRESSORS[".gz"](debs.tar(debs.file("./control", b"x")))
        data = debs.ar(
            ("debian-binary", b"2.1\nfuture\n"),
            ("_gpgorigin", b"signature"),
            ("control.tar.gz", control),
            ("_x", b""),
            ("data.tar.gz", tar),
            ("anything", b"after"),
        )
        self.assertEqual(names(data), ["."])

    def test_what_is_missing_or_unknown(self) -> None:
        control = ("control.tar.gz", debs.COMPRESSORS[".gz"](debs.tar(debs.file("./control"))))
        binary = ("debian-binary", b"2.0\n")
        for members, words in (
            ([], "first member is not debian-binary"),
            ([control], "first member is not debian-binary"),
            ([("debian-binary", b"3.0\n")], "package format '3.0': expected 2.0"),
            ([("debian-binary", b"")], "package format ''"),
            ([binary], "no control.tar"),
            ([binary, control], r"no data\.tar\.\* in it: the package is truncated"),
            ([binary, control, ("data.tar.rar", b"x")], r"unknown compression '\.rar'"),
            ([binary, ("data.tar.gz", b"")], r"expected member control\.tar\.\*, found 'data"),
            ([binary, control, ("other", b"")], r"expected member data\.tar\.\*, found 'other'"),
            ([binary, ("control.tar.gz", b"")], "truncated|ends early"),
        ):
            with self.subTest(words), self.assertRaisesRegex(UserError, words):
                names(debs.ar(*members))

    def test_control_archives_that_are_no_list_of_plain_files(self) -> None:
        for entry in (
            debs.file("./../evil"),
            debs.file("./sub/evil"),
            debs.file("/evil"),
            debs.file("./.."),
            debs.symlink("./evil", "/etc/passwd"),
            debs.hardlink("./evil", "/etc/passwd"),
        ):
            tar = debs.COMPRESSORS[".gz"](debs.tar(debs.file("./control", b"x"), entry))
            data = debs.ar(("debian-binary", b"2.0\n"), ("control.tar.gz", tar))
            with self.subTest(entry), self.assertRaisesRegex(UserError, "not a plain file"):
                Deb(io.BytesIO(data))

    def test_a_control_archive_without_control(self) -> None:
        tar = debs.COMPRESSORS[".gz"](debs.tar(debs.file("./postinst")))
        data = debs.ar(("debian-binary", b"2.0\n"), ("control.tar.gz", tar))
        with self.assertRaisesRegex(UserError, "no file 'control'"):
            Deb(io.BytesIO(data))

    def test_control_files_that_would_fill_the_memory(self) -> None:
        tar = debs.tar(debs.file("./control", b"x"), debs.file("./big", bytes(MAX_CONTROL_SIZE)))
        data = debs.ar(
            ("debian-binary", b"2.0\n"), ("control.tar.xz", debs.COMPRESSORS[".xz"](tar))
        )
        with self.assertRaisesRegex(UserError, "more than 64 MiB"):
            Deb(io.BytesIO(data))

    def test_every_truncation_is_noticed(self) -> None:
        for compression in ("", ".gz", ".xz"):
            data = debs.deb(debs.file("./a", b"some content"), compression=compression)
            for length in range(len(data.rstrip(b"\n"))):
                with self.subTest(compression, length=length), self.assertRaises(UserError):
                    names(data[:length])

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_mutations_never_raise_anything_but_a_user_error(self, draw: st.DataObject) -> None:
        compression = draw.draw(st.sampled_from(["", ".gz", ".xz"]))
        data = bytearray(debs.deb(debs.file("./a", b"content"), compression=compression))
        for _ in range(draw.draw(st.integers(1, 5))):
            data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
        try:
            names(bytes(data))
        except UserError as error:
            self.assertTrue(str(error))


if __name__ == "__main__":
    unittest.main()
