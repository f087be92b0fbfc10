import re
import unittest
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.image import compose, dpkg_database
from apt2ostree.tree.manifest import PackageRecord
from tests.support import debs, dpkg, images, judges
from tests.support.debs import control, deb, directory, file, hardlink, symlink
from tests.support.judges import ScratchTest

# Of an image without foreign architectures, triggers or diversions dpkg itself has no such
# files, and takes empty ones.
EMPTY = ("available", "diversions", "statoverride", "triggers/File", "triggers/Unincorp")


class AgainstDpkgTest(ScratchTest):
    """The database is the one that `dpkg --unpack` writes."""

    def setUp(self) -> None:
        super().setUp()
        judges.need(self, "dpkg", "fakeroot")
        self.count = 0

    def unpack(self, *packages: bytes, foreign: tuple[str, ...] = ()) -> dpkg.Unpacked:
        self.count += 1
        place = self.scratch / str(self.count)
        place.mkdir()
        return dpkg.unpack(place, *packages, native=foreign)

    def assert_same(self, *packages: bytes, **differences: str) -> None:
        """Compare every file; `differences`: what ours may have, by a pattern for dpkg's."""
        theirs = self.unpack(*packages)
        self.assertEqual(set(theirs.status), {0}, theirs.output)
        image = images.compose_debs(packages, compose.Options(merged_usr="no"))
        self.compare(theirs.database, image)

    def test_names_are_in_lower_case(self) -> None:
        self.assert_same(
            deb(control=control("V-Upper")),
            deb(
                file("./a"),
                control=control(
                    "W-Up",
                    Multi_Arch="same",
                    Depends="V-Upper (>= 1) | Zzz:any",
                    Provides="Some-Thing",
                    Replaces="OTHER",
                ),
            ),
        )

    def compare(self, theirs: dict[str, str], image: images.Composed) -> None:
        ours = {}
        for path, found in image.manifest.directories.items():
            if f"{path}/".startswith(f"{dpkg.DATABASE}/"):
                for name in found.files:
                    full = f"{path}/{name}"
                    ours[full[len(dpkg.DATABASE) + 1 :]] = image.content(full)
        for name in EMPTY:
            if name not in theirs:
                self.assertEqual(ours.pop(name), "")
        if "arch" not in theirs:
            self.assertLessEqual(len(ours.pop("arch").split()), 1)
        self.assertEqual(sorted(ours), sorted(theirs))
        for name, text in theirs.items():
            mine = ours[name]
            if name.endswith(".list"):  # in the order of the tar, or, corrected, sorted
                self.assertEqual(sorted(mine.splitlines()), sorted(text.splitlines()))
            elif name == "status":
                # dpkg knows a conffile's md5 only once it is configured; ours is in place.
                known = re.sub(r"(?m)^( /\S+) [0-9a-f]{32}$", r"\1 newconffile", mine)
                self.assertEqual(stanzas(known), stanzas(text))
            else:
                self.assertEqual(mine, text, name)

    def test_a_package_without_md5sums_gets_them(self) -> None:
        self.assert_same(
            deb(
                directory("./usr"),
                file("./usr/a", b"a"),
                hardlink("./usr/b", "./usr/a"),
                symlink("./usr/c", "a"),
                file("./d e", b""),
            )
        )

    def test_fields_are_known_in_any_case(self) -> None:
        text = control(Depends="b", Pre_Depends="c", Multi_Arch="same", X_Own="d")
        self.assert_same(deb(file("./a", b"a"), control=text.lower()))

    def test_conffiles_count_in_computed_md5sums_as_they_do_for_dpkg(self) -> None:
        for scripts in (
            {"conffiles": "/etc/a\n"},
            {"conffiles": "/etc/a\n/etc/gone\n"},
            {"conffiles": "/etc/a  \n\n"},
            {"conffiles": "/etc/a\n", "md5sums": "92eb5ffee6ae2fec3ad71c777531578f  b\n"},
        ):
            with self.subTest(scripts):
                entries = (directory("./etc"), file("./etc/a", b"a"), file("./b", b"b"))
                self.assert_same(deb(*entries, scripts=scripts))

    def test_conffiles_that_are_links(self) -> None:
        for entry in (hardlink("./etc/a", "./b"), symlink("./etc/a", "../b")):
            entries = (directory("./etc"), file("./b", b"b"), entry)
            self.assert_same(deb(*entries, scripts={"conffiles": "/etc/a\n"}))

    def test_conffiles_to_be_removed(self) -> None:
        scripts = {"conffiles": "remove-on-upgrade /etc/a\n/etc/b\n"}
        self.assert_same(deb(directory("./etc"), file("./etc/b", b"b"), scripts=scripts))

    def test_multi_arch(self) -> None:
        for value in ("same", "foreign", "allowed", "no"):
            with self.subTest(value):
                self.assert_same(deb(file("./b", b"b"), control=control(Multi_Arch=value)))

    def test_two_architectures_of_one_package(self) -> None:
        packages = [
            deb(
                file("./shared", b"s"),
                file(f"./{name}", b"x"),
                control=control(Architecture=name, Multi_Arch="same"),
                scripts={"triggers": "interest-noawait shared\n"},
            )
            for name in ("amd64", "i386")
        ]
        theirs = self.unpack(*packages, foreign=("i386",))
        self.assertEqual(set(theirs.status), {0}, theirs.output)
        options = compose.Options(architectures=("amd64", "i386"), merged_usr="no")
        self.compare(theirs.database, images.compose_debs(packages, options))

    def test_control_files_of_all_kinds(self) -> None:
        self.assert_same(
            deb(
                scripts={
                    "list": "/evil\n",
                    "postrm": "#!/bin/sh\n",
                    "prerm": "#!/bin/sh\n",
                    "shlibs": "x",
                    "symbols": "",
                    "templates": "Template: x\n",
                }
            )
        )

    def test_triggers(self) -> None:
        one = "interest one\ninterest-noawait both\ninterest /usr/x\n# comment\n\nactivate z\n"
        two = "interest-await both\ninterest-noawait /usr/x\n\tinterest  /usr/y\n"
        self.assert_same(
            deb(control=control("aa"), scripts={"triggers": one}),
            deb(control=control("bb"), scripts={"triggers": two}),
        )

    def test_of_triggers_that_a_package_names_again_the_last_counts(self) -> None:
        for names in (("x", "y"), ("/a/b", "/c")):
            again = "interest {0}\ninterest {1}\ninterest-noawait {0}\n".format(*names)
            self.assert_same(deb(scripts={"triggers": again}))
            self.assert_same(deb(scripts={"triggers": f"interest {names[0]}\n" * 2}))

    def test_the_order_of_fields(self) -> None:
        text = (
            "Package: tiny\nFoo-Bar: x\nVersion:  1:2-3 \nArchitecture: amd64\nPriority: extra\n"
            "Depends: a (>= 1), b | c\nMaintainer: N <n@e.org>\nDescription: hi\n x\n .\n y\n"
            "homepage: q\nInstalled-Size: 3\nEssential: yes\nProtected: yes\nTag: a\n b\n"
            "Breaks: q\nEnhances: r\nBuilt-Using: s (= 1)\nBugs: debbugs://x\nOrigin: Y\n"
            "Source: src (1.0)\nSection: misc\nSuggests: t\nRecommends: u\nConflicts: v\n"
            "Replaces: w\nProvides: x (= 1)\nPre-Depends: y\nMulti-Arch: foreign\n"
        )
        self.assert_same(deb(control=text))

    def test_packages_for_all_architectures(self) -> None:
        self.assert_same(deb(control=control(Architecture="all")))

    def test_replaced_files_leave_the_list_of_the_package_that_lost_them(self) -> None:
        loser = deb(
            *(directory("./usr"), file("./usr/f", b"L"), file("./usr/g", b"g")),
            control=control("loser"),
            scripts={"md5sums": ""},
        )
        winner = deb(
            *(directory("./usr"), file("./usr/f", b"W")),
            control=control("winner", Replaces="loser"),
            scripts={"md5sums": ""},
        )
        self.assert_same(loser, winner)
        self.assert_same(winner, loser)

    def test_paths_below_another_packages_symlink(self) -> None:
        self.assert_same(
            deb(
                *(directory("./usr"), directory("./usr/lib"), symlink("./lib", "usr/lib")),
                control=control("aa"),
            ),
            deb(directory("./lib"), file("./lib/x", b"y"), control=control("bb")),
        )

    def test_dpkg_refuses_what_we_refuse(self) -> None:
        for package, words in (
            (deb(file("./a\nb")), "newline"),
            (deb(control=control(Status="install ok installed")), "Status"),
            (deb(control=control(Config_Version="1")), "Config-Version"),
            (deb(control=control(Conffiles="x")), "Conffiles"),
            (deb(control=control("a b")), "Package"),
            (deb(control=control(version="1 2")), "Version"),
            (deb(control=control(version="")), "Version"),
            *((deb(control=control(version=v)), "Version") for v in ("1-", "a:1", "1:", "v1")),
            (deb(control=control(Multi_Arch="some")), "Multi-Arch"),
            *((deb(control=control(Depends=text)), "Depends") for text in ("a,", "a,,b", "a b")),
            (deb(control=control() + "-X: a\n"), "hyphen"),
            (deb(control=control(Architecture="../x")), "Architecture"),
            (deb(control=control(Description="x\n \n y")), "blank line"),
            (deb(control=control() + "\nPackage: evil\n"), ""),
            (deb(scripts={"triggers": "interest ..\n"}), "trigger"),
            (deb(scripts={"triggers": "interest a_b\n"}), "trigger"),
            (deb(scripts={"triggers": "interest é\n"}), "trigger"),
            (deb(scripts={"triggers": "interest a/b\n"}), "trigger"),
            (deb(scripts={"triggers": "wish x\n"}), "trigger"),
            (deb(scripts={"conffiles": "etc/a\n"}), "conffile"),
        ):
            with self.subTest(words):
                theirs = self.unpack(package)
                self.assertEqual(theirs.status, [1])
                self.assertIn(words.lower(), theirs.output.lower())
                with self.assertRaisesRegex(UserError, words):
                    images.compose_debs([package])

    def test_dpkg_works_with_the_database_of_an_image(self) -> None:
        image = images.compose_debs(
            [
                deb(
                    *(directory("./etc"), file("./etc/a", b"a"), file("./f", b"f")),
                    control=control("aa"),
                    scripts={"conffiles": "/etc/a\n", "triggers": "interest x\n"},
                ),
                deb(control=control("bb", Multi_Arch="same")),
            ]
        )
        root = self.scratch / "root"
        for path, found in image.manifest.directories.items():
            (root / path).mkdir(parents=True, exist_ok=True)
            for name in found.files:
                Path(root, path, name).write_text(image.content(f"{path}/{name}".lstrip("/")))
        format = "-f=${db:Status-Abbrev}${binary:Package} ${Version}\n"
        listed = judges.run("dpkg-query", f"--root={root}", "-W", format)
        self.assertEqual(listed, "iU aa 1\niU bb:amd64 1\n")
        self.assertEqual(judges.run("dpkg", f"--root={root}", "--verify"), "")
        self.assertIn("/etc/a", judges.run("dpkg", f"--root={root}", "-L", "aa"))
        self.assertIn("aa: /f", judges.run("dpkg", f"--root={root}", "-S", "/f"))
        audit = judges.run("dpkg", f"--root={root}", "--audit", check=False)
        self.assertIn("have been unpacked but not yet configured", audit)
        self.assertNotIn("missing", audit)


def stanzas(status: str) -> dict[str, str]:
    found = {}
    for stanza in status.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.split("\n") if ": " in line)
        found[f"{fields.get('Package')}:{fields.get('Architecture')}"] = stanza
    return found


class TriggersTest(unittest.TestCase):
    def record(self, triggers: str) -> PackageRecord:
        return PackageRecord("tiny", "1", "amd64", debs.control(), triggers=triggers)

    def test_errors_name_the_package_and_the_line(self) -> None:
        for line, words in (
            ("wish x", "'wish x' is not a directive"),
            ("interest", "is not a directive"),
            ("interest a b", "is not a directive"),
            ("interest-maybe a", "is not a directive"),
            ("interest File", "'File' is neither a trigger's name nor an absolute path"),
            ("interest ..", "is neither"),
            ("activate a/b", "is neither"),
        ):
            with (
                self.subTest(line),
                self.assertRaisesRegex(UserError, f"package tiny: triggers, line 2: .*{words}"),
            ):
                dpkg_database.triggers([self.record(f"# a comment\n{line}\n")])


if __name__ == "__main__":
    unittest.main()
