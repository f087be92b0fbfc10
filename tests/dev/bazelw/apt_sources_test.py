import tempfile
import unittest
from pathlib import Path

from dev.bazelw.apt_sources import (
    AptSource,
    apt_sources,
    debian_mirror,
    mirror_map,
    parse_deb822_sources,
    parse_one_line_sources,
    security_mirror,
    transport_options,
)


class OneLineTest(unittest.TestCase):
    def test_reads_uri_suite_and_components(self) -> None:
        text = "deb http://mirror.example/debian bookworm main contrib\n"
        self.assertEqual(
            parse_one_line_sources(text),
            [AptSource("http://mirror.example/debian", "bookworm", ("main", "contrib"))],
        )

    def test_skips_options_comments_sources_and_nonsense(self) -> None:
        text = (
            "# deb http://old.example/debian bookworm main\n"
            "deb-src http://mirror.example/debian bookworm main\n"
            "deb [ arch=amd64 signed-by=/k.gpg ] http://mirror.example/debian sid main # mine\n"
            "deb\n"
            "gibberish here it is\n"
        )
        self.assertEqual(
            parse_one_line_sources(text),
            [AptSource("http://mirror.example/debian", "sid", ("main",))],
        )


class Deb822Test(unittest.TestCase):
    def test_reads_every_uri_with_every_suite(self) -> None:
        text = (
            "Types: deb deb-src\n"
            "URIs: http://a.example/debian\n"
            "# a comment in between\n"
            "      http://b.example/debian\n"
            "Suites: trixie trixie-updates\n"
            "Components: main\n"
            "Signed-By:\n"
            " -----BEGIN PGP PUBLIC KEY BLOCK-----\n"
            " .\n"
            " URIs: abc\n"
        )
        self.assertEqual(
            [(source.uri[7:8], source.suite) for source in parse_deb822_sources(text)],
            [
                ("a", "trixie"),
                ("a", "trixie-updates"),
                ("b", "trixie"),
                ("b", "trixie-updates"),
            ],
        )

    def test_skips_disabled_stanzas_and_sources(self) -> None:
        stanza = "URIs: http://a.example/debian\nSuites: sid\nComponents: main\n"
        text = f"Types: deb\nEnabled: no\n{stanza}\nTypes: deb-src\n{stanza}"
        self.assertEqual(parse_deb822_sources(text), [])

    def test_reads_crlf_and_field_names_in_any_case(self) -> None:
        text = "types: deb\r\nuris: http://a.example/debian\r\nSUITES: sid\r\nComponents: main\r\n"
        self.assertEqual(
            parse_deb822_sources(f"\r\n{text}"),
            [AptSource("http://a.example/debian", "sid", ("main",))],
        )


class AptSourcesTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.etc_apt = Path(directory.name)
        (self.etc_apt / "sources.list.d").mkdir()

    def test_reads_both_formats_and_nothing_else(self) -> None:
        (self.etc_apt / "sources.list").write_text("deb http://a.example/debian sid main\n")
        folder = self.etc_apt / "sources.list.d"
        (folder / "b.sources").write_text(
            "Types: deb\nURIs: http://b.example/debian\nSuites: sid\nComponents: main\n"
        )
        (folder / "c.list.save").write_text("deb http://c.example/debian sid main\n")
        self.assertEqual(
            [source.uri for source in apt_sources(self.etc_apt)],
            ["http://a.example/debian", "http://b.example/debian"],
        )

    def test_takes_the_first_mirror_of_a_mirror_list(self) -> None:
        mirrors = self.etc_apt / "mirrors.list"
        mirrors.write_text("# ours\nhttp://near.example/debian\tpriority:1\nhttp://far.example/\n")
        (self.etc_apt / "sources.list").write_text(f"deb mirror+file://{mirrors} sid main\n")
        self.assertEqual(apt_sources(self.etc_apt)[0].uri, "http://near.example/debian")

    def test_no_apt_at_all_is_no_sources(self) -> None:
        self.assertEqual(apt_sources(self.etc_apt / "absent"), [])


class MirrorTest(unittest.TestCase):
    def test_third_parties_are_not_debian(self) -> None:
        sources = [
            AptSource("https://thirdparty.example/node", "nodistro", ("main",)),
            AptSource("https://thirdparty.example/linux/debian", "bookworm", ("stable",)),
            AptSource("https://thirdparty.example/php", "bookworm", ("main",)),
            AptSource("http://mirror.example/debian/", "bookworm", ("main",)),
        ]
        self.assertEqual(debian_mirror(sources), "http://mirror.example/debian")

    def test_a_mirror_under_another_path_is_taken_if_it_is_the_only_one(self) -> None:
        sources = [AptSource("http://proxy.example/repository/deb", "bookworm", ("main",))]
        self.assertEqual(debian_mirror(sources), "http://proxy.example/repository/deb")

    def test_the_security_archive_is_told_by_its_suite(self) -> None:
        sources = [
            AptSource("http://mirror.example/debian", "bookworm", ("main",)),
            AptSource("http://mirror.example/debian-security", "bookworm-security", ("main",)),
        ]
        self.assertEqual(debian_mirror(sources), "http://mirror.example/debian")
        self.assertEqual(security_mirror(sources), "http://mirror.example/debian-security")

    def test_cdroms_and_other_distributions_have_no_mirror(self) -> None:
        sources = [
            AptSource("cdrom:[Debian]/", "bookworm", ("main",)),
            AptSource("http://mirror.example/ubuntu", "noble", ("main",)),
        ]
        self.assertIsNone(debian_mirror(sources))
        self.assertEqual(mirror_map(sources), "")

    def test_the_map_leads_from_debians_archives_to_the_mirrors(self) -> None:
        sources = [
            AptSource("http://mirror.example/debian", "bookworm", ("main",)),
            AptSource("http://mirror.example/debian-security", "bookworm-security", ("main",)),
        ]
        self.assertEqual(
            mirror_map(sources),
            "http://ftp.debian.org/debian=http://mirror.example/debian,"
            "http://security.debian.org/debian-security=http://mirror.example/debian-security",
        )

    def test_nothing_is_mapped_to_itself(self) -> None:
        sources = [AptSource("http://ftp.debian.org/debian", "bookworm", ("main",))]
        self.assertEqual(mirror_map(sources), "")


class TransportOptionsTest(unittest.TestCase):
    def test_hands_on_proxies_and_certificates_alone(self) -> None:
        dump = (
            'Acquire::http "";\n'
            'Acquire::http::Proxy "http://proxy.example:3128";\n'
            'Acquire::https::CAInfo "/etc/ssl/ours.pem";\n'
            'Acquire::cdrom::mount "/media/cdrom/";\n'
            'APT::Architecture "amd64";\n'
        )
        self.assertEqual(
            transport_options(dump),
            [
                'Acquire::http::Proxy "http://proxy.example:3128";',
                'Acquire::https::CAInfo "/etc/ssl/ours.pem";',
            ],
        )


if __name__ == "__main__":
    unittest.main()
