from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import unittest
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tests.archive.local_archive import (
    ArchiveTestCase,
    Key,
    Suite,
    index,
    main_suite,
    package,
    write_pool,
)
from tools import update_lock

OLD = [package("web", "1.0", Depends="lib"), package("lib", "1.0")]
NEW = [package("web", "2.0", Depends="lib (>= 2)"), package("lib", "2.0")]


class UpdateLockTest(ArchiveTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.workspace = self.directory / "workspace"
        self.lock = self.workspace / "image" / "Packages.lock"
        self.lock.parent.mkdir(parents=True)
        (self.directory / "test.sources").write_text(
            f"Types: deb\nURIs: {self.server.url}\nSuites: test\nComponents: main\n"
            f"Signed-By: {self.key.path}\n"
        )
        self.config = self.configure()

    def configure(self, name: str = "config", **changes: object) -> Path:
        path = self.directory / f"{name}.json"
        source = {"path": str(self.directory / "test.sources"), "name": "image/test.sources"}
        config = {
            "architecture": "amd64",
            "keyrings": [str(self.key.path)],
            "label": "//image:update_lock",
            "lockfile": "image/Packages.lock",
            "packages": ["web"],
            "sources": [source],
        }
        path.write_text(json.dumps(config | changes))
        return path

    def publish(self, *stanzas: Mapping[str, str], key: Key | None = None) -> None:
        main_suite(self.root, stanzas).write(key or self.key)
        write_pool(self.root, stanzas)

    def command(self, *arguments: str) -> list[str]:
        return [
            sys.executable,
            update_lock.__file__,
            "--config",
            str(self.config),
            "--tries=1",
            "--timeout=4",
            *arguments,
        ]

    def environment(self, **variables: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "BUILD_WORKSPACE_DIRECTORY": str(self.workspace),
            "BUILD_WORKING_DIRECTORY": str(self.directory),
            "XDG_CACHE_HOME": str(self.directory / "cache"),
        } | variables

    def run_tool(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(**variables),
            text=True,
            capture_output=True,
            check=False,
        )

    def update(self, *arguments: str) -> str:
        """Run it, expecting success; returns what it printed."""
        result = self.run_tool(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(list(self.lock.parent.iterdir()), [self.lock])
        return result.stdout

    def failure(self, *arguments: str) -> str:
        """Run it, expecting failure; returns the error. The lock must be as it was."""
        before = self.lock.read_bytes() if self.lock.exists() else None
        result = self.run_tool(*arguments)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertNotIn("Traceback", result.stderr)
        after = self.lock.read_bytes() if self.lock.exists() else None
        self.assertEqual(after, before)
        self.assertEqual(list(self.lock.parent.iterdir()), [self.lock] if before else [])
        return result.stderr


class CommandTest(UpdateLockTest):
    def test_the_first_run_makes_the_lockfile(self) -> None:
        self.publish(*OLD, package("unwanted"))
        said = self.update()
        self.assertIn("Update image/Packages.lock: 2 added\n", said)
        text = self.lock.read_text()
        self.assertIn(f"APT-Sources: {self.server.url} test/main amd64 Packages\n", text)
        self.assertIn("Package: web\n", text)
        self.assertNotIn("unwanted", text)

    def test_a_run_with_nothing_new_touches_nothing(self) -> None:
        self.publish(*OLD)
        self.update()
        before = self.lock.stat()
        self.server.requests.clear()
        self.assertIn("no package changes", self.update())
        self.assertEqual(self.server.requests, ["/dists/test/InRelease"])
        after = self.lock.stat()
        self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))

    def test_upgrades_are_told_on_the_terminal_and_in_markdown(self) -> None:
        self.publish(*OLD)
        self.update()
        self.publish(*NEW)
        said = self.update("--summary", "summary.md")
        self.assertIn("  upgraded web 1.0 → 2.0 test\n", said)
        markdown = (self.directory / "summary.md").read_text()
        self.assertTrue(markdown.startswith("Update image/Packages.lock: 2 upgraded\n\n"))
        self.assertIn("- `lib` 1.0 → 2.0 (test)\n", markdown)

    def test_a_dry_run_tells_and_writes_nothing(self) -> None:
        self.publish(*OLD)
        result = self.run_tool("--dry-run")
        self.assertIn("2 added", result.stdout)
        self.assertFalse(self.lock.exists())

    def test_check_tells_whether_the_lock_is_up_to_date(self) -> None:
        self.publish(*OLD)
        self.assertIn("Packages.lock is not up to date: it does not exist", self.failure("--check"))
        self.update()
        self.update("--check")
        self.publish(*NEW)
        said = self.failure("--check")
        self.assertIn("the packages or the archives have changed since it was written", said)
        self.assertIn("bazel run //image:update_lock", said)

    def test_in_a_log_downloads_are_lines_and_quiet_is_silent(self) -> None:
        self.publish(*OLD)
        result = self.run_tool("--dry-run")
        self.assertIn(f"Get: {self.server.url}/dists/test/InRelease [", result.stderr)
        result = self.run_tool("--quiet")
        self.assertEqual((result.stdout, result.stderr), ("", ""))

    def test_verbose_says_more(self) -> None:
        self.publish(*OLD)
        self.assertIn("debug: //image:update_lock: resolved in", self.run_tool("-v").stderr)

    def test_mirrors_replace_the_archive_but_not_in_the_lock(self) -> None:
        self.publish(*OLD)
        sources = self.directory / "test.sources"
        sources.write_text(sources.read_text().replace(self.server.url, "http://archive.invalid"))
        result = self.run_tool(APT2OSTREE_MIRRORS=f"http://archive.invalid={self.server.url}")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("APT-Sources: http://archive.invalid test/main", self.lock.read_text())

    def test_mirror_downloads_the_packages_of_the_lock(self) -> None:
        self.publish(*OLD)
        self.update()
        said = self.update("mirror", "pool-of-packages")
        self.assertIn("pool-of-packages: 2 packages, 2 of them downloaded now", said)
        pool = self.directory / "pool-of-packages"
        self.assertEqual((pool / "pool/web_1.0.deb").read_bytes(), b"web 1.0")
        self.assertIn("2 packages, 0 of them downloaded now", self.update("mirror", str(pool)))

    def test_sources_by_name_are_printed(self) -> None:
        self.config = self.configure(sources=[{"distribution": "debian", "suite": "trixie"}])
        said = self.run_tool("sources").stdout
        self.assertIn("Suites: trixie trixie-updates\n", said)

    def test_several_locks_are_written_together_or_not_at_all(self) -> None:
        self.publish(*OLD)
        good = self.config
        self.config = self.configure("bad", lockfile="image/other.lock", packages=["nothing"])
        self.failure("--config", str(good))
        self.config = self.configure("other", lockfile="other.lock", packages=["lib"])
        self.server.requests.clear()
        self.update("--config", str(good))
        self.assertTrue((self.workspace / "other.lock").exists())
        indexes = [path for path in self.server.requests if "InRelease" not in path]
        self.assertEqual(indexes, [], "what they share was downloaded twice")

    def test_help_lists_the_options_and_hides_the_rules_own(self) -> None:
        said = self.run_tool("--help").stdout
        for option in ("--dry-run", "--check", "--summary", "mirror", "Exit status"):
            self.assertIn(option, said)
        self.assertNotIn("--runfiles", said)

    def test_numbers_are_positive(self) -> None:
        for text in ("0", "-1", "x", "1e3"):
            result = self.run_tool(f"--tries={text}")
            self.assertEqual(result.returncode, 2)
            self.assertIn(f"argument --tries: {text} is not a positive number", result.stderr)

    def test_without_bazel_run_the_source_tree_is_not_guessed(self) -> None:
        self.publish(*OLD)
        result = self.run_tool(BUILD_WORKSPACE_DIRECTORY="")
        self.assertEqual(result.returncode, 1)
        self.assertIn("the source tree is not known: run this with `bazel run`", result.stderr)


class ResolvingTest(UpdateLockTest):
    def test_the_base_system_is_wanted_too_and_can_be_left_out(self) -> None:
        base = [package("bash", Essential="yes"), package("mount", Priority="required")]
        self.publish(*OLD, *base)
        self.assertIn("4 added", self.update())
        self.config = self.configure(include_essential=False, include_priority=[])
        self.assertIn("2 removed", self.update())

    def test_an_excluded_package_is_not_chosen(self) -> None:
        self.publish(package("web", Depends="mta"), *(package(m, Provides="mta") for m in "ab"))
        self.config = self.configure(exclude=["a"])
        self.update()
        self.assertIn("Package: b\n", self.lock.read_text())

    def test_pins_are_obeyed(self) -> None:
        self.publish(*OLD, *NEW)
        preferences = self.directory / "preferences"
        preferences.write_text("Package: web lib\nPin: version 1.0\nPin-Priority: 990\n")
        file = {"path": str(preferences), "name": "image/preferences"}
        self.config = self.configure(preferences=[file])
        self.update()
        self.assertIn("Version: 1.0\n", self.lock.read_text())
        preferences.write_text("Package: web\nPin: nonsense\nPin-Priority: 990\n")
        self.assertIn("image/preferences:", self.failure())

    def test_without_resolving_only_the_named_packages_are_taken(self) -> None:
        self.publish(*OLD)
        self.config = self.configure(resolve=False)
        self.assertIn("1 added", self.update())

    def test_what_cannot_be_satisfied_is_an_error_that_names_it(self) -> None:
        self.publish(*OLD)
        self.update()
        self.publish(package("web", "3.0", Depends="absent-library"))
        self.assertIn("absent-library", self.failure())
        self.config = self.configure(packages=["no-such-package"])
        self.assertIn("no-such-package", self.failure())

    def test_one_version_with_two_different_files_is_taken_from_the_first_source(self) -> None:
        self.publish(*OLD, package("lib", "1.0", SHA256="f" * 64))
        result = self.run_tool()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr.count("two different files for lib:amd64=1.0: SHA256"), 1)
        self.assertIn("the first one is taken, as its source is listed first", result.stderr)
        self.assertNotIn("f" * 64, self.lock.read_text())

    def test_a_bad_stanza_of_what_nobody_needs_is_a_warning(self) -> None:
        self.publish(*OLD, package("odd", Architecture="x86_64"), package("spaced", "1 0"))
        result = self.run_tool()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(
            result.stderr,
            r"warning: http://127\S+/main/binary-amd64/Packages:20: package odd: the Architecture "
            "field cannot be 'x86_64'; the stanza is passed over, nothing chosen needs it\n",
        )
        self.assertEqual(result.stderr.count("package odd"), 1)
        self.assertIn("package spaced: the Version field cannot be '1 0'", result.stderr)

    def test_many_bad_stanzas_are_counted_and_none_reaches_the_terminal_raw(self) -> None:
        self.publish(*OLD, *(package(f"odd\x1b[31m{number}") for number in range(25)))
        said = self.run_tool().stderr
        self.assertEqual(said.count("the stanza is passed over"), 20)
        self.assertIn("warning: and 5 more such stanzas\n", said)
        self.assertNotIn("\x1b", said)
        self.assertIn("package odd\\x1b[31m0: the Package field cannot be", said)

    def test_a_bad_stanza_of_what_is_needed_is_an_error(self) -> None:
        self.publish(package("web", Depends="lib"), package("lib", Architecture="x86_64"))
        said = self.failure()
        self.assertIn("Depends: lib", said)
        self.assertIn("package lib: the Architecture field cannot be 'x86_64'", said)
        self.publish(*OLD, package("lib", "2 0"))
        self.assertIn("package lib: the Version field cannot be '2 0'", self.failure())


class OlderTest(UpdateLockTest):
    def publish_of(self, day: int, *stanzas: Mapping[str, str], **fields: str) -> None:
        """An archive that was made some days ago."""
        suite = main_suite(self.root, stanzas)
        suite.date = self.now - timedelta(days=5 - day)
        suite.fields = fields
        suite.write(self.key)

    def setUp(self) -> None:
        super().setUp()
        self.now = datetime.now(timezone.utc).replace(microsecond=0)

    def test_an_archive_older_than_the_lock_is_refused(self) -> None:
        for fields in ({}, {"Snapshots": "http://127.0.0.1/@SNAPSHOTID@/"}):
            with self.subTest(fields):
                self.lock.unlink(missing_ok=True)
                self.publish_of(3, *NEW, **fields)
                self.update()
                self.publish_of(2, *OLD, **fields)
                self.assertRegex(
                    self.failure(),
                    r"http://127\S+ test is older than what the lock was made from: its Release "
                    r"file is of \S+ \S+ UTC, and \S+image/Packages.lock:\d+ has \S+=2.0, which "
                    r"came with one of \S+ \S+ UTC. The mirror is behind, or somebody is passing "
                    "off old data as new. Use another mirror, or wait; --allow-older takes it",
                )
                self.failure("--check")
                self.assertIn("2 downgraded", self.update("--allow-older"))

    def test_the_date_is_that_of_the_state_that_had_the_package_first(self) -> None:
        self.publish_of(2, *OLD)
        self.update()
        date = f"{self.now - timedelta(days=3):%Y%m%dT%H%M%SZ}"
        self.assertEqual(self.lock.read_text().count(f"Archive-Date: {date}\n"), 2)
        before = self.lock.read_text()
        self.publish_of(4, *OLD)
        self.update()
        self.assertEqual(self.lock.read_text(), before)
        self.publish_of(3, *OLD)  # older than the last run, and as good for this lock
        self.update()

    def test_a_date_that_is_none_is_said(self) -> None:
        self.publish_of(2, *OLD)
        self.update()
        text = self.lock.read_text()
        self.lock.write_text(re.sub("Archive-Date: .*", "Archive-Date: soon", text))
        self.assertIn("Archive-Date: 'soon' is no time such as 20260901T120000Z", self.failure())


class Sha512Test(UpdateLockTest):
    """An archive such as some vendors have: flat, with InRelease and SHA512 alone."""

    def setUp(self) -> None:
        super().setUp()
        stanzas = [dict(stanza) for stanza in OLD]
        for stanza in stanzas:
            content = f"{stanza['Package']} {stanza['Version']}".encode()
            del stanza["SHA256"]
            stanza["SHA512"] = hashlib.sha512(content).hexdigest()
        flat = Suite(self.root / "amd64", {"Packages": index(stanzas)}, (".gz",), by_hash=False)
        flat.checksum = "SHA512"
        flat.write(self.key)
        write_pool(self.root / "amd64", stanzas)
        (self.directory / "test.sources").write_text(
            f"Types: deb\nURIs: {self.server.url}/amd64\nSuites: ./\nSigned-By: {self.key.path}\n"
        )

    def test_is_locked_with_the_checksum_that_there_is(self) -> None:
        self.assertIn("2 added", self.update())
        self.assertEqual(self.lock.read_text().count("SHA512: "), 2)
        self.assertNotIn("SHA256", self.lock.read_text())
        self.assertIn("no package changes", self.update())

    def test_its_packages_are_downloaded_and_checked(self) -> None:
        self.update()
        pool = self.directory / "pool"
        self.assertIn("2 packages, 2 of them", self.run_tool("mirror", str(pool)).stdout)
        self.assertIn("2 packages, 0 of them", self.run_tool("mirror", str(pool)).stdout)
        (path,) = (self.root / "amd64/pool").glob("web*")
        path.write_bytes(b"WEB 1.0")
        result = self.run_tool("mirror", str(self.directory / "other"))
        self.assertRegex(result.stderr, "its SHA-512 is [0-9a-f]{128}, but the archive promises")

    def test_without_any_checksum_a_package_is_refused(self) -> None:
        stanzas = [{k: v for k, v in stanza.items() if k != "SHA256"} for stanza in OLD]
        Suite(self.root / "amd64", {"Packages": index(stanzas)}).write(self.key)
        self.assertIn("has neither SHA256 nor SHA512 in its archive's index", self.failure())


class OnlyTest(UpdateLockTest):
    """Updates of some packages leave the others as they are."""

    def setUp(self) -> None:
        super().setUp()
        self.config = self.configure(packages=["web", "mail"])
        self.publish(
            package("web", "1.0", Depends="lib (>= 1)"),
            package("mail", "1.0", Depends="lib (>= 1), tool (= 1.0)"),
            package("lib", "1.0"),
            package("tool", "1.0"),
        )
        self.update()

    def versions(self) -> dict[str, str]:
        names = re.findall("^Package: (.*)$", self.lock.read_text(), re.M)
        return dict(zip(names, re.findall("^Version: (.*)$", self.lock.read_text(), re.M)))

    def test_the_others_stay_even_if_the_archive_has_dropped_them(self) -> None:
        self.publish(
            package("web", "2.0", Depends="lib (>= 1)"),
            package("mail", "2.0", Depends="lib (>= 1), tool (= 2.0)"),
            package("lib", "2.0"),
            package("tool", "2.0"),
        )
        self.update("--only", "web")
        self.assertEqual(
            self.versions(), {"lib": "1.0", "mail": "1.0", "tool": "1.0", "web": "2.0"}
        )
        self.update("--only=lib", "--only=tool")
        self.assertEqual(set(self.versions().values()), {"2.0"})

    def test_what_a_package_takes_is_updated_with_it(self) -> None:
        self.publish(
            package("web", "2.0", Depends="lib (>= 2)"),
            package("mail", "2.0", Depends="lib (>= 1), tool (= 2.0)"),
            package("lib", "2.0", Breaks="tool (<< 2)"),
            package("tool", "2.0"),
        )
        self.update("--only", "web")
        self.assertEqual(set(self.versions().values()), {"2.0"})

    def test_a_package_can_be_added(self) -> None:
        self.config = self.configure(packages=["web", "mail", "new"])
        self.publish(*NEW, package("mail", "2.0"), package("new", "3.0", Depends="lib"))
        self.update("--only", "new")
        self.assertEqual(
            self.versions(),
            {"lib": "1.0", "mail": "1.0", "new": "3.0", "tool": "1.0", "web": "1.0"},
        )

    def test_a_package_that_is_nowhere(self) -> None:
        self.assertIn("--only nothing: neither the lockfile nor", self.failure("--only=nothing"))


class FaultsTest(UpdateLockTest):
    """Whatever is wrong with the archive, the error says so and the old lock is intact."""

    def setUp(self) -> None:
        super().setUp()
        self.publish(*OLD)
        self.update()
        self.publish(*NEW)
        self.suite = main_suite(self.root, NEW)

    def test_expired(self) -> None:
        self.suite.date = datetime.now(timezone.utc) - timedelta(days=30)
        self.suite.write(self.key)
        said = self.failure()
        self.assertIn("InRelease: it expired on ", said)
        self.assertIn("'Check-Valid-Until: no' at image/test.sources:1", said)

    def test_unsigned(self) -> None:
        self.suite.write(None)
        self.assertIn("the archive is not signed: it has neither InRelease nor", self.failure())

    def test_signed_by_another_key(self) -> None:
        self.suite.write(self.other)
        self.assertIn("InRelease: no valid signature: ", self.failure())

    def test_signed_by_a_keyring_of_this_machine(self) -> None:
        """Its files do not matter: docs/updating.md says so."""
        self.suite.write(self.key)
        self.config = self.configure(keyrings=[str(self.other.path)])
        self.assertIn(
            f"image/test.sources:1: Signed-By: there is no keyring {self.key.path}; add the file "
            "to the attribute keyrings, which has: other.gpg",
            self.failure(),
        )

    def test_a_source_without_signed_by_beside_keyrings_of_others_is_warned_of(self) -> None:
        sources = self.directory / "test.sources"
        sources.write_text(sources.read_text().partition("Signed-By")[0])
        ours = self.directory / "debian-archive-keyring.gpg"
        ours.write_bytes(self.key.path.read_bytes())
        for others, warned in (([], False), ([str(self.other.path)], True)):
            self.config = self.configure(keyrings=[str(ours), *others])
            result = self.run_tool()
            self.assertEqual(result.returncode, 0, result.stderr)
            words = "test.sources:1: without Signed-By, http://127.0.0.1"
            self.assertEqual(words in result.stderr, warned, result.stderr)

    def test_tampered_index(self) -> None:
        self.suite.by_hash = False
        self.suite.write(self.key)
        self.tamper(self.suite.directory / "main/binary-amd64/Packages.xz")
        self.assertIn("or somebody tampered with the file", self.failure())

    def test_tampered_by_hash_file(self) -> None:
        (path,) = (self.suite.directory / "main/binary-amd64/by-hash/SHA256").iterdir()
        self.tamper(path)
        self.assertIn("or somebody tampered with the file", self.failure())

    def test_truncated(self) -> None:
        self.server.behaviours["by-hash"] = lambda handler: handler.answer(b"short")
        self.assertIn("it is truncated, or another version: it has 5 bytes", self.failure())

    def test_not_found(self) -> None:
        self.server.behaviours["dists"] = lambda handler: handler.answer(b"", 404)
        message = self.failure()
        self.assertIn("has no Release file for test: is the suite spelt right", message)
        self.assertIn("still there? Did you mean testing?", message)

    def test_redirect_loop(self) -> None:
        self.server.behaviours["dists"] = lambda h: h.answer(b"", 302, Location=h.path)
        self.assertIn("it redirects more than 10 times: a loop", self.failure())

    def test_stalled(self) -> None:
        self.server.behaviours["Packages"] = self.server.stall
        self.server.behaviours["by-hash"] = self.server.stall
        self.assertIn("it stalled: nothing came for 4 seconds", self.failure())

    def test_garbage_in_the_index(self) -> None:
        self.suite.indexes["main/binary-amd64/Packages"] = b"<html>\n"
        self.suite.write(self.key)
        self.assertIn("Packages:1: expected 'Field: value'", self.failure())

    def test_damaged_old_lock(self) -> None:
        self.lock.write_text("nonsense\n")
        self.assertIn("image/Packages.lock:1: expected 'Field: value'", self.failure())

    def test_merge_conflicts_in_the_old_lock_do_not_stop_a_new_one(self) -> None:
        ours = self.lock.read_text()
        theirs = ours.replace("Version: 1.0", "Version: 1.5")
        whole = f"<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> feature\n"
        within = ours.replace(
            "Version: 1.0\n",
            "<<<<<<< HEAD\nVersion: 1.0\n||||||| base\nVersion: 0\n=======\nVersion: 2\n"
            ">>>>>>> feature\n",
        )
        for conflict in (whole, within, "<<<<<<< HEAD\n=======\n>>>>>>> feature\n"):
            with self.subTest(conflict):
                self.lock.write_text(conflict)
                result = self.run_tool("mirror", "pool")
                self.assertIn("unresolved merge conflict: have update_lock", result.stderr)
                result = self.run_tool()
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn("has unresolved merge conflicts, and is written", result.stderr)
                self.assertNotIn("<<<<", self.lock.read_text())
                self.assertEqual(self.lock.read_text().count("Version: 2.0"), 2)

    def tamper(self, path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)


class KilledTest(UpdateLockTest):
    def test_killed_at_any_moment_the_old_or_the_new_lock_is_there_whole(self) -> None:
        contents = {}
        for name, stanzas in (("old", OLD), ("new", NEW)):
            self.publish(*stanzas)
            self.update()
            contents[self.content()] = name
        self.publish(*OLD)
        start = time.monotonic()
        self.update()
        whole = time.monotonic() - start
        chance = random.Random(3)
        seen: list[str] = []
        for round_ in range(120):
            if round_ >= 24 and len(set(seen)) == 2:
                break
            self.publish(*(OLD, NEW)[round_ % 2])
            with self.start() as process:
                # Most of the time is Python's start; the end is what matters. It comes later
                # when the machine is busier than it was above.
                time.sleep(whole * chance.uniform(0.5, 1.5) * (1 + round_ // 24))
                process.kill()
            content = self.content()
            self.assertIn(content, contents)
            seen.append(contents[content])
        self.assertEqual(set(seen), {"old", "new"}, "no run finished: this proves nothing")

    def content(self) -> str:
        """The lock but for when the archive was made, which is anew in every round."""
        return re.sub(r"Archive-Date: [0-9]{8}T[0-9]{6}Z\n", "", self.lock.read_text())

    def test_ctrl_c_ends_it_at_once_and_cleans_up(self) -> None:
        self.publish(*OLD)
        self.update()
        before = self.lock.read_bytes()
        self.publish(*NEW)
        self.server.behaviours["by-hash"] = self.server.stall
        for signal_ in (signal.SIGINT, signal.SIGTERM):
            self.server.requests.clear()
            with self.start("--timeout=60", "--tries=5") as process:
                _wait(lambda: any("by-hash" in path for path in self.server.requests))
                process.send_signal(signal_)
                start = time.monotonic()
                self.assertEqual(process.wait(60), 130)
            self.assertLess(time.monotonic() - start, 30, "it waited for the server")
            self.assertEqual(self.lock.read_bytes(), before)
            self.assertEqual(list(self.lock.parent.iterdir()), [self.lock])

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


if __name__ == "__main__":
    unittest.main()
