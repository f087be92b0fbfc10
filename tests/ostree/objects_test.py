import hashlib
import io
import stat
import unittest

from hypothesis import given
from hypothesis import strategies as st

from apt2ostree.errors import UserError
from apt2ostree.ostree import objects, repo
from apt2ostree.ostree.objects import Commit, FileHeader
from tests.support import judges, strategies
from tests.support.judges import ScratchTest

NAMES = strategies.names(60)
CHECKSUMS = st.binary(min_size=32, max_size=32).map(bytes.hex)
NUMBERS = st.integers(0, 0xFFFFFFFE)
XATTRS = st.dictionaries(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20),
    st.binary(max_size=300),
    max_size=3,
)


class RoundTripTest(unittest.TestCase):
    @given(NUMBERS, NUMBERS, st.integers(0, 0o7777), NAMES, XATTRS, st.binary(max_size=50))
    def test_file_headers(
        self, uid: int, gid: int, mode: int, target: str, xattrs: dict[str, bytes], content: bytes
    ) -> None:
        for kind, link in ((stat.S_IFREG, ""), (stat.S_IFLNK, target)):
            header = FileHeader(uid, gid, kind | mode, link, xattrs)
            data = objects.file_header(header) + content
            found, start = objects.parse_file_header(data)
            self.assertEqual(found, header)
            self.assertEqual(data[start:], content)

    @given(NUMBERS, NUMBERS, st.integers(0, 0o7777), XATTRS)
    def test_dirmetas(self, uid: int, gid: int, mode: int, xattrs: dict[str, bytes]) -> None:
        found = objects.parse_dirmeta(objects.dirmeta(uid, gid, mode, xattrs))
        self.assertEqual(found, FileHeader(uid, gid, stat.S_IFDIR | mode, xattrs=xattrs))

    @given(
        st.dictionaries(NAMES, CHECKSUMS, max_size=8),
        st.dictionaries(NAMES, st.tuples(CHECKSUMS, CHECKSUMS), max_size=8),
    )
    def test_dirtrees(self, files: dict[str, str], directories: dict[str, tuple[str, str]]) -> None:
        data = objects.dirtree(
            list(files.items()), [(name, *sums) for name, sums in directories.items()]
        )
        found_files, found_directories = objects.parse_dirtree(data)
        by_bytes = sorted(files.items(), key=lambda item: item[0].encode())
        self.assertEqual(found_files, by_bytes)
        self.assertEqual(
            {name: sums for name, *sums in found_directories},
            {name: list(sums) for name, sums in directories.items()},
        )

    @given(CHECKSUMS, CHECKSUMS, st.integers(0, 1 << 40), NAMES, NAMES, st.booleans())
    def test_commits(
        self, tree: str, meta: str, timestamp: int, subject: str, body: str, has_parent: bool
    ) -> None:
        commit = Commit(tree, meta, timestamp, subject, body, parent=tree if has_parent else "")
        self.assertEqual(objects.parse_commit(commit.serialize()), commit)


class AgainstOstreeTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        judges.need(self, "ostree")
        self.repo = repo.create(self.scratch / "repo", "archive")

    def commit(self, commit: Commit, *more: tuple[str, bytes]) -> str:
        data = commit.serialize()
        with self.repo.transaction() as transaction:
            for kind, item in [*more, ("commit", data)]:
                name = f"{objects.checksum(item)}.{kind}"
                transaction.add_object(name, io.BytesIO(item), len(item))
            transaction.set_ref("a", objects.checksum(data))
        return objects.checksum(data)

    def test_ostree_shows_every_field_of_our_commits(self) -> None:
        tree, meta = objects.dirtree([], []), objects.dirmeta(0, 0, 0o755)
        parent = Commit(objects.checksum(tree), objects.checksum(meta))
        more = [("dirtree", tree), ("dirmeta", meta)]
        first = self.commit(parent, *more)
        metadata = {"key": ("s", b"value\0"), "a.longer.key": ("u", b"\0\0\0\x05")}
        for subject, body in (("subject", "body\nlines"), ("s" * 300, ""), ("", "b" * 70_000)):
            checksum = self.commit(
                Commit(
                    *(objects.checksum(tree), objects.checksum(meta)),
                    timestamp=1700000000,
                    subject=subject,
                    body=body,
                    parent=first,
                    metadata=metadata,
                )
            )
            judges.ostree(self.repo.path, "fsck")
            shown = judges.ostree(self.repo.path, "show", "a")
            self.assertIn(f"commit {checksum}", shown)
            self.assertIn(f"Parent:  {first}", shown)
            self.assertIn("2023-11-14 22:13:20", shown)
            self.assertIn(subject, shown)
            value = judges.ostree(self.repo.path, "show", "--print-metadata-key=key", "a")
            self.assertEqual(value.strip(), "'value'")
            value = judges.ostree(self.repo.path, "show", "--print-metadata-key=a.longer.key", "a")
            self.assertIn(value.strip(), ("uint32 5", "uint32 83886080"))

    def test_we_read_the_commits_of_ostree(self) -> None:
        (self.scratch / "tree/below").mkdir(parents=True)
        (self.scratch / "tree/file").write_text("x")
        text = judges.ostree(
            self.repo.path,
            "commit",
            *("-b", "b", "-s", "a subject", "-m", "a body", "--timestamp=@1234567890"),
            "--add-metadata-string=version=1.2.3",
            self.scratch / "tree",
        )
        data = self.repo.object_path(f"{text.strip()}.commit").read_bytes()
        commit = objects.parse_commit(data)
        self.assertEqual((commit.subject, commit.body), ("a subject", "a body"))
        self.assertEqual((commit.timestamp, commit.parent), (1234567890, ""))
        tree = self.repo.object_path(f"{commit.dirtree}.dirtree").read_bytes()
        files, directories = objects.parse_dirtree(tree)
        self.assertEqual([name for name, *_ in [*files, *directories]], ["file", "below"])
        self.assertEqual(objects.dirtree(files, directories), tree)


class BadInputTest(unittest.TestCase):
    def test_names_that_lead_out_of_a_directory_are_neither_written_nor_read(self) -> None:
        for name in ("", ".", "..", "a/b", "/"):
            with self.subTest(name):
                with self.assertRaisesRegex(UserError, "is no file name"):
                    objects.dirtree([(name, "00" * 32)], [])
                with self.assertRaisesRegex(UserError, "is no file name"):
                    objects.dirtree([], [(name, "00" * 32, "00" * 32)])
                hostile = objects.dirtree([("x" * max(1, len(name)), "00" * 32)], [])
                hostile = hostile.replace(b"x" * len(name) + b"\0", name.encode() + b"\0")
                if name:
                    with self.assertRaisesRegex(UserError, "is no file name"):
                        objects.parse_dirtree(hostile)

    @given(st.binary(max_size=300))
    def test_random_bytes_never_raise_anything_else(self, data: bytes) -> None:
        parsers = (
            objects.parse_file_header,
            objects.parse_dirmeta,
            objects.parse_dirtree,
            objects.parse_commit,
            objects.parse_xattrs,
        )
        for parse in parsers:
            for hostile in (data, len(data).to_bytes(4, "big") + bytes(4) + data):
                try:
                    parse(hostile)
                except UserError as error:
                    self.assertIn("broken OSTree object", str(error))

    def test_the_checksum_is_sha256(self) -> None:
        self.assertEqual(objects.checksum(b"x"), hashlib.sha256(b"x").hexdigest())


if __name__ == "__main__":
    unittest.main()
