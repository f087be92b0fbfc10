import tempfile
import unittest
from pathlib import Path

from dev.bazelw.host import cache_directory, home_directory, write_atomically


class HomeDirectoryTest(unittest.TestCase):
    def test_home_is_taken_if_it_is_a_directory(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            self.assertEqual(home_directory({"HOME": name}), Path(name))

    def test_without_a_usable_one_some_writable_directory_is_found(self) -> None:
        for home in ("", "relative", "/no/such/directory"):
            self.assertTrue(home_directory({"HOME": home}).is_dir(), home)
        self.assertTrue(home_directory({}).is_dir())


class CacheDirectoryTest(unittest.TestCase):
    def test_the_users_choice_goes_before_xdg_and_that_before_home(self) -> None:
        environment = {"HOME": "/", "XDG_CACHE_HOME": "/xdg", "APT2OSTREE_CACHE": "/ours"}
        self.assertEqual(cache_directory(environment), Path("/ours"))
        del environment["APT2OSTREE_CACHE"]
        self.assertEqual(cache_directory(environment), Path("/xdg/apt2ostree"))
        with tempfile.TemporaryDirectory() as name:
            self.assertEqual(
                cache_directory({"HOME": name, "XDG_CACHE_HOME": "relative"}),
                Path(name) / ".cache/apt2ostree",
            )


class WriteAtomicallyTest(unittest.TestCase):
    def test_makes_directories_and_leaves_nothing_else_behind(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "a" / "b"
            write_atomically(path, b"one")
            write_atomically(path, b"two")
            self.assertEqual(path.read_bytes(), b"two")
            self.assertEqual([entry.name for entry in path.parent.iterdir()], ["b"])


if __name__ == "__main__":
    unittest.main()
