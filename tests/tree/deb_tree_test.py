import io
import tarfile
import unittest

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apt2ostree.errors import UserError
from apt2ostree.ostree import objects
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import deb_tree
from apt2ostree.tree.manifest import CHECKSUM
from tests.support import debs, images, judges, strategies
from tests.support.debs import directory, file, hardlink, special, symlink
from tests.support.judges import ScratchTest

NAMES = strategies.names(20)
MODES = st.integers(0, 0o7777)
OWNERS = st.sampled_from([0, 33, 65534, 3_000_000_000])


@st.composite
def trees(draw: st.DrawFn) -> list[debs.Entry]:
    """Entries of a tar: parents first, no path twice, hard links to files before them."""
    found = [directory("./", draw(MODES), uid=draw(OWNERS))]
    directories, files, taken = ["./"], list[str](), {"./"}
    for _ in range(draw(st.integers(0, 10))):
        name = draw(st.sampled_from(directories)) + draw(NAMES)
        if name in taken:
            continue
        taken.add(name)
        owner = {"uid": draw(OWNERS), "gid": draw(OWNERS)}
        kind = draw(st.sampled_from("dfslx"))
        if kind == "d":
            found.append(directory(f"{name}/", draw(MODES), **owner))
            directories.append(f"{name}/")
        elif kind == "s":
            found.append(symlink(name, draw(NAMES), draw(MODES), **owner))
            files.append(name)
        elif kind == "l" and files:
            found.append(hardlink(name, draw(st.sampled_from(files)), **owner))
        else:
            attributes = draw(st.dictionaries(st.sampled_from(["a", "b"]), st.just("value")))
            headers = {f"SCHILY.xattr.user.{key}": value for key, value in attributes.items()}
            data = draw(st.binary(max_size=100))
            found.append(file(name, data, draw(MODES), pax_headers=headers, **owner))
            files.append(name)
    return found


class AgainstOstreeTest(ScratchTest):
    """The root dirtree and dirmeta are those of `ostree commit --tree=tar=`."""

    def setUp(self) -> None:
        super().setUp()
        judges.need(self, "ostree")

    def assert_same(self, tar: bytes, *options: str) -> None:
        manifest, _ = images.unpack(debs.deb(data=tar))
        expected = judges.tar_checksums(self.scratch, tar, *options)
        self.assertEqual((manifest.dirtree, manifest.dirmeta), expected)

    def refusal(self, tar: bytes) -> str:
        """What ostree says when it refuses an archive."""
        with self.assertRaises(AssertionError) as caught:
            judges.tar_checksums(self.scratch, tar)
        return str(caught.exception)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(trees(), st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
    def test_any_tree(self, entries: list[debs.Entry], format: int) -> None:
        self.assert_same(debs.tar(*entries, format=format))

    def test_setuid_sticky_and_odd_modes(self) -> None:
        for mode in (0, 0o4755, 0o2755, 0o6711, 0o1777, 0o7777):
            entries = (file("./f", b"x", mode), directory("./d", mode), symlink("./s", "f", mode))
            self.assert_same(debs.tar(debs.ROOT, *entries))

    def test_long_names_and_targets_in_both_formats(self) -> None:
        deep = [directory("./" + "d" * 99), directory("./" + "d" * 99 + "/" + "e" * 99)]
        entries = [*deep, file(deep[1][0].name + "/" + "f" * 200, b"x"), symlink("./s", "t" * 400)]
        for format in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            self.assert_same(debs.tar(debs.ROOT, *entries, format=format))

    def test_hard_links_to_files_and_to_symlinks(self) -> None:
        for spelling in ("./a", "a"):
            entries = (file("./a", b"x"), hardlink("./b", spelling, mode=0o755))
            self.assert_same(debs.tar(debs.ROOT, *entries))
        self.assert_same(debs.tar(debs.ROOT, symlink("./a", "z"), hardlink("./b", "./a")))

    def test_a_root_with_a_mode_and_an_owner_of_its_own(self) -> None:
        self.assert_same(debs.tar(directory("./", 0o700, uid=5), file("./a")))

    def test_a_path_twice_is_the_last_one(self) -> None:
        self.assert_same(debs.tar(debs.ROOT, file("./a", b"1"), file("./a", b"2")))
        self.assert_same(debs.tar(debs.ROOT, directory("./d", 0o700), directory("./d", 0o711)))

    def test_parents_that_are_not_in_the_archive_are_made(self) -> None:
        self.assert_same(debs.tar(file("./a/b/c", b"x")), "--tar-autocreate-parents")

    def test_big_files_are_streamed_to_the_same_checksum(self) -> None:
        self.assert_same(debs.tar(debs.ROOT, file("./big", bytes(3 << 20))))

    def test_both_refuse_names_that_are_not_utf_8(self) -> None:
        hostile = b"./\xff".decode("utf-8", "surrogateescape")
        for entry in (file(hostile), symlink("./s", hostile), directory(hostile)):
            tar = debs.tar(debs.ROOT, entry)
            with self.assertRaisesRegex(UserError, r"\\udcff' is not UTF-8"):
                images.unpack(debs.deb(data=tar))
            self.assertIn("is not valid UTF-8", self.refusal(tar))

    def test_both_refuse_to_leave_the_tree(self) -> None:
        tar = debs.tar(debs.ROOT, file("./../a"))
        with self.assertRaisesRegex(UserError, "it would leave the package's own tree"):
            images.unpack(debs.deb(data=tar))
        self.assertIn("Invalid uplink", self.refusal(tar))

    def test_what_ostree_cannot_store_is_kept_in_the_manifest_for_compose_to_refuse(self) -> None:
        for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
            tar = debs.tar(debs.ROOT, special("./dev", kind))
            manifest, _ = images.unpack(debs.deb(data=tar))
            self.assertIn("dev", manifest.directories[""].files)
            self.assertIn("Unsupported file type", self.refusal(tar))


class UnpackTest(unittest.TestCase):
    def test_the_manifest_records_every_kind_of_path(self) -> None:
        manifest, _ = images.unpack(
            debs.deb(
                directory("./d", 0o1777, uid=1, gid=2),
                file("./d/f", b"abc", 0o4755, pax_headers={"SCHILY.xattr.user.x": "y"}),
                symlink("./d/s", "f"),
                special("./d/c", tarfile.CHRTYPE, 1, 3),
                special("./d/p", tarfile.FIFOTYPE),
            )
        )
        found = manifest.directories["d"]
        self.assertEqual((found.mode, found.uid, found.gid), ("1777", 1, 2))
        self.assertEqual(found.files["f"][:CHECKSUM], ["file", "4755", 0, 0, 3])
        self.assertEqual(found.files["s"][:CHECKSUM], ["symlink", "0777", 0, 0, "f"])
        self.assertEqual(found.files["c"], ["character device", "0644", 0, 0, 1, 3])
        self.assertEqual(found.files["p"], ["fifo", "0644", 0, 0])
        (record,) = manifest.packages
        self.assertEqual((record.name, record.version, record.architecture), ("tiny", "1", "amd64"))

    def test_every_object_of_the_manifest_is_in_the_tar_and_verifies_itself(self) -> None:
        manifest, tar = images.unpack(
            debs.deb(file("./a", b"1"), symlink("./s", "a"), scripts={"postinst": "#!/bin/sh\n"})
        )
        wanted = set(manifest.checksums())
        wanted |= {row[CHECKSUM] for row in manifest.packages[0].info.values()}
        found = set()
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            for member in archive:
                stream = archive.extractfile(member)
                assert stream
                checksum = objects.checksum(stream.read())
                self.assertEqual(member.name, f"objects/{checksum[:2]}/{checksum[2:]}.file")
                found.add(checksum)
        self.assertEqual(found, wanted)

    def test_it_is_a_function_of_the_bytes(self) -> None:
        data = debs.deb(file("./a", b"1"), directory("./b"), symlink("./s", "a"))
        (one, one_tar), (two, two_tar) = images.unpack(data), images.unpack(data)
        self.assertEqual((one.dump(), one_tar), (two.dump(), two_tar))

    def test_the_compression_makes_no_difference(self) -> None:
        found = {
            images.unpack(debs.deb(file("./a", b"1"), compression=compression))[1]
            for compression in debs.COMPRESSORS
        }
        self.assertEqual(len(found), 1)

    def test_conffiles_have_the_md5_of_their_content(self) -> None:
        manifest, _ = images.unpack(
            debs.deb(
                directory("./etc"),
                file("./etc/a", b"a"),
                scripts={"conffiles": "/etc/a\n/etc/gone\n", "md5sums": ""},
            )
        )
        self.assertEqual(
            manifest.packages[0].conffiles,
            [["/etc/a", "0cc175b9c0f1b6a831c399e269772661"], ["/etc/gone", "newconffile"]],
        )


class BadInputTest(unittest.TestCase):
    def test_the_path_is_named(self) -> None:
        for entries, words in (
            ([file("./../../etc/passwd")], r"\./\.\./\.\./etc/passwd: '\.\.' in a member name"),
            ([file("/etc/passwd")], "/etc/passwd: absolute member name"),
            ([hardlink("./b", "./a")], "/b: hard link to /a, which is no file before it"),
            ([hardlink("./b", "/etc/passwd")], "/b: /etc/passwd: absolute member name"),
            ([hardlink("./b", "../../etc/passwd")], r"/b: \.\./.*: '\.\.' in a member name"),
            ([directory("./d"), hardlink("./b", "./d")], "/b: hard link to /d"),
            ([directory("./a"), file("./a")], "/a: both a directory and a file"),
            ([file("./a"), directory("./a")], "/a: both a directory and a file"),
            ([symlink("./a", "/etc"), file("./a/b")], "/a/b: /a: both a directory and a file"),
            ([symlink("./", "/etc")], "the root of the package is a symlink"),
            ([symlink("./a", "")], "/a: a symlink without a target"),
            ([symlink("./a", "x" * 5000)], "/a: x+…: a path of more than 4095 bytes"),
            ([file("./a\nb")], "a NUL byte or a newline"),
        ):
            with self.subTest(words), self.assertRaisesRegex(UserError, words):
                images.unpack(debs.deb(*entries))

    def test_a_symlink_does_not_lead_a_later_member_out_of_the_package(self) -> None:
        for target in ("/", "..", "/tmp", "."):
            with self.assertRaisesRegex(UserError, "both a directory and a file"):
                images.unpack(debs.deb(symlink("./a", target), file("./a/evil")))

    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def test_mutations_never_raise_anything_but_a_user_error(self, draw: st.DataObject) -> None:
        data = bytearray(
            debs.deb(
                file("./a", b"content"),
                hardlink("./b", "./a"),
                symlink("./c", "a"),
                compression="",
                scripts={"conffiles": "/a\n"},
            )
        )
        for _ in range(draw.draw(st.integers(1, 4))):
            data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
        try:
            deb_tree.unpack(io.BytesIO(bytes(data)), ObjectsWriter(io.BytesIO()))
        except UserError as error:
            self.assertTrue(str(error))


if __name__ == "__main__":
    unittest.main()
