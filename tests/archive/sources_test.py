from __future__ import annotations

import unittest

from apt2ostree.archive.place import Place
from apt2ostree.archive.sources import Source, SourcesError, parse_sources


def parse(text: str, path: str = "x.sources") -> list[Source]:
    return parse_sources(text, path, "amd64")


class Deb822Test(unittest.TestCase):
    def test_every_uri_is_combined_with_every_suite_in_apts_order(self) -> None:
        sources = parse("Types: deb\nURIs: http://a/x http://b\nSuites: s t\nComponents: main c\n")
        self.assertEqual(
            [(source.uri, source.suite, source.components) for source in sources],
            [
                ("http://a/x", "s", ("main", "c")),
                ("http://a/x", "t", ("main", "c")),
                ("http://b", "s", ("main", "c")),
                ("http://b", "t", ("main", "c")),
            ],
        )

    def test_comments_continuation_lines_and_case_of_names_are_understood(self) -> None:
        (source,) = parse(
            "# the archive\n\nTypes: deb\n# in between\nuris:\n http://a/\nSUITES: s\n"
            "Components: main\n contrib\nArchitectures: amd64, i386\n"
        )
        self.assertEqual(source.uri, "http://a")
        self.assertEqual(source.components, ("main", "contrib"))
        self.assertEqual(source.architectures, ("amd64", "i386"))
        self.assertEqual(source.place, Place("x.sources", 3))
        self.assertEqual(source.base, "http://a/dists/s/")

    def test_disabled_stanzas_and_source_packages_are_skipped(self) -> None:
        rest = "URIs: http://a\nSuites: s\nComponents: main\n"
        self.assertEqual(parse(f"Types: deb-src\n{rest}\nTypes: deb\nEnabled: no\n{rest}"), [])
        self.assertEqual(len(parse(f"Types: deb deb-src\nEnabled: yes\n{rest}")), 1)

    def test_a_suite_with_a_slash_at_the_end_is_a_flat_archive(self) -> None:
        for suite, base in (
            ("./", "file:/srv/debs/"),
            ("/", "file:/srv/debs/"),
            ("a/b/", "file:/srv/debs/a/b/"),
            ("$(ARCH)/", "file:/srv/debs/amd64/"),
        ):
            (source,) = parse(f"Types: deb\nURIs: file:///srv/debs/\nSuites: {suite}\n")
            self.assertTrue(source.is_flat)
            self.assertEqual(source.base, base)

    def test_options_of_the_release_file_become_its_policy(self) -> None:
        (source,) = parse(
            "Types: deb\nURIs: http://a\nSuites: s\nComponents: main\nTrusted: yes\n"
            "Check-Valid-Until: no\nValid-Until-Max: 3600\nBy-Hash: force\nDate-Max-Future: 60\n"
            "Signed-By: /k/a.gpg, 0123456789ABCDEF0123456789abcdef01234567!\n"
        )
        policy = source.policy
        self.assertIs(policy.trusted, True)
        self.assertFalse(policy.check_valid_until)
        self.assertEqual(policy.valid_until_max, 3600)
        self.assertEqual(policy.date_max_future, 60)
        self.assertEqual(policy.signed_by.keyrings, ("/k/a.gpg",))
        self.assertEqual(
            policy.signed_by.fingerprints, ("0123456789ABCDEF0123456789ABCDEF01234567!",)
        )
        self.assertEqual(source.by_hash, "force")

    def test_a_key_written_into_the_file_loses_its_deb822_dots(self) -> None:
        (source,) = parse(
            "Types: deb\nURIs: http://a\nSuites: s\nComponents: main\nSigned-By:\n"
            " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n"
        )
        self.assertEqual(
            source.policy.signed_by.armoured,
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n",
        )

    def test_what_is_wrong_is_said_with_file_and_line(self) -> None:
        good = "Types: deb\nURIs: http://a\nSuites: s\nComponents: main\n"
        for text, message in (
            (
                good + "nonsense\n",
                "x.sources:5: expected 'Field: value' (deb822), found 'nonsense'",
            ),
            (good + "suites: t\n", "x.sources:5: the field suites is here twice; the first is on"),
            (" main\n" + good, "x.sources:1: 'main' continues a field, but none is open"),
            ("Types: deb\nURIs: http://a\n", "x.sources:1: the field Suites is missing or empty"),
            (
                "\n\n" + good.replace("deb", "rpm"),
                "x.sources:3: Types: 'rpm' is neither deb nor deb-src",
            ),
            (
                good.replace("http://a", "ftp://a"),
                "x.sources:2: the URI 'ftp://a' is not supported: expected http, https, file",
            ),
            (
                good.replace("http://a", "http://anna:secret@a"),
                "x.sources:2: there is a login in a URI, which whoever has this file can read; "
                "put it into ~/.netrc",
            ),
            (good.replace("http://a", "http://anna:se/cret@a"), "there is a login in a URI"),
            (
                good.replace("http://a", "http:///x"),
                "x.sources:2: the URI 'http:///x' names no host",
            ),
            (
                good.replace("http://a", "http://[x"),
                "x.sources:2: the URI 'http://[x' is malformed",
            ),
            (
                good.replace("http://a", "file:srv"),
                "x.sources:2: the URI 'file:srv' needs an absolute path",
            ),
            (
                good.replace(": s\n", ": ./\n"),
                "x.sources:4: the suite './' ends with a slash, which means a flat archive",
            ),
            (
                "Types: deb\nURIs: http://a\nSuites: s\n",
                "x.sources:3: the suite 's' needs components, such as main",
            ),
            (good.replace(": s\n", ": ../s\n"), "x.sources:3: the suite '../s' leads out of the"),
            (good + "Trusted: maybe\n", "x.sources:5: Trusted: 'maybe' is neither yes nor no"),
            (good + "Valid-Until-Max: 1h\n", "x.sources:5: Valid-Until-Max: '1h' is not a number"),
            (good + "Signed-By: DEADBEEF\n", "x.sources:5: Signed-By: 'DEADBEEF' is neither the"),
            (good + "Include: nginx\n", "x.sources:5: Include is not supported; use a pin"),
            (good + "Architectures-Add: i386\n", "x.sources:5: adding to or removing from the"),
        ):
            with self.subTest(message), self.assertRaises(SourcesError) as caught:
                parse(text)
            self.assertIn(message, str(caught.exception))


class OneLineTest(unittest.TestCase):
    def test_options_in_brackets_are_fields_under_other_names(self) -> None:
        (source,) = parse(
            "# Debian\n"
            "deb [ arch=amd64,i386 signed-by=/k/a.gpg trusted=yes lang=en ] http://a/d s main # c\n"
            "deb-src http://a/d s main\n",
            "sources.list",
        )
        self.assertEqual(source.uri, "http://a/d")
        self.assertEqual(source.architectures, ("amd64", "i386"))
        self.assertEqual(source.policy.signed_by.keyrings, ("/k/a.gpg",))
        self.assertIs(source.policy.trusted, True)
        self.assertEqual(source.place, Place("sources.list", 2))

    def test_the_format_is_recognised_whatever_the_file_is_called(self) -> None:
        line = "deb http://a s main\n"
        self.assertEqual(len(parse("# c\n\n" + line, "sources")), 1)
        stanza = "Types: deb\nURIs: http://a\nSuites: s\nComponents: main\n"
        self.assertEqual(len(parse(stanza, "sources")), 1)

    def test_what_is_wrong_is_said_with_file_and_line(self) -> None:
        for line, message in (
            ("deb http://a", "a.list:2: expected 'deb [options] uri suite component…', found"),
            ("rpm http://a s main", "a.list:2: Types: 'rpm' is neither deb nor deb-src"),
            ("deb [arch] http://a s main", "a.list:2: the option 'arch' has no value"),
            ("deb [arch+=i386] http://a s main", "a.list:2: adding to or removing from the"),
            ("deb cdrom:[Debian] s main", "a.list:2: the URI 'cdrom:[Debian]' is not supported"),
        ):
            with self.subTest(line), self.assertRaises(SourcesError) as caught:
                parse("\n" + line + "\n", "a.list")
            self.assertIn(message, str(caught.exception))


if __name__ == "__main__":
    unittest.main()
