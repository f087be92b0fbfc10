from __future__ import annotations

import unittest

from apt2ostree.archive.distributions import (
    NamedSources,
    debian_sources,
    similar_suites,
    ubuntu_sources,
)
from apt2ostree.archive.sources import parse_sources
from apt2ostree.errors import UserError


def archives(text: str) -> list[str]:
    sources = parse_sources(text, "x.sources", "amd64")
    return [f"{s.uri} {s.suite} {','.join(s.components)}" for s in sources]


class SpellingTest(unittest.TestCase):
    def test_a_mistyped_suite_is_like_one(self) -> None:
        self.assertEqual(similar_suites("bookwrom"), ["bookworm"])
        self.assertEqual(similar_suites("bookwrom-secruity"), ["bookworm-security"])
        self.assertEqual(similar_suites("nobel-updates"), ["noble-updates"])
        self.assertEqual(similar_suites("of-our-own"), [])

    def test_a_suite_that_is_gone_is_not_like_itself(self) -> None:
        self.assertNotIn("trixie", similar_suites("trixie"))


class DebianTest(unittest.TestCase):
    def test_a_release_has_its_updates_and_its_security_archive(self) -> None:
        self.assertEqual(
            debian_sources("trixie"),
            "Types: deb\nURIs: http://ftp.debian.org/debian\nSuites: trixie trixie-updates\n"
            "Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
            "Types: deb\nURIs: http://security.debian.org/debian-security\n"
            "Suites: trixie-security\n"
            "Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
        )

    def test_options_choose_suites_and_components(self) -> None:
        text = debian_sources(
            "bookworm", components=["main", "contrib"], security=False, backports=True
        )
        self.assertEqual(
            archives(text),
            [
                "http://ftp.debian.org/debian bookworm main,contrib",
                "http://ftp.debian.org/debian bookworm-updates main,contrib",
                "http://ftp.debian.org/debian bookworm-backports main,contrib",
            ],
        )

    def test_a_mirror_that_is_behind_can_be_accepted(self) -> None:
        self.assertEqual(
            debian_sources("sid", check_valid_until=False).splitlines()[-1],
            "Check-Valid-Until: no",
        )

    def test_sid_has_neither(self) -> None:
        self.assertEqual(archives(debian_sources("sid")), ["http://ftp.debian.org/debian sid main"])

    def test_old_releases_are_in_the_archive_with_old_keys_and_no_end(self) -> None:
        text = debian_sources("stretch")
        self.assertEqual(
            archives(text),
            [
                "http://archive.debian.org/debian stretch main",
                "http://archive.debian.org/debian-security stretch/updates main",
            ],
        )
        (source, _) = parse_sources(text, "x.sources", "amd64")
        self.assertFalse(source.policy.check_valid_until)
        self.assertIn(
            "/usr/share/keyrings/debian-archive-removed-keys.gpg",
            source.policy.signed_by.keyrings,
        )

    def test_ports_have_sid_alone(self) -> None:
        self.assertEqual(
            archives(debian_sources("sid", "m68k")),
            [
                "http://ftp.ports.debian.org/debian-ports sid main",
                "http://ftp.ports.debian.org/debian-ports unreleased main",
            ],
        )
        with self.assertRaisesRegex(UserError, "m68k is a port, which only has sid, not trixie"):
            debian_sources("trixie", "m68k")


class UbuntuTest(unittest.TestCase):
    def test_a_release_has_its_updates_and_its_security_archive(self) -> None:
        self.assertEqual(
            archives(ubuntu_sources("noble")),
            [
                "http://archive.ubuntu.com/ubuntu noble main,universe",
                "http://archive.ubuntu.com/ubuntu noble-updates main,universe",
                "http://security.ubuntu.com/ubuntu noble-security main,universe",
            ],
        )

    def test_other_architectures_are_on_the_ports_server(self) -> None:
        self.assertEqual(
            {line.split()[0] for line in archives(ubuntu_sources("noble", "arm64"))},
            {"http://ports.ubuntu.com/ubuntu-ports"},
        )

    def test_old_releases_have_moved(self) -> None:
        for architecture in ("amd64", "arm64"):
            self.assertEqual(
                {line.split()[0] for line in archives(ubuntu_sources("mantic", architecture))},
                {"http://old-releases.ubuntu.com/ubuntu"},
            )


class NamedSourcesTest(unittest.TestCase):
    def test_another_distribution_is_an_error(self) -> None:
        with self.assertRaisesRegex(UserError, "no sources are known for the distribution 'arch'"):
            NamedSources("arch", "x").deb822("amd64")


if __name__ == "__main__":
    unittest.main()
