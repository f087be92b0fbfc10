from __future__ import annotations

import tempfile
import unittest
from collections.abc import Mapping
from pathlib import Path

from apt2ostree.archive.cache import Cache
from apt2ostree.archive.download import Downloader, Settings
from apt2ostree.archive.mirrors import Mirrors
from apt2ostree.debian.index import Package
from apt2ostree.errors import UserError
from apt2ostree.lock.lockfile import parse_lock
from apt2ostree.lock.pool import PoolFile, fill_pool, pool_files
from tests.archive.local_archive import Server, index, package, serve, write_pool

STANZAS = [package("hello"), package("g++", "1:2.0")]


class PoolTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name, "served")
        self.pool = Path(directory.name, "pool")
        self.cache = Cache(Path(directory.name, "cache"))
        write_pool(self.root, STANZAS)
        context = serve(self.root)
        self.server: Server = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)

    def lock(self, *stanzas: Mapping[str, str], snapshot: str = "") -> list[Package]:
        fields = {"APT-Sources": f"{self.server.url} test/main amd64 Packages"}
        if snapshot:
            fields["Snapshot"] = f"{self.server.url}{snapshot}"
        return parse_lock(index({**stanza, **fields} for stanza in stanzas), "Packages.lock")

    def fill(self, files: list[PoolFile]) -> int:
        downloader = Downloader(self.cache, Mirrors(), settings=Settings(tries=1, timeout=1))
        return fill_pool(self.pool, files, downloader)

    def test_every_package_lies_under_its_filename(self) -> None:
        self.assertEqual(self.fill(pool_files(self.lock(*STANZAS))), 2)
        self.assertEqual((self.pool / "pool/hello_1.0.deb").read_bytes(), b"hello 1.0")
        self.assertEqual((self.pool / "pool/hello_1.0.deb").stat().st_mode & 0o777, 0o644)

    def test_a_second_run_downloads_what_is_missing_or_damaged_alone(self) -> None:
        files = pool_files(self.lock(*STANZAS))
        self.fill(files)
        (self.pool / "pool/hello_1.0.deb").write_bytes(b"hello 9.9")
        self.server.requests.clear()
        self.assertEqual(self.fill(files), 1)
        self.assertEqual(self.server.requests, ["/pool/hello_1.0.deb"])
        self.assertEqual((self.pool / "pool/hello_1.0.deb").read_bytes(), b"hello 1.0")

    def test_what_the_archive_has_dropped_comes_from_its_snapshot(self) -> None:
        write_pool(self.root / "snapshot", [package("old")])
        self.fill(pool_files(self.lock(package("old"), snapshot="/snapshot/")))
        self.assertEqual((self.pool / "pool/old_1.0.deb").read_bytes(), b"old 1.0")
        self.assertEqual(self.server.requests, ["/pool/old_1.0.deb", "/snapshot/pool/old_1.0.deb"])

    def test_a_wrong_package_is_refused_and_not_kept(self) -> None:
        (self.root / "pool/hello_1.0.deb").write_bytes(b"evil! 1.0")
        with self.assertRaisesRegex(UserError, "hello:amd64=1.0:\n.*its SHA-256 is "):
            self.fill(pool_files(self.lock(STANZAS[0])))
        self.assertEqual([p for p in self.pool.rglob("*") if p.is_file()], [])

    def test_a_path_out_of_the_pool_is_refused(self) -> None:
        for name in ("../x", "/etc/x", "a/../../x"):
            with self.assertRaisesRegex(UserError, "Packages.lock:1: .* leads out of the pool"):
                pool_files(self.lock(package("a", Filename=name)))

    def test_two_files_with_one_path_are_refused(self) -> None:
        twice = self.lock(package("a", Filename="x.deb"), package("b", Filename="./x.deb"))
        with self.assertRaisesRegex(UserError, "b:amd64=1.0 is x.deb in its archive, and so is"):
            pool_files(twice)

    def test_a_lock_without_origin_is_refused(self) -> None:
        with self.assertRaisesRegex(UserError, "does not say which archive it is from"):
            pool_files(parse_lock(index([package("a")]), "Packages.lock"))


if __name__ == "__main__":
    unittest.main()
