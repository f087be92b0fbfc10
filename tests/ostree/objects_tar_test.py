import hashlib
import io
import stat
import tarfile
import unittest
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from apt2ostree.errors import UserError
from apt2ostree.ostree import objects_tar
from apt2ostree.ostree.objects import FileHeader
from apt2ostree.ostree.objects_tar import SMALL, ObjectsWriter
from tests.support.judges import ScratchTest

PLAIN = FileHeader(0, 0, stat.S_IFREG | 0o644)


def write(*contents: bytes) -> bytes:
    buffer = io.BytesIO()
    writer = ObjectsWriter(buffer)
    for content in contents:
        parts = [content[start : start + 70_000] for start in range(0, len(content), 70_000)]
        writer.add_file(PLAIN, len(content), iter(parts))
    writer.add_metadata("dirmeta", b"metadata")
    writer.close()
    return buffer.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {}
        for member in archive:
            stream = archive.extractfile(member)
            assert stream and member.mode == 0o644 and (member.uid, member.mtime) == (0, 0)
            found[member.name] = stream.read()
        return found


class WriterTest(unittest.TestCase):
    @given(st.lists(st.binary(max_size=2000), max_size=5))
    def test_every_member_verifies_itself(self, contents: list[bytes]) -> None:
        found = members(write(*contents))
        self.assertEqual(len(found), len(set(contents)) + 1)
        for name, data in found.items():
            digest = hashlib.sha256(data).hexdigest()
            self.assertIn(f"objects/{digest[:2]}/{digest[2:]}.", name)

    def test_small_and_streamed_content_give_the_same_form(self) -> None:
        for size in (SMALL - 1, SMALL, SMALL + 1, 3 * SMALL):
            content = b"z" * size
            name = next(name for name in members(write(content)) if name.endswith(".file"))
            self.assertIn(members(write(content))[name][-size:], content)
            self.assertEqual(len(write(content)) % 512, 0)

    def test_an_object_is_written_once_streamed_or_not(self) -> None:
        big, small = b"b" * (SMALL + 5), b"s"
        once = write(big, small)
        self.assertEqual(write(big, small, big, small, big), once)
        self.assertEqual(list(members(write(small, big, small))), [*members(write(small, big))])

    def test_the_bytes_depend_on_the_objects_alone(self) -> None:
        digest = hashlib.sha256(write(b"a", b"b" * (SMALL + 1))).hexdigest()
        self.assertEqual(digest, "be734793b6849f4f976225b6c37e9e98d88c86d64d8cfb55c525c51a176469eb")


class IndexTest(ScratchTest):
    def tar(self, data: bytes) -> Path:
        path = self.scratch / "x.tar"
        path.write_bytes(data)
        return path

    def test_it_finds_what_tarfile_finds(self) -> None:
        data = write(b"a", b"b" * (SMALL + 1), b"")
        expected = {name[8:].replace("/", ""): content for name, content in members(data).items()}
        found = {
            name: data[location.offset : location.offset + location.size]
            for name, location in objects_tar.index(self.tar(data))
        }
        self.assertEqual(found, expected)

    def test_every_truncation_is_noticed(self) -> None:
        data = write(b"a" * 700)
        for length in range(0, len(data) - 1023, 100):
            with self.subTest(length), self.assertRaisesRegex(UserError, "truncated.*build it"):
                list(objects_tar.index(self.tar(data[:length])))

    def test_other_files(self) -> None:
        other = io.BytesIO()
        with tarfile.open(fileobj=other, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("elsewhere/ab/cd.file"))
        for data in (b"x" * 2000, other.getvalue()):
            with self.assertRaisesRegex(UserError, "not an objects tar"):
                list(objects_tar.index(self.tar(data)))


if __name__ == "__main__":
    unittest.main()
