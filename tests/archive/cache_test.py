from __future__ import annotations

import hashlib
import os
import tempfile
import time
import unittest
from pathlib import Path

from apt2ostree.archive.cache import Answer, Cache, default_cache

SHA256 = hashlib.sha256(b"content").hexdigest()


class CacheTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.cache = Cache(Path(directory.name))

    def keep(self, content: bytes) -> Path:
        with self.cache.temporary() as file:
            file.write(content)
            return self.cache.keep(file, SHA256)

    def test_a_file_is_found_by_its_checksum(self) -> None:
        self.assertIsNone(self.cache.find(SHA256))
        path = self.keep(b"content")
        self.assertEqual(self.cache.find(SHA256), path)
        self.assertEqual(self.cache.read(SHA256), b"content")

    def test_a_file_of_another_size_is_not_found(self) -> None:
        path = self.keep(b"content")
        self.assertEqual(self.cache.find(SHA256, 7), path)
        self.assertIsNone(self.cache.find(SHA256, 8))

    def test_a_damaged_file_is_not_believed(self) -> None:
        path = self.keep(b"other")
        self.assertIsNone(self.cache.read(SHA256))
        self.assertFalse(path.exists())

    def test_a_temporary_file_is_gone_unless_it_was_kept(self) -> None:
        with self.assertRaises(ZeroDivisionError), self.cache.temporary() as file:
            file.write(b"content")
            raise ZeroDivisionError
        self.assertEqual([p for p in self.cache.root.rglob("*") if p.is_file()], [])

    def test_an_answer_is_remembered_with_its_validators(self) -> None:
        self.assertIsNone(self.cache.answer("http://a"))
        answer = Answer(b"two\nlines", {"If-None-Match": '"1"'})
        self.cache.keep_answer("http://a", answer)
        self.assertEqual(self.cache.answer("http://a"), answer)
        self.assertIsNone(self.cache.answer("http://b"))
        (path,) = (self.cache.root / "answers").iterdir()
        path.write_bytes(b"nonsense")
        self.assertIsNone(self.cache.answer("http://a"))

    def test_what_is_not_used_for_a_month_is_removed(self) -> None:
        path = self.keep(b"content")
        left = self.cache.root / "tmp" / "left-over"
        left.write_bytes(b"")
        self.cache.prune(time.time() + 3600)
        self.assertTrue(path.exists() and left.exists())
        self.cache.prune(time.time() + 2 * 24 * 3600)
        self.assertTrue(path.exists() and not left.exists())
        os.utime(path, (0, 0))
        self.cache.find(SHA256)
        self.cache.prune()
        self.assertTrue(path.exists(), "its use was not noted")
        self.cache.prune(time.time() + 31 * 24 * 3600)
        self.assertFalse(path.exists())


class DefaultCacheTest(unittest.TestCase):
    def test_it_follows_the_xdg_base_directory_specification(self) -> None:
        home = Path("~/.cache/apt2ostree").expanduser()
        self.assertEqual(default_cache({"XDG_CACHE_HOME": "/x"}).root, Path("/x/apt2ostree"))
        self.assertEqual(default_cache({"XDG_CACHE_HOME": "relative"}).root, home)
        self.assertEqual(default_cache({}).root, home)


if __name__ == "__main__":
    unittest.main()
