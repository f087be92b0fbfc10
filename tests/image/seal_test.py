import io
import unittest

from apt2ostree.image.seal import seal
from apt2ostree.ostree import objects, objects_tar
from apt2ostree.ostree.objects import Commit
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import tree
from apt2ostree.tree.manifest import Directory, Manifest
from tests.support.judges import ScratchTest


class SealTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        row = ["file", "0644", 0, 0, 0, "00" * 32]
        self.manifest = Manifest({"": Directory(), "etc": Directory("0700", files={"f": row})})
        self.file = io.BytesIO()
        self.writer = ObjectsWriter(self.file)
        self.commit = seal(self.manifest, self.writer, "A subject", 1234567890)

    def written(self) -> dict[str, bytes]:
        self.writer.close()
        path = self.scratch / "objects.tar"
        path.write_bytes(self.file.getvalue())
        return {
            name: self.file.getvalue()[location.offset :][: location.size]
            for name, location in objects_tar.index(path)
        }

    def test_the_commit_names_the_tree_which_the_manifest_gets_too(self) -> None:
        commit = objects.parse_commit(self.written()[f"{self.commit}.commit"])
        expected = Commit(self.manifest.dirtree, self.manifest.dirmeta, 1234567890, "A subject")
        self.assertEqual(expected, commit)

    def test_every_metadata_object_is_written(self) -> None:
        dirtree, dirmeta, found = tree.hash_tree(self.manifest.directories)
        self.assertEqual((dirtree, dirmeta), (self.manifest.dirtree, self.manifest.dirmeta))
        names = {f"{checksum}.{type_}" for checksum, (type_, _) in found.items()}
        self.assertEqual(names | {f"{self.commit}.commit"}, self.written().keys())

    def test_what_else_is_there_is_not_written_again(self) -> None:
        size = len(self.file.getvalue())
        self.assertEqual(self.commit, seal(self.manifest, self.writer, "A subject", 1234567890))
        self.assertEqual(size, len(self.file.getvalue()))


if __name__ == "__main__":
    unittest.main()
