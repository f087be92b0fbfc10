from __future__ import annotations

import unittest
from collections.abc import Mapping

from apt2ostree.archive.place import Place
from apt2ostree.archive.sources import parse_sources
from apt2ostree.errors import UserError
from apt2ostree.lock.multistrap import Configuration, MultistrapError, read_multistrap

MINIMAL = """\
[General]
arch=armhf
bootstrap=Debian
aptsources=Debian

[Debian]
packages=systemd
source=http://example.org/debian
keyring=debian-archive-keyring
suite=trixie
"""


def read(text: str, **others: str) -> Configuration:
    return read_files({"x/m.conf": text} | {f"x/{name}.conf": t for name, t in others.items()})


def read_files(files: Mapping[str, str]) -> Configuration:
    def find(name: str, asked_at: Place | None) -> str:
        if name not in files:
            raise UserError(f"{asked_at}: no {name}")
        return files[name]

    return read_multistrap("x/m.conf", find)


class MultistrapTest(unittest.TestCase):
    def refused(self, text: str, words: str) -> None:
        with self.assertRaises(UserError) as caught:
            read(text)
        self.assertEqual(str(caught.exception), words)

    def test_a_section_of_bootstrap_says_what_is_wanted_and_from_where(self) -> None:
        said = read(MINIMAL)
        self.assertEqual(said.architecture, "armhf")
        self.assertEqual(said.packages, ("debian-archive-keyring", "systemd"))
        self.assertEqual(said.priorities, ("required",))
        self.assertEqual(said.warnings, ())
        (section,) = said.bootstrap
        self.assertEqual(section.uri, "http://example.org/debian")
        self.assertEqual(section.suite, "trixie")
        self.assertEqual(section.components, ("main",))

    def test_the_source_of_a_section_is_on_the_sections_line_for_messages(self) -> None:
        said = read(MINIMAL)
        (section,) = said.bootstrap
        (source,) = parse_sources(said.sources_text(section, "armhf"), "x/m.conf", "armhf")
        self.assertEqual(str(source.place), "x/m.conf:8")
        self.assertEqual(source.architectures, ("armhf",))
        self.assertIsNone(source.policy.trusted)

    def test_names_of_sections_and_keys_mean_the_same_in_any_case(self) -> None:
        said = read(MINIMAL.replace("bootstrap=Debian", "Bootstrap = DEBIAN").replace("#", ""))
        self.assertEqual([section.name for section in said.bootstrap], ["debian"])

    def test_packages_may_be_on_several_lines_and_comments_between(self) -> None:
        said = read(MINIMAL + "; a comment\npackages=apt  nginx\n # another\npackages=\n")
        self.assertEqual(said.packages, ("apt", "debian-archive-keyring", "nginx", "systemd"))

    def test_included_files_add_sections_and_the_first_file_decides(self) -> None:
        said = read(
            "[General]\ninclude=base.conf\narch=armhf\naptsources=Local\n"
            "[Local]\npackages=mine\nsource=copy:///srv/debs ./\n",
            base="[General]\narch=amd64\nbootstrap=Debian Local\ninclude=more.conf\n"
            "[Debian]\nsource=http://d\nsuite=trixie\n",
            more="[General]\naddimportant=true\nallowrecommends=TRUE\n",
        )
        self.assertEqual(said.architecture, "armhf")
        self.assertEqual([section.name for section in said.bootstrap], ["debian", "local"])
        self.assertEqual([section.name for section in said.aptsources], ["local"])
        self.assertEqual(said.priorities, ("required", "important"))
        self.assertTrue(said.recommends)
        self.assertEqual(said.bootstrap[1].uri, "copy:///srv/debs")
        self.assertEqual(said.bootstrap[1].suite, "./")
        self.assertEqual(said.bootstrap[1].components, ())

    def test_an_include_that_names_itself_is_read_once(self) -> None:
        text = MINIMAL.replace("arch=", "include=m.conf\narch=")
        self.assertEqual(read(text).architecture, "armhf")

    def test_multiarch_limits_sources_and_architecture_qualifies_packages(self) -> None:
        said = read(
            MINIMAL.replace("arch=armhf", "arch=amd64\nmultiarch=amd64 i386")
            + "[Foreign]\narchitecture=i386\npackages=libc6 wine32\nsource=http://f\nsuite=s\n"
        )
        self.assertEqual(said.architectures("amd64"), ("amd64", "i386"))
        said = read(
            MINIMAL.replace("arch=armhf", "arch=amd64\nmultiarch=i386").replace(
                "bootstrap=Debian", "bootstrap=Debian Foreign"
            )
            + "[Foreign]\narchitecture=i386\npackages=libc6 wine32\nsource=http://f\nsuite=s\n"
        )
        self.assertIn("libc6:i386", said.packages)
        self.assertIn("wine32:i386", said.packages)

    def test_noauth_trusts_every_source(self) -> None:
        said = read(MINIMAL.replace("[Debian]", "noauth=true\n[Debian]"))
        (section,) = said.bootstrap
        (source,) = parse_sources(said.sources_text(section, "armhf"), "m.conf", "armhf")
        self.assertIs(source.policy.trusted, True)

    def test_omitrequired_leaves_the_base_system_to_the_packages(self) -> None:
        said = read(MINIMAL.replace("arch=", "omitrequired=true\narch="))
        self.assertEqual(said.priorities, ())

    def test_explicitsuite_takes_packages_from_their_sections_suite(self) -> None:
        said = read(MINIMAL.replace("arch=", "explicitsuite=true\narch="))
        self.assertEqual(said.packages, ("debian-archive-keyring", "systemd/trixie"))

    def test_aptdefaultrelease_becomes_a_pin_unless_there_are_preferences(self) -> None:
        text = MINIMAL.replace("arch=", "aptdefaultrelease=trixie\narch=")
        self.assertEqual(
            read(text).preferences_text(),
            "Package: *\nPin: release trixie\nPin-Priority: 990\n",
        )
        self.assertEqual(read(text.replace("=trixie\narch", "=*\narch")).preferences_text(), "")
        text = text.replace("arch=", "aptpreferences=pins\narch=")
        self.assertEqual(read(text).preferences_text(), "")

    def test_additional_packages_are_wanted_like_the_rest(self) -> None:
        self.assertIn("udev", read(MINIMAL + "additional=udev\nreinstall=dash\n").packages)

    def test_the_image_gets_the_files_that_multistrap_writes(self) -> None:
        self.assertEqual(
            read(MINIMAL + "components=main contrib\n").image_files("armhf"),
            {
                "etc/apt/sources.list.d/multistrap-debian.list": (
                    "deb [arch=armhf] http://example.org/debian trixie main contrib\n"
                    "deb-src http://example.org/debian trixie main contrib\n"
                )
            },
        )
        files = read(MINIMAL + "omitdebsrc=true\n").image_files("armhf")
        self.assertNotIn("deb-src", "".join(files.values()))

    def test_keys_without_a_meaning_are_named_in_warnings(self) -> None:
        said = read(
            MINIMAL.replace(
                "arch=",
                "directory=/srv\ncleanup=false\nunpack=true\nretainsources=false\n"
                "tarballname=\nspeed=high\narch=",
            )
            + "colour=red\n"
        )
        self.assertEqual(
            said.warnings,
            (
                "x/m.conf:2: directory has no meaning here: bazel run IMAGE -- checkout DIRECTORY "
                "writes the image into one",
                "x/m.conf:3: cleanup=false has no meaning here: an image never holds apt's "
                "downloads and indexes",
                "x/m.conf:7: speed is no key of multistrap(1), and is ignored",
                "x/m.conf:17: colour is no key of multistrap(1), and is ignored",
            ),
        )

    def test_aptsources_alone_is_what_the_first_apt2ostree_read(self) -> None:
        said = read(MINIMAL.replace("bootstrap=Debian\n", ""))
        self.assertEqual([section.name for section in said.bootstrap], ["debian"])
        self.assertEqual(
            said.warnings,
            (
                "x/m.conf:3: there is no bootstrap=, which names the sections that the image is "
                "made from; the ones of aptsources= are taken",
            ),
        )

    def test_what_is_wrong_is_said_with_file_and_line(self) -> None:
        self.refused("arch=x\n", "x/m.conf:1: 'arch=x' stands before the first [section]")
        self.refused(
            "[General]\nfoo\n", "x/m.conf:2: expected '[section]' or 'key=value', found 'foo'"
        )
        self.refused(
            "[General]\narch=a\narch=b\n",
            "x/m.conf:3: arch is here twice in one section; the first is at x/m.conf:2",
        )
        self.refused("[General]\narch=../x\n", "x/m.conf:2: '../x' is not an architecture's name")
        self.refused("[General]\nnoauth=1\n", "x/m.conf:2: noauth=1: expected true or false")
        self.refused(
            "[General]\nbootstrap=A\n", "x/m.conf:2: there is no section [A] in any of the files"
        )
        self.refused(
            "[General]\narch=amd64\n",
            "x/m.conf:1: there is no bootstrap=, which names the sections that the image is made "
            "from",
        )
        self.refused(
            "[General]\nomitrequired=true\naddimportant=true\n",
            "x/m.conf:2: omitrequired and addimportant are both true; take one of them out",
        )
        self.refused(
            "[../../etc]\n",
            "x/m.conf:1: the section's name '../../etc' would be a file's in the image: only "
            "letters, digits and . _ + - are possible",
        )
        self.refused(
            "[General]\nbootstrap=A\n[A]\nsource=http://a\n",
            "x/m.conf:3: the section [a] has a source and no suite; add suite=…",
        )
        self.refused(
            "[General]\nbootstrap=A\n[A]\nsource=http://a b c\n",
            "x/m.conf:4: 'http://a b c' is neither a URL nor, for a flat archive, 'URL PATH/'",
        )
        self.refused(
            "[General]\nbootstrap=A\n[A]\nsource=http://a\nsuite=s\npackages=p\narchitecture=i386\n",
            "x/m.conf:7: packages for i386 are wanted, and multiarch= in [General] does not have "
            "it; add it there",
        )
        self.refused("[General]\ninclude=other.conf\n", "x/m.conf:2: no x/other.conf")

    def test_a_section_that_two_files_have_is_refused(self) -> None:
        with self.assertRaises(MultistrapError) as caught:
            read(MINIMAL.replace("arch=", "include=b.conf\narch="), b="[DEBIAN]\npackages=x\n")
        self.assertEqual(
            str(caught.exception),
            "x/b.conf:1: the section [debian] is here twice; the first is at x/m.conf:7; give "
            "one of them another name",
        )


if __name__ == "__main__":
    unittest.main()
