from __future__ import annotations

import re
import time
import unittest

from hypothesis import given
from hypothesis import strategies as st

from apt2ostree.debian.index import MalformedIndexError, Origin, ReleaseFacts, Unusable, parse_index
from apt2ostree.errors import UserError
from tests.lock.apt_judge import Apt
from tests.support.judges import ScratchTest, need

_STANZA = b"""Package: nginx
Source: nginx-source (1.22.1-8)
Version: 1.22.1-9
Architecture: amd64
Multi-Arch: foreign
Depends: libc6 (>= 2.34), iproute2
Provides: httpd, nginx-abi-1.22.1-7
Description: web server
 It serves
 .
 the web.
X-Unknown:   as  it is
Priority: optional
"""
_MINIMAL = b"Package: %s\nVersion: 1\nArchitecture: all\n"

_FILE = {"Filename": "b_1_amd64.deb", "Size": "1", "SHA256": "ab" * 32}
_GOOD = {"Filename": "good_1_amd64.deb"}


class PackageTest(unittest.TestCase):
    def setUp(self) -> None:
        (self.package,) = parse_index(_STANZA, "Packages")

    def test_has_what_every_package_is_asked_for(self) -> None:
        package = self.package
        self.assertEqual(
            (package.name, package.version, package.architecture, package.multi_arch),
            ("nginx", "1.22.1-9", "amd64", "foreign"),
        )
        self.assertEqual((package.essential, package.important), (False, False))
        self.assertEqual(package.priority, "optional")
        self.assertEqual(str(package), "nginx:amd64=1.22.1-9")

    def test_reads_any_field_whatever_its_case(self) -> None:
        self.assertEqual(self.package.get("depends"), "libc6 (>= 2.34), iproute2")
        self.assertEqual(self.package.get("X-Unknown"), "as  it is")
        self.assertEqual(self.package.get("Breaks", "none"), "none")

    def test_knows_a_package_whatever_the_case_of_its_fields(self) -> None:
        text = b"package: a\nVERSION: 1\narchitecture: all\nmulti-arch: same\nEssential: yes\n"
        package, other = parse_index(text + b"\n" + text.replace(b": a\n", b": b\n"), "Packages")
        self.assertEqual((str(package), str(other)), ("a:all=1", "b:all=1"))
        self.assertEqual((package.multi_arch, package.essential), ("same", True))

    def test_keeps_continuation_lines(self) -> None:
        self.assertEqual(self.package.get("Description"), "web server\n It serves\n .\n the web.")

    def test_does_not_take_a_continuation_line_for_a_field(self) -> None:
        (package,) = parse_index(_MINIMAL % b"a" + b"Description: d\n Depends: b\n", "Packages")
        self.assertEqual(package.get("Depends"), "")

    def test_keeps_the_stanza_as_published(self) -> None:
        self.assertEqual(self.package.raw + b"\n", _STANZA)
        self.assertEqual(list(self.package.fields())[-2:], ["X-Unknown", "Priority"])

    def test_parses_relationship_fields(self) -> None:
        names = [group[0].name for group in self.package.relations("Depends")]
        self.assertEqual(names, ["libc6", "iproute2"])
        self.assertEqual(self.package.relations("Breaks"), ())
        self.assertEqual([p.name for p in self.package.provided()], ["httpd", "nginx-abi-1.22.1-7"])

    def test_names_the_stanza_of_a_bad_relationship_field(self) -> None:
        (package,) = parse_index(_MINIMAL % b"a" + b"Depends: b c\nProvides: d e\n", "Packages")
        with self.assertRaisesRegex(MalformedIndexError, r"Packages:1: a:all=1: Depends: 'b c' is"):
            package.relations("Depends")
        with self.assertRaisesRegex(MalformedIndexError, r"Packages:1: a:all=1: Provides: 'd e'"):
            package.provided()

    def test_knows_its_source(self) -> None:
        self.assertEqual(self.package.source, ("nginx-source", "1.22.1-8"))
        (other,) = parse_index(_MINIMAL % b"a", "Packages")
        self.assertEqual(other.source, ("a", "1"))

    def test_protected_counts_as_important(self) -> None:
        text = _MINIMAL % b"a" + b"Protected: yes\nEssential: yes\n"
        (package,) = parse_index(text, "Packages")
        self.assertTrue(package.important and package.essential)


class ParseIndexTest(unittest.TestCase):
    def _names(self, text: bytes) -> list[str]:
        return [package.name for package in parse_index(text, "Packages")]

    def test_reads_stanzas_in_their_order(self) -> None:
        text = b"\n".join(_MINIMAL % name for name in (b"c", b"a", b"b"))
        self.assertEqual(self._names(text), ["c", "a", "b"])

    def test_knows_the_line_of_each_stanza(self) -> None:
        text = b"\n".join(_MINIMAL % name for name in (b"a", b"b"))
        self.assertEqual([p.where for p in parse_index(text, "x")], ["x:1", "x:5"])

    def test_an_empty_index_has_no_packages(self) -> None:
        for text in (b"", b"\n", b"\n\n \n"):
            self.assertEqual(self._names(text), [])

    def test_takes_any_blank_lines_and_a_missing_newline(self) -> None:
        stanzas = [(_MINIMAL % name).rstrip() for name in (b"a", b"b", b"c")]
        for text in (
            b"\n\n".join(stanzas),
            b"\n\n\n\n".join(stanzas) + b"\n\n\n",
            b"\n \t\n".join(stanzas) + b"\n  ",
            b"\n\n" + b"\n\n".join(stanzas),
        ):
            with self.subTest(text):
                self.assertEqual(self._names(text), ["a", "b", "c"])

    def test_takes_crlf(self) -> None:
        text = b"\n".join(_MINIMAL % name for name in (b"a", b"b"))
        packages = parse_index(text.replace(b"\n", b"\r\n"), "Packages")
        self.assertEqual(b"\n".join(package.raw + b"\n" for package in packages), text)

    def test_keeps_bytes_that_are_not_utf8(self) -> None:
        (package,) = parse_index(_MINIMAL % b"a" + b"Maintainer: \xe9\xff\n", "Packages")
        value = package.get("Maintainer")
        self.assertEqual(value.encode("utf-8", "surrogateescape"), b"\xe9\xff")

    def test_gives_every_package_its_origin(self) -> None:
        origin = Origin("http://ftp.debian.org/debian", "bookworm", "main", "amd64")
        (package,) = parse_index(_STANZA, "Packages", origin)
        self.assertEqual(package.origins, (origin,))

    def test_says_file_and_line_of_what_is_malformed(self) -> None:
        good = _MINIMAL % b"a" + b"\n"
        for text, message in {
            good + b"no field\n": "x:5: expected 'Field: value' or a continuation line, found "
            "'no field'",
            b"oops\n": "x:1: expected 'Field: value' or a continuation line, found 'oops'",
            good + b" stray\n": "x:5: expected 'Field: value' or a continuation line, found "
            "' stray'",
            good + b"Version: 1\nArchitecture: all\n": "x:5: the Package field is missing",
            good + b"Package: b\nVersion: 1\n": "x:5: package b: the Architecture field is missing",
            _MINIMAL % b"../a": "x:1: package ../a: the Package field cannot be '../a'",
            _MINIMAL.replace(b"1", b"1/2") % b"a": "x:1: package a: the Version field cannot be "
            "'1/2'",
            _MINIMAL % b"a"
            + _MINIMAL % b"b": "x:4: package a: a second Package field in one stanza; is the "
            "blank line between two stanzas missing?",
            b"\x00\x01\x02": "x:1: expected 'Field: value'",
        }.items():
            with self.subTest(text), self.assertRaises(MalformedIndexError) as caught:
                parse_index(text, "x")
            self.assertTrue(str(caught.exception).startswith(message), caught.exception)

    def test_a_name_is_lower_case_as_for_apt(self) -> None:
        self.assertEqual(self._names(_MINIMAL % b"Ab"), ["ab"])

    def test_a_stanza_without_a_name_is_refused_always(self) -> None:
        with self.assertRaisesRegex(MalformedIndexError, "x:1: the Package field is missing"):
            parse_index(b"Version: 1\nArchitecture: all\n", "x", unusable=[])

    def test_many_bad_stanzas_are_told_in_linear_time(self) -> None:
        text = b"\n".join(_MINIMAL.replace(b"all", b"x_y") % b"a" for _ in range(100_000))
        unusable: list[Unusable] = []
        start = time.monotonic()
        parse_index(text, "x", unusable=unusable)
        self.assertLess(time.monotonic() - start, 10)
        self.assertTrue(unusable[-1].reason.startswith("x:399997: package a: "))

    @given(st.binary(max_size=200))
    def test_reads_or_refuses_any_bytes(self, text: bytes) -> None:
        try:
            packages = parse_index(text, "x")
        except MalformedIndexError as error:
            self.assertRegex(str(error), r"^x:\d+: ")
        else:
            for package in packages:
                package.fields()

    @given(st.lists(st.sampled_from([b"a", b"b2", b"c+d"]), max_size=5))
    def test_the_stanzas_are_the_text(self, names: list[bytes]) -> None:
        text = b"\n".join(_MINIMAL % name for name in names)
        packages = parse_index(text, "x")
        self.assertEqual(b"\n".join(package.raw + b"\n" for package in packages), text)


class PatienceTest(ScratchTest):
    """A stanza that nobody needs does no harm: as for apt, which is asked too."""

    _BAD = (
        ("Architecture: x86_64", "the Architecture field cannot be 'x86_64'", True),
        ("Architecture: AMD64", "the Architecture field cannot be 'AMD64'", True),
        ("Architecture: amd64 i386", "the Architecture field cannot be 'amd64 i386'", True),
        ("Architecture: i386\nArchitecture: amd64", "a second Architecture field", False),
        ("Version:", "the Version field cannot be ''", True),
        ("Version: 1 2", "the Version field cannot be '1 2'", False),
        ("Version: 1\nVersion: 2", "a second Version field", False),
        ("Package: b c", "the Package field cannot be 'b c'", True),
        ("Package: b@", "the Package field cannot be 'b@'", True),
    )

    def test_what_no_package_can_be_made_of_is_left_out_and_told(self) -> None:
        for field, reason, passed_over in self._BAD:
            with self.subTest(field):
                unusable: list[Unusable] = []
                (package,) = parse_index(self._index(field), "x", unusable=unusable)
                self.assertEqual(package.name, "good")
                (told,) = unusable
                self.assertRegex(told.reason, rf"x:\d+: package b[ @c]*: {re.escape(reason)}")
                self.assertEqual(told.is_passed_over, passed_over)

    def test_apt_installs_its_neighbour_and_passes_over_the_same(self) -> None:
        """But for architectures that there are not: apt 3 takes those for foreign ones."""
        need(self, "apt-get")
        for number, (field, _, passed_over) in enumerate(self._BAD):
            with self.subTest(field):
                apt = Apt(self.scratch / str(number), "amd64")
                apt.add("s", {"amd64": self._index(field)})
                apt.update()
                self.assertEqual(apt.install(["good"]), {"good:amd64=1"})
                if "Architecture" not in field or not passed_over:
                    self.assertEqual(apt.install(["b"]) is None, passed_over)

    def _index(self, field: str) -> bytes:
        """A stanza of `b` with these fields in the place of its own, and one of `good`."""
        given = {line.partition(":")[0] for line in field.splitlines()}
        usual = {"Package": "b", "Version": "1", "Architecture": "amd64", **_FILE}
        lines = [f"{name}: {value}" for name, value in usual.items() if name not in given]
        bad = "\n".join(sorted([*field.splitlines(), *lines], key=lambda line: line[:3] != "Pac"))
        good = "\n".join(f"{n}: {v}" for n, v in ({**usual, "Package": "good", **_GOOD}).items())
        return f"{bad}\n\n{good}\n".encode()


class OriginTest(unittest.TestCase):
    def test_is_written_as_apt_prints_it(self) -> None:
        for text in (
            "http://ftp.debian.org/debian bookworm/main amd64 Packages",
            "http://security.debian.org/debian-security bookworm/updates/main amd64 Packages",
            "file:/srv/flat ./ Packages",
        ):
            self.assertEqual(str(Origin.parse(text)), text)

    def test_knows_its_host(self) -> None:
        self.assertEqual(Origin("http://u:p@example.org:81/d", "s", "c", "a").site, "example.org")
        self.assertEqual(Origin("file:/srv/debian", "s", "c", "a").site, "")

    def test_says_what_it_expects(self) -> None:
        with self.assertRaisesRegex(UserError, "'nonsense' is not an origin; expected 'URI SUITE"):
            Origin.parse("nonsense")


class ReleaseFactsTest(unittest.TestCase):
    def test_takes_the_facts_from_a_release_file(self) -> None:
        facts = ReleaseFacts.from_fields(
            {"Suite": "stable", "Codename": "bookworm", "Version": "12.1", "NotAutomatic": "yes"}
        )
        self.assertEqual(facts, ReleaseFacts("stable", "bookworm", "", "", "12.1", True, False))


if __name__ == "__main__":
    unittest.main()
