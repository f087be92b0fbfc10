from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import unittest
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest import mock

from apt2ostree.archive.archive import Archives, Index
from apt2ostree.archive.cache import Cache
from apt2ostree.archive.download import Downloader, Expected, Settings
from apt2ostree.archive.keyrings import Keyrings
from apt2ostree.archive.snapshots import Snapshots
from apt2ostree.archive.sources import parse_sources
from apt2ostree.debian.index import parse_index
from apt2ostree.errors import UserError
from tests.archive.local_archive import ArchiveTestCase, Suite, index, main_suite, package

HELLO = package("hello", "2.0")


class ArchiveTest(ArchiveTestCase):
    # Seconds; long enough for a busy machine.
    timeout = 10.0

    def setUp(self) -> None:
        super().setUp()
        self.cache = Cache(self.directory / "cache")
        self.suite = main_suite(self.root, [HELLO])

    def sources(self, suites: str = "test", components: str = "main", more: str = "") -> str:
        return (
            f"Types: deb\nURIs: {self.server.url}\nSuites: {suites}\n"
            + (f"Components: {components}\n" if components else "")
            + f"Signed-By: {self.key.path}\n{more}"
        )

    def fetch(self, text: str = "", architectures: Sequence[str] = ("amd64",)) -> list[Index]:
        archives = Archives(
            Downloader(self.cache, settings=Settings(tries=1, timeout=self.timeout)),
            Keyrings((self.key.path,)),
            Snapshots(),
            datetime.now(timezone.utc),
        )
        sources = parse_sources(text or self.sources(), "test.sources", "amd64")
        return archives.fetch(sources, architectures)

    def packages(self, text: str = "", architectures: Sequence[str] = ("amd64",)) -> list[str]:
        return [
            f"{p.name} {p.version} {p.origins[0]}".replace(self.server.url, "URL")
            for index in self.fetch(text, architectures)
            for p in parse_index(index.read(self.cache), index.name, index.origin)
        ]

    def failure(self, text: str = "", architectures: Sequence[str] = ("amd64",)) -> str:
        with self.assertRaises(UserError) as caught:
            self.fetch(text, architectures)
        return str(caught.exception)


class FormsTest(ArchiveTest):
    def test_a_signed_archive_gives_its_packages_with_their_origin(self) -> None:
        self.suite.write(self.key)
        self.assertEqual(self.packages(), ["hello 2.0 URL test/main amd64 Packages"])

    def test_with_nothing_changed_only_the_release_file_is_asked_for(self) -> None:
        self.suite.write(self.key)
        self.fetch()
        self.server.requests.clear()
        self.fetch()
        self.assertEqual(self.server.requests, ["/dists/test/InRelease"])

    def test_every_compression_is_understood(self) -> None:
        for suffix in ("", ".xz", ".gz", ".bz2", ".lzma"):
            for by_hash in (True, False):
                with self.subTest(suffix=suffix, by_hash=by_hash):
                    self.suite.compressions, self.suite.by_hash = (suffix,), by_hash
                    self.suite.write(self.key)
                    shutil.rmtree(self.cache.root, ignore_errors=True)
                    self.server.requests.clear()
                    self.assertEqual(len(self.packages()), 1)
                    last = self.server.requests[-1]
                    self.assertEqual("by-hash" in last, by_hash)

    def test_zstd_is_understood(self) -> None:
        data = index([HELLO])
        program = shutil.which("zstd")
        self.assertIsNotNone(program, "this test needs the program zstd")
        compressed = subprocess.run(
            ["zstd", "-c"], input=data, check=True, capture_output=True
        ).stdout
        self.suite.indexes["main/binary-amd64/Packages.zst"] = compressed
        self.suite.compressions = ("",)
        self.suite.write(self.key)
        (self.suite.directory / "main/binary-amd64/Packages").unlink()
        shutil.rmtree(self.suite.directory / "main/binary-amd64/by-hash")
        self.assertEqual(len(self.packages()), 1)

    def test_what_the_mirror_does_not_carry_is_taken_in_another_form(self) -> None:
        self.suite.compressions = (".xz", ".gz")
        self.suite.write(self.key)
        (self.suite.directory / "main/binary-amd64/Packages.xz").unlink()
        shutil.rmtree(self.suite.directory / "main/binary-amd64/by-hash")
        self.assertEqual(len(self.packages()), 1)
        self.assertTrue(self.server.requests[-1].endswith("/Packages.gz"))

    def test_indexes_with_the_same_content_do_not_get_into_each_others_way(self) -> None:
        self.suite.write(self.key)
        fetch, paths = Downloader.fetch, list[Path]()

        def fetch_and_lose(downloader: Downloader, expected: Expected) -> Path:
            paths.append(fetch(downloader, expected))
            if len(paths) == 1:
                paths[0].unlink()  # as a thread does that has just read it
            return paths[-1]

        with mock.patch.object(Downloader, "fetch", fetch_and_lose):
            self.assertEqual(self.packages(), ["hello 2.0 URL test/main amd64 Packages"])
        self.assertEqual(len(paths), 2)

    def test_by_hash_can_be_switched_off_and_forced(self) -> None:
        self.suite.write(self.key)
        self.fetch(self.sources(more="By-Hash: no\n"))
        self.assertTrue(self.server.requests[-1].endswith("/Packages.xz"))
        self.suite.fields["Acquire-By-Hash"] = ""
        self.suite.write(self.key)
        shutil.rmtree(self.cache.root)
        self.fetch(self.sources(more="By-Hash: force\n"))
        self.assertIn("by-hash", self.server.requests[-1])

    def test_a_release_file_with_a_detached_signature_will_do(self) -> None:
        self.suite.write(self.key, detached=True)
        self.assertEqual(len(self.packages()), 1)

    def test_a_key_in_the_sources_file_itself_will_do(self) -> None:
        self.suite.write(self.other)
        armoured = self.other.armoured.decode().strip().replace("\n\n", "\n.\n")
        key = "".join(f" {line}\n" for line in armoured.splitlines())
        text = self.sources().replace(f" {self.key.path}\n", "\n" + key)
        self.assertEqual(len(self.packages(text)), 1)

    def test_an_archive_with_sha512_alone_is_read_and_checked(self) -> None:
        for by_hash in (True, False):
            self.suite.by_hash, self.suite.checksum = by_hash, "SHA512"
            self.suite.write(self.key)
            self.cache = Cache(self.directory / f"cache-{by_hash}")
            self.assertEqual(self.packages(), ["hello 2.0 URL test/main amd64 Packages"])
            self.server.requests.clear()
            self.fetch()
            self.assertEqual(self.server.requests, ["/dists/test/InRelease"])
        (self.suite.directory / "main/binary-amd64/Packages.xz").write_bytes(b"tampered")
        self.cache = Cache(self.directory / "empty")
        self.assertRegex(self.failure(), "it is truncated, or another version")

    def test_flat_archives_are_understood(self) -> None:
        for suite, directory, signed in (
            ("./", self.root, True),
            ("some/where/", self.root / "some/where", True),
            ("unsigned/", self.root / "unsigned", False),
        ):
            with self.subTest(suite):
                flat = Suite(directory, {"Packages": index([HELLO])})
                flat.fields = {"Codename": "", "Components": ""}
                flat.write(self.key if signed else None)
                text = self.sources(suite, "", "" if signed else "Trusted: yes\n")
                self.assertEqual(self.packages(text), [f"hello 2.0 URL {suite} Packages"])

    def test_a_trusted_archive_needs_no_release_file(self) -> None:
        (self.root / "Packages").write_bytes(index([HELLO]))
        text = self.sources("./", "", "Trusted: yes\n")
        self.assertEqual(self.packages(text), ["hello 2.0 URL ./ Packages"])

    def test_a_trusted_archives_signature_does_not_matter(self) -> None:
        self.suite.write(self.other)
        self.assertEqual(len(self.packages(self.sources(more="Trusted: yes\n"))), 1)

    def test_packages_for_all_architectures_may_have_an_index_of_their_own(self) -> None:
        self.suite.indexes["main/binary-all/Packages"] = index([package("doc", Architecture="all")])
        self.suite.fields["Architectures"] = "all amd64"
        self.suite.write(self.key)
        self.assertEqual(
            self.packages(),
            ["hello 2.0 URL test/main amd64 Packages", "doc 1.0 URL test/main all Packages"],
        )
        self.suite.fields["No-Support-for-Architecture-all"] = "Packages"
        self.suite.write(self.key)
        self.assertEqual(len(self.packages()), 1)

    def test_an_archive_may_have_nothing_else(self) -> None:
        self.suite.indexes = {"main/binary-all/Packages": index([package("doc")])}
        for architectures in ("all", "amd64 all", ""):  # As apt does with each of them.
            self.suite.fields["Architectures"] = architectures
            self.suite.write(self.key)
            self.assertEqual(self.packages(), ["doc 1.0 URL test/main all Packages"])
        self.suite.fields["Architectures"] = "amd64"
        self.suite.write(self.key)
        with redirect_stderr(io.StringIO()) as said:
            self.assertEqual(self.packages(), [])
        self.assertIn(
            "test/main has no packages for amd64; it has: all, and those count only if the "
            "Architectures of its Release file name all as well",
            said.getvalue(),
        )

    def test_local_directories_are_archives_too(self) -> None:
        self.suite.write(self.key)
        text = self.sources().replace(self.server.url, f"file://{self.root}")
        self.assertEqual(
            self.packages(text), [f"hello 2.0 file:{self.root} test/main amd64 Packages"]
        )


class FaultsTest(ArchiveTest):
    def test_an_expired_archive(self) -> None:
        self.suite.date = datetime.now(timezone.utc) - timedelta(days=8)
        self.suite.write(self.key)
        said = self.failure()
        self.assertIn("/dists/test/InRelease: it expired on ", said)
        self.assertIn("'Check-Valid-Until: no' at test.sources:1 accepts an archive", said)
        self.assertEqual(len(self.packages(self.sources(more="Check-Valid-Until: no\n"))), 1)

    def test_an_unsigned_archive(self) -> None:
        self.suite.write(None)
        said = self.failure()
        self.assertIn("the archive is not signed: it has neither InRelease nor Release.gpg", said)
        self.assertIn("'Trusted: yes' at test.sources:1", said)

    def test_an_inrelease_file_without_signature(self) -> None:
        self.suite.write(None)
        (self.suite.directory / "Release").rename(self.suite.directory / "InRelease")
        self.assertIn("there is no signature in it: expected a clear-signed", self.failure())

    def test_an_archive_signed_with_another_key(self) -> None:
        self.suite.write(self.other)
        said = self.failure()
        self.assertIn("no valid signature: ", said)
        self.assertIn("Keyrings: test.gpg", said)
        self.suite.write(self.other, detached=True)
        self.assertIn("/dists/test/Release: no valid signature", self.failure())

    def test_a_release_file_changed_after_it_was_signed(self) -> None:
        self.suite.write(self.key)
        path = self.suite.directory / "InRelease"
        path.write_bytes(path.read_bytes().replace(b"Origin: Test", b"Origin: Fake"))
        self.assertIn("/dists/test/InRelease: ", self.failure())

    def test_a_tampered_index(self) -> None:
        self.suite.by_hash = False
        self.suite.write(self.key)
        self._tamper("main/binary-amd64/Packages.xz")
        said = self.failure()
        self.assertIn("/main/binary-amd64/Packages.xz: its SHA-256 is ", said)
        self.assertIn("or somebody tampered with the file", said)

    def test_a_tampered_by_hash_file(self) -> None:
        self.suite.write(self.key)
        (path,) = (self.suite.directory / "main/binary-amd64/by-hash/SHA256").iterdir()
        self._tamper(str(path.relative_to(self.suite.directory)))
        self.assertRegex(self.failure(), "/by-hash/SHA256/[0-9a-f]+: its SHA-256 is ")

    def test_an_index_that_decompresses_to_something_else(self) -> None:
        self.suite.write(self.key)
        release = self.suite.directory / "InRelease"
        text = self.suite._release([])
        self.assertIn("SHA256", text)
        entries = re.findall(rb"^ [0-9a-f]{64} \d+ \S+$", release.read_bytes(), re.MULTILINE)
        wrong = [
            b" " + b"0" * 64 + entry[65:] if entry.endswith(b"/Packages") else entry
            for entry in entries
        ]
        release.write_bytes(self.key.clearsign(text.encode() + b"\n".join(wrong) + b"\n"))
        self.assertIn("it decompresses to something else than the archive", self.failure())

    def test_an_index_that_decompresses_to_more_than_promised(self) -> None:
        self.suite.write(self.key)
        release = self.suite.directory / "InRelease"
        text = release.read_bytes().partition(b"\n\n")[2].partition(b"\n-----BEGIN")[0]
        size = str(len(index([HELLO]))).encode()
        text = text.replace(
            b" %b main/binary-amd64/Packages\n" % size, b" 5 main/binary-amd64/Packages\n"
        )
        release.write_bytes(self.key.clearsign(text + b"\n"))
        self.assertIn("Packages.xz: it decompresses to more than 5 bytes", self.failure())

    def test_a_truncated_index(self) -> None:
        self.suite.by_hash = False
        self.suite.write(self.key)
        path = self.suite.directory / "main/binary-amd64/Packages.xz"
        path.write_bytes(path.read_bytes()[:-20])
        self.assertRegex(
            self.failure(), "/Packages.xz: it is truncated, or another version: it has"
        )

    def test_a_truncated_release_file(self) -> None:
        self.suite.write(self.key)
        path = self.suite.directory / "InRelease"
        path.write_bytes(path.read_bytes()[:-40])
        self.assertIn("InRelease: not one whole clear-signed file: it is truncated", self.failure())

    def test_a_missing_suite(self) -> None:
        said = self.failure(self.sources("nothing"))
        self.assertIn(f"the archive {self.server.url} has no Release file for nothing", said)
        self.assertIn("/dists/nothing/InRelease: not found (404)", said)

    def test_a_missing_index(self) -> None:
        self.suite.write(self.key)
        shutil.rmtree(self.suite.directory / "main")
        said = self.failure()
        self.assertIn("the archive lists it, but has it in no form", said)
        self.assertIn("/main/binary-amd64/Packages.xz: not found (404)", said)

    def test_a_missing_component(self) -> None:
        self.suite.write(self.key)
        said = self.failure(self.sources(components="main contrib"))
        self.assertIn("test.sources:1: ", said)
        self.assertIn("has no component 'contrib'; it has: main", said)

    def test_a_redirect_loop(self) -> None:
        self.suite.write(self.key)
        self.server.behaviours["InRelease"] = lambda h: h.answer(b"", 302, Location=h.path)
        self.assertIn("it redirects more than 10 times: a loop", self.failure())

    def test_a_stalled_server(self) -> None:
        self.timeout = 1
        self.suite.write(self.key)
        for part in ("InRelease", "Packages"):
            self.suite.by_hash = False
            self.suite.write(self.key)
            self.server.behaviours = {part: self.server.stall}
            self.assertIn("it stalled: nothing came for 1 seconds", self.failure())

    def test_an_archive_that_is_not_to_be_trusted(self) -> None:
        said = self.failure(self.sources(more="Trusted: no\n"))
        self.assertIn("'Trusted: no' says that nothing may be taken from", said)

    def test_sources_that_disagree_about_one_archive(self) -> None:
        text = self.sources() + "\n" + self.sources(components="contrib", more="Trusted: yes\n")
        said = self.failure(text)
        self.assertIn("test has other options here than at test.sources:1", said)

    def test_a_keyring_that_is_not_there(self) -> None:
        self.suite.write(self.key)
        text = self.sources().replace(str(self.key.path), "/usr/share/keyrings/nobody.gpg")
        said = self.failure(text)
        self.assertIn("Signed-By: there is no keyring /usr/share/keyrings/nobody.gpg", said)
        self.assertIn("which has: test.gpg", said)

    def test_a_suite_under_another_name_is_taken_with_a_warning(self) -> None:
        self.suite.fields["Codename"] = "other"
        self.suite.write(self.key)
        with redirect_stderr(io.StringIO()) as said:
            self.fetch()
        self.assertRegex(
            said.getvalue(), "^warning: .*: conflicting distribution: expected test, but it says"
        )

    def test_an_architecture_that_is_not_there_is_a_warning(self) -> None:
        self.suite.write(self.key)
        with redirect_stderr(io.StringIO()) as said:
            self.assertEqual(self.fetch(architectures=["arm64"]), [])
        self.assertRegex(
            said.getvalue(), "^warning: .* test/main has no packages for arm64; it has: amd64$"
        )

    def _tamper(self, path: str) -> None:
        file = self.suite.directory / path
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)


@unittest.skipUnless(shutil.which("apt-get"), "there is no apt-get here to compare with")
class AptComparisonTest(ArchiveTest):
    """The same archives and sources, given to apt."""

    def apt(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        state = self.directory / "apt"
        (state / "lists/partial").mkdir(parents=True, exist_ok=True)
        # Read before the machine's own configuration, which it puts out of sight.
        (state / "apt.conf").write_text(f'Dir::Etc "{state}/etc/";')
        options = {
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64,i386",
            "APT::Sandbox::User": "root",
            "Acquire::Retries": "0",
            "Acquire::http::Timeout": "1",
            "Dir::Cache": str(state / "cache"),
            "Dir::Etc::sourcelist": str(self.directory / "test.sources"),
            "Dir::Etc::sourceparts": "-",
            "Dir::State": str(state),
            "Dir::State::status": "/dev/null",
        }
        flags = [f"-o{name}={value}" for name, value in options.items()]
        return subprocess.run(
            [command[0], *flags, *command[1:]],
            env={
                "PATH": os.environ["PATH"],
                "APT_CONFIG": str(state / "apt.conf"),
                "LC_ALL": "C.UTF-8",
            },
            text=True,
            check=check,
            capture_output=True,
        )

    def test_indexes_come_in_apts_order_with_apts_words_for_their_origin(self) -> None:
        for name, version in (("one", "1.0"), ("two", "2.0")):
            suite = Suite(self.root / "dists" / name, {}, fields={"Architectures": "amd64 i386"})
            for component in ("main", "contrib"):
                for architecture in ("amd64", "i386"):
                    suite.indexes[f"{component}/binary-{architecture}/Packages"] = index(
                        [package("hello", version, Architecture=architecture)]
                    )
            suite.write(self.key)
        flat = Suite(self.root / "flat", {"Packages": index([HELLO])})
        flat.write(self.key)
        text = (
            self.sources("two one", "main")
            + "\n"
            + self.sources("flat/", "")
            + "\n"
            + self.sources("two", "contrib", "Architectures: i386\n")
        )
        (self.directory / "test.sources").write_text(text)
        self.apt("apt-get", "update")
        apts = self.apt(
            "apt-get", "indextargets", "--format", "$(DESCRIPTION)", "Created-By: Packages"
        ).stdout.splitlines()
        ours = [str(index.origin) for index in self.fetch(text, ["amd64", "i386"])]
        # apt also lists the indexes for all, which this archive does not have.
        self.assertEqual(ours, [line for line in apts if not line.endswith(" all Packages")])
        shown = self.apt("apt-cache", "show", "hello").stdout
        for origin in re.findall("^APT-Sources: (.*)$", shown, re.MULTILINE):
            self.assertIn(origin, ours)

    def test_apt_refuses_what_is_refused_here(self) -> None:
        def expired() -> None:
            self.suite.date = datetime.now(timezone.utc) - timedelta(days=8)
            self.suite.write(self.key)

        def future() -> None:
            self.suite.date = datetime.now(timezone.utc) + timedelta(days=8)
            self.suite.write(self.key)

        def damaged() -> None:
            self.suite.by_hash = False
            self.suite.write(self.key)
            path = self.suite.directory / "main/binary-amd64/Packages.xz"
            path.write_bytes(path.read_bytes()[:-20])

        (self.directory / "test.sources").write_text(self.sources())
        cases: tuple[tuple[str, Callable[[], None], bool], ...] = (
            ("good", lambda: self.suite.write(self.key), False),
            ("expired", expired, True),
            ("future", future, True),
            ("unsigned", lambda: self.suite.write(None), True),
            ("other key", lambda: self.suite.write(self.other), True),
            ("damaged", damaged, True),
        )
        for name, make, refused in cases:
            with self.subTest(name):
                self.suite = main_suite(self.root, [HELLO])
                make()
                for directory in (self.directory / "apt", self.cache.root):
                    shutil.rmtree(directory, ignore_errors=True)
                result = self.apt("apt-get", "update", check=False)
                self.assertEqual(result.returncode != 0, refused, result.stderr)
                if refused:
                    self.failure()
                else:
                    self.fetch()


if __name__ == "__main__":
    unittest.main()
