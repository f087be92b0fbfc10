"""The time that a build has by default."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

from apt2ostree.configure import epoch
from apt2ostree.errors import UserError
from apt2ostree.sandbox import materialize
from apt2ostree.tree.manifest import PackageRecord
from tests.support import debs, images
from tests.support.judges import ScratchTest

CHANGELOG = """\
tiny (1) unstable; urgency=low

  * It is there.

 -- Nobody <nobody@example.org>  Thu, 02 Jan 2020 03:04:05 +0100

tiny (0) unstable; urgency=low

 -- Nobody <nobody@example.org>  Fri, 03 Jan 2025 03:04:05 +0100
"""


def record(name: str, version: str = "1") -> PackageRecord:
    return PackageRecord(name, version, "all", "")


def stanza(name: str, version: str, snapshot: str) -> str:
    return f"Package: {name}\nVersion: {version}\nSnapshot: http://s/debian/{snapshot}/\n"


class OfLocksTest(ScratchTest):
    def test_the_newest_snapshot_of_the_images_packages_counts(self) -> None:
        lock = "\n".join(
            [
                stanza("a", "1", "20240102T030405Z"),
                stanza("b", "1", "20240101T000000Z"),
                stanza("not-in-the-image", "1", "20300101T000000Z"),
                stanza("a", "2", "20300101T000000Z"),
            ]
        )
        self.assertEqual(1704164645, epoch.of_locks([record("a"), record("b")], [lock]))

    def test_a_lock_is_read_as_bazel_reads_it(self) -> None:
        lock = "# why\n" + stanza("a", "1", "20240102T030405Z").replace("\n", "\r\n")
        self.assertEqual(1704164645, epoch.of_locks([record("a")], [lock]))
        with self.assertRaisesRegex(UserError, "^a lockfile, line 2: expected 'Field: value', got"):
            epoch.of_locks([record("a")], ["Package: a\nnonsense\n"])

    def test_a_lock_without_dates_says_nothing(self) -> None:
        self.assertIsNone(epoch.of_locks([record("a")], ["Package: a\nVersion: 1\n"]))


class NewestTest(ScratchTest):
    def newest(self, data: bytes, name: str = "changelog.gz") -> int:
        deb = debs.deb(debs.file(f"./usr/share/doc/tiny/{name}", data))
        image = images.compose_debs([deb])
        tars: list[Path] = []
        for number, tar in enumerate(image.objects):
            tars.append(self.scratch / f"{number}.tar")
            tars[-1].write_bytes(tar)
        return epoch.newest(
            image.manifest.packages, image.manifest.directories, materialize.index(tars)
        )

    def test_the_first_entry_of_a_changelog_counts(self) -> None:
        self.assertEqual(1577930645, self.newest(gzip.compress(CHANGELOG.encode())))
        self.assertEqual(1577930645, self.newest(CHANGELOG.encode(), "changelog"))

    def test_what_is_no_changelog_gives_a_fixed_date(self) -> None:
        broken = io.BytesIO(b"\x1f\x8bbroken").getvalue()
        for data in (b"nothing", broken, b" -- A <a@b>  never\n"):
            self.assertEqual(epoch.FALLBACK, self.newest(data))


class ClockTest(ScratchTest):
    def test_a_clock_behind_the_packages_is_told_with_both_dates(self) -> None:
        epoch.check(1577930645, 1577930645.5)
        with self.assertRaisesRegex(
            UserError,
            "this machine's clock says 1970-01-02 .*before the packages' date 2020-01-02 02:04:05 "
            "UTC: set the clock, or give the image an earlier `epoch`",
        ):
            epoch.check(1577930645, 86400.5)


if __name__ == "__main__":
    import unittest

    unittest.main()
