import json

from hypothesis import given
from hypothesis import strategies as st

from apt2ostree.errors import UserError
from apt2ostree.tree import manifest
from apt2ostree.tree.manifest import Directory, Manifest, PackageRecord
from tests.support import debs, images
from tests.support.judges import ScratchTest

HOSTILE = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


class ManifestTest(ScratchTest):
    def round_trip(self, given: Manifest) -> Manifest:
        path = self.scratch / "manifest.json"
        path.write_text(given.dump(), encoding="utf-8")
        return manifest.load(path)

    def test_what_is_dumped_loads_to_the_same(self) -> None:
        original, _ = images.unpack(
            debs.deb(
                debs.directory("./usr", 0o1777, pax_headers={"SCHILY.xattr.user.d": "1"}),
                debs.file("./usr/ä", b"x", 0o4755, uid=7),
                debs.symlink("./usr/l", "ä"),
                debs.special("./null", b"3"),
                control=debs.control(Description="one\n two"),
                scripts={"conffiles": "/usr/ä\n", "triggers": "interest x\n"},
            )
        )
        self.assertEqual(self.round_trip(original), original)

    def test_surrogates_survive(self) -> None:
        original = Manifest(
            {"": Directory(), "\udcff": Directory(files={"\udcfe": ["fifo", "0644", 0, 0]})}
        )
        self.assertEqual(self.round_trip(original), original)

    def test_one_line_per_directory_parents_first(self) -> None:
        original = Manifest({path: Directory() for path in ("a-b", "a/b", "", "a", "a/b/c")})
        lines = original.dump().splitlines()
        found = [line.split('"')[1] for line in lines if '"files"' in line]
        self.assertEqual(found, ["", "a", "a/b", "a/b/c", "a-b"])

    def test_the_text_does_not_depend_on_the_order_of_insertion(self) -> None:
        one = Manifest({"": Directory(), "a": Directory(), "b": Directory()})
        two = Manifest({"b": Directory(), "a": Directory(), "": Directory()})
        self.assertEqual(one.dump(), two.dump())

    def test_other_files(self) -> None:
        path = self.scratch / "x.json"
        for text in ("", "[]", "{}", "not json", '{"format": 1}', '{"format": "x", "a": 1}'):
            path.write_text(text)
            with self.subTest(text), self.assertRaisesRegex(UserError, "x.json: "):
                manifest.load(path)
        path.write_bytes(b"\xff\xfe\xfa")
        with self.assertRaisesRegex(UserError, "not a manifest of apt2ostree"):
            manifest.load(path)

    def test_rows_of_the_wrong_length(self) -> None:
        path = self.scratch / "x.json"
        for row in ([], ["file"], ["file", "0644", 0, 0, 1], ["fifo", "0644", 0, 0, 1], "file", 7):
            data = {"": {"files": {"a": row}}}
            path.write_text(json.dumps({**json.loads(Manifest({}).dump()), "directories": data}))
            with self.subTest(row), self.assertRaisesRegex(UserError, "x.json: not a manifest"):
                manifest.load(path)

    def test_another_version_of_the_format_says_so(self) -> None:
        path = self.scratch / "x.json"
        path.write_text(Manifest({}).dump().replace("manifest/1", "manifest/99"))
        with self.assertRaisesRegex(UserError, "format 'apt2ostree-manifest/99', expected"):
            manifest.load(path)

    @given(HOSTILE, st.sampled_from(["directories", "packages", "dirtree"]))
    def test_hostile_json_never_raises_anything_else(self, value: object, key: str) -> None:
        data = {**json.loads(Manifest({}).dump()), key: value}
        path = self.scratch / "x.json"
        path.write_text(json.dumps(data))
        try:
            manifest.load(path)
        except UserError as error:
            self.assertIn("not a manifest", str(error))

    def test_checksums_are_those_of_files_and_symlinks(self) -> None:
        files = {
            "a": ["file", "0644", 0, 0, 1, "aa"],
            "b": ["symlink", "0777", 0, 0, "a", "bb", {"user.x": "eQ=="}],
            "c": ["character device", "0644", 0, 0, 1, 3],
            "d": ["fifo", "0644", 0, 0],
        }
        self.assertEqual(list(Manifest({"": Directory(files=files)}).checksums()), ["aa", "bb"])

    def test_xattrs_of_rows(self) -> None:
        row = ["file", "0644", 0, 0, 1, "aa", manifest.encode_xattrs({"user.x": b"\xff\0"})]
        self.assertEqual(manifest.row_xattrs(row), {"user.x": b"\xff\0"})
        self.assertEqual(manifest.row_xattrs(row[:-1]), {})

    def test_records_default_to_nothing(self) -> None:
        record = PackageRecord("a", "1", "all", "control")
        self.assertEqual((record.conffiles, record.triggers, record.info), ([], "", {}))


if __name__ == "__main__":
    import unittest

    unittest.main()
