from __future__ import annotations

import unittest
from datetime import datetime, timedelta, timezone

from apt2ostree.archive.place import Place
from apt2ostree.archive.release import (
    FileEntry,
    Release,
    ReleaseError,
    check_dates,
    is_named,
    parse_release,
)
from apt2ostree.archive.sources import Policy

SHA256 = "a" * 64
NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
PLACE = Place("debian.sources", 7)


def check(release: Release, policy: Policy = Policy()) -> None:  # noqa: B008 (it is frozen)
    check_dates(release, policy, PLACE, "http://a/InRelease", NOW)


class ParseTest(unittest.TestCase):
    def test_the_fields_that_decide_something_are_read(self) -> None:
        release = parse_release(
            "Origin: Debian\nLabel: Debian-Security\nSuite: stable\nCodename: trixie\n"
            "Version: 13\nDate: Sat, 21 Nov 2026  0:53:02 UTC\n"
            "Valid-Until: Sat, 28 Nov 2026 00:53:02 +0000\nNotAutomatic: yes\n"
            "ButAutomaticUpgrades: yes\nAcquire-By-Hash: yes\nArchitectures: all amd64\n"
            "Components: main contrib\nMD5Sum:\n x 1 y\n"
            f"SHA256:\n {SHA256}       12 main/binary-amd64/Packages\n",
            "x",
        )
        self.assertEqual(release.codename, "trixie")
        self.assertEqual(release.date, datetime(2026, 11, 21, 0, 53, 2, tzinfo=timezone.utc))
        self.assertTrue(release.not_automatic and release.but_automatic_upgrades)
        self.assertTrue(release.acquire_by_hash and release.has_all_indexes)
        self.assertEqual(release.files, {"main/binary-amd64/Packages": FileEntry(12, SHA256)})

    def test_an_archive_may_say_that_its_all_indexes_are_not_to_be_read(self) -> None:
        release = parse_release(
            "Architectures: all amd64\nNo-Support-for-Architecture-all: Packages\nSHA256:\n", "x"
        )
        self.assertFalse(release.has_all_indexes)

    def test_what_is_wrong_is_said_with_the_name(self) -> None:
        for text, words in (
            ("<html>", "x: not a Release file: expected deb822 fields, found '<html>'"),
            (
                "Suite: s\nMD5Sum:\n",
                "x: it has neither SHA256 nor SHA512 checksums, and nothing weaker is",
            ),
            ("SHA256:\n abc\n", "x: SHA256: expected 'checksum size path', found 'abc'"),
            (f"SHA256:\n {SHA256} -1 y\n", "x: SHA256: expected 'checksum size path', found"),
            ("Date: yesterday\nSHA256:\n", "x: Date: 'yesterday' is not a date such as"),
        ):
            with self.subTest(text), self.assertRaises(ReleaseError) as caught:
                parse_release(text, "x")
            self.assertIn(words, str(caught.exception))


class DatesTest(unittest.TestCase):
    def test_a_file_that_has_expired_is_refused_with_the_way_to_accept_it(self) -> None:
        release = Release(valid_until=NOW - timedelta(days=17))
        with self.assertRaises(ReleaseError) as caught:
            check(release)
        self.assertIn("it expired on 2026-11-06 12:00:00 UTC (17 days ago)", str(caught.exception))
        self.assertIn("'Check-Valid-Until: no' at debian.sources:7", str(caught.exception))
        check(release, Policy(check_valid_until=False))
        check(release, Policy(check_date=False))

    def test_a_file_from_the_future_is_refused(self) -> None:
        check(Release(date=NOW + timedelta(seconds=9)))
        release = Release(date=NOW + timedelta(hours=1))
        with self.assertRaises(ReleaseError) as caught:
            check(release)
        self.assertIn(
            "it is from the future: its Date is 2026-11-23 13:00:00 UTC and the clock here says "
            "2026-11-23 12:00:00 UTC",
            str(caught.exception),
        )
        check(release, Policy(check_date=False))
        check(release, Policy(date_max_future=7200))

    def test_sources_may_lengthen_and_shorten_the_time(self) -> None:
        made = NOW - timedelta(hours=2)
        old = Release(date=made, valid_until=made + timedelta(hours=1))
        check(old, Policy(valid_until_min=3 * 3600))
        fresh = Release(date=made)
        check(fresh)
        with self.assertRaises(ReleaseError):
            check(fresh, Policy(valid_until_max=3600))
        check(fresh, Policy(valid_until_max=10**17))


class NameTest(unittest.TestCase):
    def test_suites_are_compared_as_apt_compares_them(self) -> None:
        release = Release(suite="oldstable", codename="bookworm")
        self.assertTrue(is_named(release, "bookworm"))
        self.assertTrue(is_named(release, "oldstable"))
        self.assertTrue(is_named(Release(codename="buster"), "buster/updates"))
        self.assertFalse(is_named(release, "trixie"))


if __name__ == "__main__":
    unittest.main()
