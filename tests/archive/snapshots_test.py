from __future__ import annotations

import unittest
from datetime import datetime, timezone

from apt2ostree.archive.release import Release
from apt2ostree.archive.snapshots import Snapshots
from apt2ostree.errors import UserError

DATE = datetime(2026, 9, 1, 0, 0, 0, tzinfo=timezone.utc)


class SnapshotsTest(unittest.TestCase):
    def test_debian_and_ubuntu_are_known_by_their_release_files(self) -> None:
        for uri, origin, base in (
            (
                "http://ftp.debian.org/debian",
                "Debian",
                "http://snapshot.debian.org/archive/debian/20260901T120000Z/",
            ),
            (
                "https://mirror.example/pub/debian-security",
                "Debian",
                "http://snapshot.debian.org/archive/debian-security/20260901T120000Z/",
            ),
            (
                "http://ports.ubuntu.com/ubuntu-ports",
                "Ubuntu",
                "https://snapshot.ubuntu.com/ubuntu/20260901T120000Z/",
            ),
            ("http://ftp.debian.org/derivative", "Debian", ""),
            ("http://somebody.example/apt", "Somebody", ""),
        ):
            with self.subTest(uri):
                release = Release(origin=origin, date=DATE)
                self.assertEqual(Snapshots().base(uri, release), base)

    def test_an_archive_can_say_where_its_snapshots_are(self) -> None:
        release = Release(date=DATE, snapshots="https://snap.example/@PATH@/@SNAPSHOTID@/")
        self.assertEqual(
            Snapshots().base("http://a/apt", release), "https://snap.example/apt/20260901T120000Z/"
        )
        for useless in ("no", "file:///@SNAPSHOTID@/", "https://snap.example/"):
            self.assertEqual(
                Snapshots().base("http://a", Release(date=DATE, snapshots=useless)), ""
            )

    def test_the_users_patterns_come_first(self) -> None:
        snapshots = Snapshots({"http://a/apt": "http://s/@SNAPSHOTID@", "http://b": ""})
        release = Release(origin="Debian", date=DATE)
        self.assertEqual(snapshots.base("http://a/apt", release), "http://s/20260901T120000Z/")
        self.assertEqual(snapshots.base("http://b/debian", release), "")
        self.assertEqual(snapshots.base("http://a/apt2", release), "")

    def test_without_a_date_there_is_none(self) -> None:
        self.assertEqual(Snapshots().base("http://a/debian", Release(origin="Debian")), "")

    def test_a_pattern_without_placeholder_is_an_error(self) -> None:
        with self.assertRaisesRegex(UserError, "has no @SNAPSHOTID@ in it, which stands for the"):
            Snapshots({"http://a": "http://s/"})


if __name__ == "__main__":
    unittest.main()
