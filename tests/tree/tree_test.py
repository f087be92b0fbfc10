import unittest

from apt2ostree.errors import UserError
from apt2ostree.ostree import objects
from apt2ostree.tree import tree
from apt2ostree.tree.manifest import Directory


class EnsureDirectoryTest(unittest.TestCase):
    def test_parents_are_made_as_implicit(self) -> None:
        directories: dict[str, Directory] = {}
        tree.ensure_directory(directories, "a/b/c")
        self.assertEqual(sorted(directories), ["", "a", "a/b", "a/b/c"])
        self.assertTrue(all(directory.implicit for directory in directories.values()))

    def test_what_is_there_stays(self) -> None:
        known = Directory("0700")
        directories = {"": Directory(), "a": known}
        self.assertIs(tree.ensure_directory(directories, "a"), known)
        tree.ensure_directory(directories, "a/b")
        self.assertIs(directories["a"], known)

    def test_a_file_on_the_way(self) -> None:
        directories = {"": Directory(), "a": Directory(files={"b": ["fifo"]})}
        for path in ("a/b", "a/b/c/d"):
            with self.assertRaisesRegex(UserError, "/a/b: both a directory and a file"):
                tree.ensure_directory(directories, path)

    def test_a_path_deeper_than_pythons_recursion_limit(self) -> None:
        directories: dict[str, Directory] = {}
        tree.ensure_directory(directories, "/".join(["d"] * 2000))
        self.assertEqual(len(directories), 2001)


class HashTreeTest(unittest.TestCase):
    def test_the_root_depends_on_everything_below(self) -> None:
        def root(**changes: str) -> str:
            values = {"mode": "0755", "checksum": "00" * 32, "name": "f", **changes}
            row = ["file", "0644", 0, 0, 0, values["checksum"]]
            below = Directory(values["mode"], files={values["name"]: row})
            return tree.hash_tree({"": Directory(), "a": Directory(), "a/b": below})[0]

        roots = {root(), root(mode="0700"), root(checksum="11" * 32), root(name="g")}
        self.assertEqual(len(roots), 4)

    def test_it_returns_every_metadata_object_children_first(self) -> None:
        root, meta, found = tree.hash_tree({"": Directory(), "a": Directory("0700")})
        self.assertEqual(
            [kind for kind, _ in found.values()], ["dirmeta", "dirtree", "dirmeta", "dirtree"]
        )
        self.assertEqual(list(found)[-1], root)
        self.assertEqual(found[meta], ("dirmeta", objects.dirmeta(0, 0, 0o755)))
        for checksum, (_, data) in found.items():
            self.assertEqual(checksum, objects.checksum(data))

    def test_devices_are_left_out(self) -> None:
        plain = tree.hash_tree({"": Directory()})[0]
        device = ["character device", "0644", 0, 0, 1, 3]
        self.assertEqual(tree.hash_tree({"": Directory(files={"null": device})})[0], plain)

    def test_names_that_sort_differently_by_component_and_by_text(self) -> None:
        # "a-b" < "a/b" as text, but the directory a must be hashed with b in it.
        with_child = {"": Directory(), "a": Directory(), "a-b": Directory(), "a/b": Directory()}
        root, _, found = tree.hash_tree(with_child)
        _, directories = objects.parse_dirtree(found[root][1])
        self.assertEqual([name for name, *_ in directories], ["a", "a-b"])
        below = {name: checksum for name, checksum, _ in directories}["a"]
        self.assertEqual([n for n, *_ in objects.parse_dirtree(found[below][1])[1]], ["b"])

    def test_a_name_that_is_not_utf_8_is_named_with_its_directory(self) -> None:
        row = ["file", "0644", 0, 0, 0, "00" * 32]
        with self.assertRaisesRegex(UserError, r"in /a: '\\udcff' is not UTF-8"):
            tree.hash_tree({"": Directory(), "a": Directory(files={"\udcff": row})})


if __name__ == "__main__":
    unittest.main()
