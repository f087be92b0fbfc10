import json

from apt2ostree.errors import UserError
from apt2ostree.image import built_image
from apt2ostree.ostree import objects
from tests.support import images
from tests.support.debs import deb, directory, file, symlink
from tests.support.judges import ScratchTest


class BuiltImageTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        self.composed = images.compose_debs(
            [deb(directory("./d"), file("./d/f", b"x"), file("./g", b"x"), symlink("./l", "g"))]
        )
        self.image = images.write(self.scratch, self.composed)

    def test_it_knows_what_the_rule_wrote(self) -> None:
        self.assertEqual(self.image.label, "//test:image")
        self.assertEqual(self.image.commit, self.composed.commit)
        self.assertEqual(self.image.manifest, self.composed.manifest)

    def test_the_names_are_those_of_all_objects_that_the_commit_needs(self) -> None:
        names = self.image.object_names()
        found = {name: file.read(size) for name, file, size in self.image.read_objects(names)}
        self.assertEqual(set(found), names)
        for name, data in found.items():
            self.assertEqual(objects.checksum(data), name.split(".")[0])
        # Everything that is reachable from the commit is among them.
        commit = objects.parse_commit(found[f"{self.image.commit}.commit"])
        todo = [commit.dirtree]
        self.assertIn(f"{commit.dirmeta}.dirmeta", found)
        while todo:
            files, directories = objects.parse_dirtree(found[f"{todo.pop()}.dirtree"])
            for _, checksum in files:
                self.assertIn(f"{checksum}.file", found)
            for _, tree, meta in directories:
                self.assertIn(f"{meta}.dirmeta", found)
                todo.append(tree)

    def test_each_object_comes_once_though_several_tars_have_it(self) -> None:
        again = images.write(
            self.scratch / "again",
            images.Composed(
                self.composed.manifest, self.composed.commit, [*self.composed.objects] * 2
            ),
        )
        names = [name for name, _, _ in again.read_objects(again.object_names())]
        self.assertEqual(len(names), len(set(names)))

    def test_an_object_that_is_in_none_of_the_tars(self) -> None:
        missing = {f"{'0' * 64}.file"}
        with self.assertRaisesRegex(
            UserError, "//test:image: 1 of its objects, 0{64}.file among them, are in none"
        ):
            list(self.image.read_objects(missing))

    def test_paths_are_relative_to_the_runfiles(self) -> None:
        description = json.loads((self.scratch / "image.json").read_text())
        self.assertEqual(description["manifest_path"], "manifest.json")
        (self.scratch / "deeper").mkdir()
        moved = self.scratch / "deeper/image.json"
        (self.scratch / "image.json").rename(moved)
        self.assertEqual(built_image.load(moved, self.scratch).commit, self.image.commit)

    def test_a_description_that_is_none_is_told(self) -> None:
        path = self.scratch / "image.json"
        description = json.loads(path.read_text())
        del description["packages"]
        path.write_text(json.dumps(description))
        with self.assertRaisesRegex(UserError, "image.json: no key 'packages'; expected label, "):
            built_image.load(path, self.scratch)


if __name__ == "__main__":
    import unittest

    unittest.main()
