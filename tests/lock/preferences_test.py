from __future__ import annotations

import unittest

from apt2ostree.debian.index import Origin, Package, ReleaseFacts
from apt2ostree.lock.preferences import Preferences, PreferencesError, parse_preferences
from tests.lock.apt_judge import Apt
from tests.lock.universes import index, packages
from tests.support.judges import ScratchTest, need

_STABLE = Origin(
    "http://ftp.debian.org/debian",
    "stable",
    "main",
    "amd64",
    ReleaseFacts("stable", "bookworm", "Debian", "Debian Lab", "12.3"),
)
_BACKPORTS = Origin(
    "http://deb.example.org/debian",
    "stable-backports",
    "main",
    "amd64",
    ReleaseFacts("stable-backports", "bookworm-backports", "Backports", "", "", True, True),
)
_EXPERIMENTAL = Origin(
    "file:/srv/debian",
    "experimental",
    "main",
    "amd64",
    ReleaseFacts("experimental", "rc-buggy", "Debian", "Debian", "", True),
)


def _record(package: str, pin: str, priority: object) -> str:
    return f"Package: {package}\nPin: {pin}\nPin-Priority: {priority}\n\n"


def _package(line: str, origin: Origin | None = _STABLE) -> Package:
    return packages(line, origin)[0]


def _priority(text: str, package: Package, target_release: str = "") -> int:
    pins = parse_preferences(text, "preferences")
    return Preferences(pins, target_release).priority(package, "amd64")


class PriorityTest(unittest.TestCase):
    def test_without_pins_depends_on_the_release(self) -> None:
        for origin, priority in {_STABLE: 500, _BACKPORTS: 100, _EXPERIMENTAL: 1}.items():
            self.assertEqual(_priority("", _package("foo", origin)), priority)
        self.assertEqual(_priority("", _package("foo", None)), 500)

    def test_the_target_release_has_990(self) -> None:
        for target in ("stable", "bookworm", "12.3", "a=stable", "bookw*"):
            with self.subTest(target):
                self.assertEqual(_priority("", _package("foo"), target), 990)
                self.assertEqual(_priority("", _package("foo", _EXPERIMENTAL), target), 1)

    def test_a_general_pin_does_not_change_the_target_release(self) -> None:
        text = _record("*", "release a=stable", 600)
        self.assertEqual(_priority(text, _package("foo"), "stable"), 990)

    def test_a_specific_pin_wins_over_everything(self) -> None:
        text = _record("*", "release a=stable", 600) + _record("foo", "release a=stable", 300)
        self.assertEqual(_priority(text, _package("foo"), "stable"), 300)

    def test_the_first_matching_pin_counts(self) -> None:
        text = _record("foo", "version 1", 700) + _record("foo", "version *", -5)
        self.assertEqual(_priority(text, _package("foo 1")), 700)
        self.assertEqual(_priority(text, _package("foo 2")), -5)
        text = _record("*", "release a=stable", -1) + _record("*", "release n=bookworm", 600)
        self.assertEqual(_priority(text, _package("foo")), -1)

    def test_the_best_of_several_origins_counts(self) -> None:
        package = _package("foo").with_origins((_EXPERIMENTAL, _STABLE))
        self.assertEqual(_priority("", package), 500)

    def test_release_pins_match_the_facts_of_the_release_file(self) -> None:
        for pin, matches in {
            "release a=stable": True,
            "release n=bookworm": True,
            "release n=book*": True,
            "release n=/w.rm$/": True,
            "release c=main": True,
            "release c=contrib": False,
            "release o=Debian, l=Debian Lab": True,
            "release o=Debian, l=Other": False,
            "release l=debian lab": True,
            "release v=12.3": True,
            "release v=12": False,
            "release v=12*": True,
            "release b=amd64": True,
            "release b=i386": False,
            "release stable": True,
            "release bookworm": True,
            "release 12.3": True,
            "release 12": False,
            "release a=other, a=stable": True,
            "origin ftp.debian.org": True,
            'origin "ftp.debian.org"': True,
            "origin *.debian.org": True,
            'origin ""': False,
        }.items():
            with self.subTest(pin):
                expected = 700 if matches else 500
                self.assertEqual(_priority(_record("*", pin, 700), _package("foo")), expected)

    def test_an_empty_origin_matches_local_archives(self) -> None:
        for pin in ('origin ""', "origin"):
            text = _record("*", pin, 700)
            self.assertEqual(_priority(text, _package("foo", _EXPERIMENTAL)), 700)

    def test_version_pins_match_globs_and_expressions(self) -> None:
        for wanted, matches in {
            "5.36.0-7": True,
            "5.36*": True,
            "5.36": False,
            "5.3[56].*": True,
            "/^5[.]36/": True,
            "/^6/": False,
        }.items():
            with self.subTest(wanted):
                text = _record("perl", f"version {wanted}", 700)
                self.assertEqual(_priority(text, _package("perl 5.36.0-7")) == 700, matches)

    def test_package_patterns(self) -> None:
        package = "libfoo1 2; Source: foo (1)"
        for pattern, matches in {
            "libfoo1": True,
            "LIBFOO1": False,
            "libfoo": False,
            "bar libfoo1": True,
            "lib*": True,
            "LIB*": True,
            "lib?oo1": True,
            "/foo[0-9]$/": True,
            "/^foo/": False,
            "src:foo": True,
            "src:f*": True,
            "src:/^foo$/": True,
            "src:libfoo1": False,
            "libfoo1:amd64": True,
            "libfoo1:any": True,
            "libfoo1:i386": False,
            "*:any": True,
            "*:i386": False,
            "src:/oo/:any": True,
            "bar *": True,
        }.items():
            with self.subTest(pattern):
                text = _record(pattern, "version 2", 700)
                self.assertEqual(_priority(text, _package(package)) == 700, matches)

    def test_patterns_mean_the_native_architecture(self) -> None:
        text = _record("foo", "version *", 700)
        self.assertEqual(_priority(text, _package("foo:i386")), 500)
        self.assertEqual(_priority(text, _package("foo:all")), 700)
        text = _record("foo:any", "version *", 700)
        self.assertEqual(_priority(text, _package("foo:i386")), 700)


class ParsePreferencesTest(unittest.TestCase):
    def test_reads_records_with_comments_and_explanations(self) -> None:
        text = (
            "# c\nExplanation: why\nPackage: foo\n# d\n bar\nPin: version 1\nPin-Priority: 7\n"
            "\n\nPackage: *\nPin: origin x\nPin-Priority: -7"
        )
        first, second = parse_preferences(text, "p")
        self.assertEqual((first.packages, first.priority, first.where), (("foo", "bar"), 7, "p:2"))
        self.assertEqual((second.general, second.priority, second.where), (True, -7, "p:10"))

    def test_an_empty_file_has_no_pins(self) -> None:
        self.assertEqual(parse_preferences("\n# nothing\n", "p"), [])

    def test_says_what_is_wrong(self) -> None:
        for text, message in {
            "Pin: version 1\nPin-Priority: 1": "p:1: the record has no Package field",
            "Package: a\nPin-Priority: 1": "p:1: the record has no Pin field",
            "\nPackage: a\nPin: version 1": "p:2: the record has no Pin-Priority field",
            _record("a", "wersion 1", 1): "p:1: unknown pin 'wersion 1'; expected 'release …'",
            _record("a", "version", 1): "p:1: the pin 'version' says nothing",
            _record("*", "version 1", 1): "p:1: a version pin needs names of packages",
            _record("a", "version 1", 0): "p:1: Pin-Priority '0' is not a number between",
            _record("a", "version 1", "7x"): "p:1: Pin-Priority '7x' is not a number between",
            _record("a", "version 1", 40000): "p:1: Pin-Priority '40000' is not a number between",
            _record("/(/", "version 1", 1): "p:1: /(/ is not a regular expression",
            "Package: a\nnonsense\n": "p:2: expected 'Field: value', found 'nonsense'",
            " a\n": "p:1: a continuation line of nothing",
            "Package: a\n: b\n": "p:2: expected 'Field: value', found ': b'",
        }.items():
            with self.subTest(text), self.assertRaises(PreferencesError) as caught:
                parse_preferences(text, "p")
            self.assertTrue(str(caught.exception).startswith(message), caught.exception)


class AptTest(ScratchTest):
    def test_gives_the_priorities_that_apt_gives(self) -> None:
        need(self, "apt-get", "apt-cache")
        stable = "foo 1\nbar 5; Source: foosrc (3)\nbaz:all 1"
        experimental = "foo 2\nbar 6; Source: foosrc (4)\nbaz:all 2"
        apt = Apt(self.scratch / "apt", "amd64")
        apt.add("stable", {"amd64": index(stable)}, Version="12.3", Codename="bookie")
        apt.add("exp", {"amd64": index(experimental)}, NotAutomatic="yes", Origin="Here")
        apt.update()
        origins = [
            Origin("file:/srv", facts.suite, "main", "amd64", facts)
            for facts in (
                ReleaseFacts("stable", "bookie", "", "", "12.3"),
                ReleaseFacts("exp", "exp", "Here", "", "", True),
            )
        ]
        known = packages(stable, origins[0]) + packages(experimental, origins[1])
        for text in (
            "",
            _record("foo", "version 1", 700) + _record("foo", "version *", -5),
            _record("*", "release a=stable", -1) + _record("*", "release n=bookie", 600),
            _record("*", "release v=12*", 600),
            _record("*", "release v=12", 600),
            _record("*", "release o=Here, a=exp", 600),
            _record("*", "release a=stable, a=exp", 600),
            _record("*", 'origin ""', 600),
            _record("src:foosrc", "version 6", 600),
            _record("src:foosrc", "version 4", 600),
            _record("b* /^fo+$/", "version *", 600),
            _record("foo *", "release a=exp", 7),
            _record("baz:amd64", "version 1", 7),
            _record("*:any", "release n=exp", 7),
        ):
            with self.subTest(text):
                preferences = Preferences(parse_preferences(text, "p"))
                ours: dict[str, dict[str, int]] = {}
                for package in known:
                    priority = preferences.priority(package, "amd64")
                    ours.setdefault(package.name, {})[package.version] = priority
                self.assertEqual(ours, apt.priorities(["foo", "bar", "baz"], text))


if __name__ == "__main__":
    unittest.main()
