from __future__ import annotations

import io
import os
import unittest
from collections.abc import Mapping
from unittest import mock

from apt2ostree.debian.index import Package
from apt2ostree.lock.lockfile import parse_lock
from apt2ostree.lock.summary import markdown, print_summary, summarize
from tests.archive.local_archive import index, package

MAIN = "http://a/debian trixie/main amd64 Packages"
SECURITY = "http://a/debian-security trixie-security/main amd64 Packages"
OLD_SECURITY = "http://a/debian-security buster/updates/main amd64 Packages"


def lock(*stanzas: Mapping[str, str]) -> list[Package]:
    return parse_lock(index(stanzas), "lock")


def one(name: str, version: str = "1.0", origin: str = MAIN, **fields: str) -> dict[str, str]:
    return package(name, version, Size="1000", Installed_Size="1", **fields) | {
        "APT-Sources": origin
    }


OLD = lock(one("up"), one("down", "2.0"), one("gone"), one("same"), one("again"))
NEW = lock(
    one("up", "1.1", SECURITY),
    one("down", "1.0~rc1"),
    one("new", "3", Architecture="all"),
    one("same"),
    one("again", SHA256="b" * 64),
)


class SummaryTest(unittest.TestCase):
    def test_every_kind_of_change_is_told_with_versions_suite_and_security(self) -> None:
        self.assertEqual(
            markdown(summarize("image/Packages.lock", OLD, NEW)),
            "Update image/Packages.lock: 1 upgraded, 1 downgraded, 1 rebuilt, 1 added, 1 removed, "
            "1 from security\n\n"
            "**Upgraded**\n\n- `up` 1.0 → 1.1 (trixie-security) **security**\n\n"
            "**Downgraded**\n\n- `down` 2.0 → 1.0~rc1 (trixie)\n\n"
            "**Rebuilt**\n\n- `again` 1.0 (trixie)\n\n"
            "**Added**\n\n- `new` 3 (trixie)\n\n"
            "**Removed**\n\n- `gone` 1.0 (trixie)\n\n"
            "5 packages; download 5.0 kB (+0 B), of which 4.0 kB new; installed 5.1 kB (+0 B).\n",
        )

    def test_a_log_gets_plain_lines(self) -> None:
        stream = io.StringIO()
        print_summary(summarize("lock", OLD, NEW), stream)
        self.assertIn("  upgraded up 1.0 → 1.1 trixie-security security\n", stream.getvalue())
        self.assertNotIn("\033", stream.getvalue())

    def test_a_terminal_gets_colours(self) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        stream = Terminal()
        print_summary(summarize("lock", OLD, NEW), stream)
        self.assertIn("1.0 → 1.1", stream.getvalue())
        self.assertIn("\033", stream.getvalue())
        plain = Terminal()
        with mock.patch.dict(os.environ, NO_COLOR="1"):
            print_summary(summarize("lock", OLD, NEW), plain)
        self.assertNotIn("\033", plain.getvalue())

    def test_no_change_is_told_too(self) -> None:
        summary = summarize("lock", OLD, OLD)
        self.assertEqual(summary.title, "Update lock: no package changes")

    def test_sizes_shrink(self) -> None:
        summary = summarize("lock", OLD, OLD[:2])
        self.assertIn("download 2.0 kB (-3.0 kB), of which 0 B new", summary.sizes)

    def test_a_package_may_change_its_architecture(self) -> None:
        summary = summarize("lock", lock(one("a")), lock(one("a", "2", Architecture="all")))
        self.assertEqual([change.kind for change in summary.changes], ["upgraded"])

    def test_several_architectures_are_told_apart(self) -> None:
        new = lock(one("a"), one("a", "2", Architecture="i386"))
        summary = summarize("lock", lock(one("a")), new)
        self.assertEqual([(c.name, c.kind) for c in summary.changes], [("a:i386", "added")])

    def test_the_security_archives_of_old_releases_are_known(self) -> None:
        summary = summarize("lock", [], lock(one("a", "1", OLD_SECURITY)))
        self.assertTrue(summary.changes[0].is_security)


if __name__ == "__main__":
    unittest.main()
