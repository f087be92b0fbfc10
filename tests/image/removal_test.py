import unittest

from apt2ostree.image import removal
from apt2ostree.tree.manifest import Directory
from apt2ostree.tree.tree import ensure_directory


def tree(*paths: str) -> dict[str, Directory]:
    """Directories that hold these files; a path that ends in a slash is an empty directory."""
    directories = {"": Directory()}
    for path in paths:
        above, _, name = path.rpartition("/")
        files = ensure_directory(directories, above).files
        if name:
            files[name] = ["file", "0644", 0, 0, 0, "0" * 64]
    return directories


def left(directories: dict[str, Directory]) -> list[str]:
    files = [
        f"{path}/{name}".lstrip("/") for path in directories for name in directories[path].files
    ]
    return sorted(files + [f"{path}/" for path in directories if not directories[path].files])


class RemovalTest(unittest.TestCase):
    def test_what_is_kept_keeps_its_directory(self) -> None:
        found = tree("doc/a/copyright", "doc/a/README", "doc/b/README", "bin/a")
        removed = removal.remove(found, ["/doc/**", "!/doc/*/copyright"])
        self.assertEqual(left(found), ["/", "bin/a", "doc/", "doc/a/copyright"])
        self.assertEqual(removed.paths, {"doc/a/README", "doc/b/README", "doc/b"})
        self.assertEqual(removed.unmatched, [])

    def test_a_directory_goes_with_all_it_holds(self) -> None:
        found = tree("man/de/man1/x", "man/man1/y", "man/empty/", "manual/z")
        removal.remove(found, ["man"])
        self.assertEqual(sorted(found), ["", "manual"])

    def test_a_directory_that_no_pattern_names_stays_when_it_becomes_empty(self) -> None:
        found = tree("var/log/x")
        removal.remove(found, ["var/log/x"])
        self.assertIn("var/log", found)

    def test_patterns_that_match_nothing_are_told_unless_they_need_not(self) -> None:
        removed = removal.remove(tree("a"), ["b", "?c", "!d", "!?e", "a"])
        self.assertEqual(removed.unmatched, ["b", "!d"])


if __name__ == "__main__":
    unittest.main()
