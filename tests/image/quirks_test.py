from __future__ import annotations

import json
import unittest
from pathlib import Path
from typing import Any

from apt2ostree.errors import UserError
from apt2ostree.image import quirks
from apt2ostree.image.compose import Options
from apt2ostree.tree.manifest import SIZE
from tests.support.debs import control, deb, directory, file
from tests.support.images import Composed, compose_debs
from tests.support.judges import ScratchTest

SCRIPT = "#!/bin/sh\n"
SHIPPED = Path("apt2ostree/quirks")


class QuirksTest(ScratchTest):
    def quirk(self, **changes: Any) -> quirks.Quirk:
        value = {
            "package": "tiny",
            "bug": "https://example.org/1",
            "description": "It fails.",
            "files": {"/usr/share/new/file": {"mode": "0755", "lines": ["a", "b"]}},
        }
        path = self.scratch / "q.json"
        path.write_text(json.dumps(value | changes))
        return quirks.load(path, "x/q.json")

    def compose(self, *known: quirks.Quirk) -> Composed:
        package = deb(
            directory("./etc"),
            file("./etc/own", b"old"),
            scripts={"postinst": SCRIPT, "prerm": SCRIPT},
        )
        return compose_debs([package], Options(architectures=("amd64",), quirks=known))

    def test_a_file_is_added_to_the_package_and_to_its_list(self) -> None:
        image = self.compose(self.quirk())
        self.assertEqual(image.content("usr/share/new/file"), "a\nb\n")
        row = image.manifest.row("usr/share/new/file")
        assert row
        self.assertEqual(row[:SIZE], ["file", "0755", 0, 0])
        listed = image.content("var/lib/dpkg/info/tiny.list").splitlines()
        self.assertIn("/usr/share/new/file", listed)
        self.assertIn("/etc/own", listed)

    def test_a_file_of_the_package_is_replaced(self) -> None:
        image = self.compose(self.quirk(files={"/etc/own": {"lines": ["new"]}}))
        self.assertEqual(image.content("etc/own"), "new\n")

    def test_a_skipped_script_is_not_in_the_database(self) -> None:
        image = self.compose(self.quirk(files={}, skip=["postinst"]))
        info = image.manifest.directories["var/lib/dpkg/info"].files
        self.assertNotIn("tiny.postinst", info)
        self.assertIn("tiny.prerm", info)

    def test_versions_are_compared_as_dpkg_does(self) -> None:
        plain = self.compose().commit
        self.assertEqual(self.compose(self.quirk(versions="(<< 1~rc1)")).commit, plain)
        self.assertEqual(self.compose(self.quirk(package="other")).commit, plain)
        for versions in ("(= 1)", "(>= 1~rc1)", "(>> 0.9) (<< 1:0)"):
            self.assertNotEqual(self.compose(self.quirk(versions=versions)).commit, plain)

    def test_what_is_wrong_with_a_quirk_is_said(self) -> None:
        for changes, words in (
            ({"bug": ""}, "x/q.json: 'bug' is missing: expected a text"),
            (
                {"color": "red"},
                "x/q.json: 'color' is no key of a quirk: bug, description, files, package, skip, "
                "versions",
            ),
            (
                {"versions": "<< 1"},
                "x/q.json: versions '<< 1': expected relations such as '(<< 2.1.1-2)'",
            ),
            ({"files": {"etc": {"lines": []}}}, "x/q.json: 'etc': expected an absolute path"),
            (
                {"skip": ["md5sums"]},
                "x/q.json: skip ['md5sums']: expected a list of config, postinst, postrm, preinst, "
                "prerm",
            ),
            (
                {"skip": [{}]},
                "x/q.json: skip [{}]: expected a list of config, postinst, postrm, preinst, prerm",
            ),
            (
                {"files": {"/x": {"lines": [], "mode": "x"}}},
                "x/q.json: mode 'x': expected octal digits such as 0644",
            ),
        ):
            with self.subTest(changes), self.assertRaises(UserError) as caught:
                self.quirk(**changes)
            self.assertEqual(str(caught.exception), words)
        with self.assertRaisesRegex(UserError, "x/q.json: '/../x': "):
            self.quirk(files={"/../x": {"lines": []}})
        with self.assertRaises(UserError) as caught:
            self.compose(self.quirk(files={"/etc": {"lines": []}}))
        self.assertEqual(str(caught.exception), "x/q.json: /etc is a directory in package tiny")

    def test_those_that_come_with_the_rule_set_correct_what_they_are_for(self) -> None:
        known = [quirks.load(path, path.name) for path in sorted(SHIPPED.glob("*.json"))]
        packages = [
            deb(control=control("apt", Version="2.0.8")),
            deb(control=control("pylint", Version="1.9.2-1")),
        ]
        image = compose_debs(packages, Options(architectures=("amd64",), quirks=known))
        self.assertEqual(image.content("etc/kernel/postinst.d/apt-auto-removal"), SCRIPT)
        self.assertEqual(
            image.content("usr/share/python/bcep/pylint.bcep"),
            "re|-4.0|/usr/lib/python2.7/dist-packages/pylint|.*/test/.*\n",
        )
        later = [
            deb(control=control("apt", Version="2.0.9")),
            deb(control=control("pylint", Version="2.1.1-2")),
        ]
        options = Options(architectures=("amd64",))
        corrected = Options(architectures=("amd64",), quirks=known)
        self.assertEqual(compose_debs(later, corrected).commit, compose_debs(later, options).commit)


if __name__ == "__main__":
    unittest.main()
