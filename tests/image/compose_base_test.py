"""Composing upon a base, with layers, removals, users: what `compose_test` leaves to here."""

import subprocess
import unittest
from dataclasses import replace

from apt2ostree import messages
from apt2ostree.errors import UserError
from apt2ostree.image.compose import Options
from apt2ostree.ship import checkout
from apt2ostree.ship.contents import Contents
from apt2ostree.tree.manifest import User
from tests.support.debs import control, deb, directory, file, symlink
from tests.support.judges import ScratchTest
from tests.support.variants import Variant, build, paths, tree

BASE_PASSWD = deb(
    file("./usr/share/base-passwd/passwd.master", b"root:*:0:0:root:/root:/bin/sh\n"),
    file("./usr/share/base-passwd/group.master", b"root:*:0:\n"),
    control=control("base-passwd"),
)
ONE = deb(
    directory("./usr"),
    file("./usr/one", b"1"),
    file("./usr/doc/one/README", b"read"),
    file("./usr/doc/one/copyright", b"free"),
    control=control("one"),
)
TWO = deb(file("./usr/two", b"2"), control=control("two"))


class BaseTest(ScratchTest):
    def base(self, *debs: bytes, options: Options | None = None) -> Variant:
        return build(self.scratch / "base", debs or [ONE], options=options, label="//:base")

    def upon(self, base: Variant, name: str = "upper", **arguments: object) -> Variant:
        return build(self.scratch / name, base=base, **arguments)  # type: ignore[arg-type]

    def text(self, image: Variant, path: str) -> str:
        with Contents(image.built) as contents:
            return contents.read_text(path) or ""

    def dpkg(self, image: Variant, *arguments: str) -> str:
        """The real dpkg's answer about a checkout."""
        root = self.scratch / "root"
        if not root.exists():
            checkout.write(image.built, root, user_mode=True)
        command = ["dpkg", f"--root={root}", "--log=/dev/null", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def test_packages_upon_a_base_join_its_database(self) -> None:
        image = self.upon(self.base(), debs=[TWO])
        self.assertEqual([record.name for record in image.manifest.packages], ["one", "two"])
        self.assertEqual(
            paths(image.manifest),
            {"usr/one", "usr/two", "usr/doc/one/README", "usr/doc/one/copyright"},
        )
        status = self.text(image, "var/lib/dpkg/status")
        self.assertIn("Package: one\n", status)
        self.assertIn("Package: two\n", status)
        self.assertIn("two.list", image.manifest.directories["var/lib/dpkg/info"].files)
        self.assertEqual(self.dpkg(image, "--verify"), "")

    def test_upon_a_base_or_all_at_once_is_the_same_image(self) -> None:
        upon = self.upon(self.base(), debs=[TWO])
        once = build(self.scratch / "once", [ONE, TWO])
        self.assertEqual(upon.built.commit, once.built.commit)

    def test_packages_that_the_base_has_are_left_as_they_are(self) -> None:
        base = self.base()
        configured = [
            replace(record, status="install ok installed") for record in base.manifest.packages
        ]
        base.manifest.packages[:] = configured
        image = self.upon(base, debs=[ONE, TWO])
        self.assertEqual(
            [record.status for record in image.manifest.packages],
            ["install ok installed", "install ok unpacked"],
        )

    def test_another_version_than_the_base_has_is_an_error(self) -> None:
        newer = deb(control=control("one", "2"))
        words = r"package one: //:base has version 1, and `packages` version 2: make both"
        with self.assertRaisesRegex(UserError, words):
            self.upon(self.base(), debs=[newer])

    def test_a_package_that_replaces_one_of_the_base(self) -> None:
        taker = deb(file("./usr/one", b"better"), control=control("taker", Replaces="one"))
        image = self.upon(self.base(), debs=[taker])
        self.assertEqual(self.text(image, "usr/one"), "better")
        listed = self.text(image, "var/lib/dpkg/info/one.list").splitlines()
        self.assertNotIn("/usr/one", listed)
        self.assertIn("/usr/doc/one/README", listed)
        self.assertEqual(self.dpkg(image, "-S", "/usr/one"), "taker: /usr/one\n")

    def test_a_clash_with_the_base_names_its_package(self) -> None:
        other = deb(file("./usr/one", b"other"), control=control("other"))
        with self.assertRaisesRegex(
            UserError, r"/usr/one: package one of base //:base and package other 1"
        ):
            self.upon(self.base(), debs=[other])

    def test_diversions_of_a_configured_base_stay(self) -> None:
        base = self.upon(self.base(), layers={"x": tree({"usr/other": b""})})
        files = base.manifest.directories["var/lib/dpkg"].files
        files["diversions"] = ["file", "0644", 0, 0, 5, "a" * 64]
        image = self.upon(base, "third", debs=[TWO])
        self.assertEqual(image.manifest.row("var/lib/dpkg/diversions"), files["diversions"])


class LayersTest(ScratchTest):
    def test_a_clash_between_layers_names_both(self) -> None:
        layers = {"//a:x": tree({"etc/f": b"1"}), "//b:y": tree({"etc/f": b"2"})}
        with self.assertRaisesRegex(
            UserError, r"/etc/f: layer //a:x and layer //b:y\n.*overlay_conflicts"
        ):
            build(self.scratch / "i", [ONE], layers)

    def test_equal_files_of_two_layers_are_no_clash(self) -> None:
        layers = {"a": tree({"etc/f": b"1"}), "b": tree({"etc/f": b"1"})}
        self.assertIn("etc/f", paths(build(self.scratch / "i", [ONE], layers).manifest))

    def test_replacing_on_request(self) -> None:
        layers = {"a": tree({"usr/one": b"mine"}), "b": tree({"usr/one": b"last"})}
        image = build(
            self.scratch / "i", [ONE], layers, options=Options(overlay_conflicts="replace")
        )
        with Contents(image.built) as contents:
            self.assertEqual(contents.read("usr/one"), b"last")

    def test_two_packages_still_clash_when_layers_may_replace(self) -> None:
        other = deb(file("./usr/one", b"other"), control=control("other"))
        with self.assertRaisesRegex(UserError, "package one 1 and package other 1"):
            build(self.scratch / "i", [ONE, other], options=Options(overlay_conflicts="replace"))

    def test_a_layer_says_otherwise_of_a_directory(self) -> None:
        manifest, objects = tree({}, ["usr"])
        manifest.directories["usr"].mode = "0700"
        with self.assertRaisesRegex(
            UserError, r"/usr \(owner or mode\): package one 1 and layer a"
        ):
            build(self.scratch / "i", [ONE], {"a": (manifest, objects)})
        image = build(
            self.scratch / "j",
            [ONE],
            {"a": (manifest, objects)},
            options=Options(overlay_conflicts="replace"),
        )
        self.assertEqual(image.manifest.directories["usr"].mode, "0700")

    def test_a_layer_lands_behind_the_links_of_a_merged_usr(self) -> None:
        merged = deb(
            symlink("./lib", "usr/lib"), directory("./usr/lib"), control=control("base-files")
        )
        image = build(self.scratch / "i", [merged], {"a": tree({"lib/systemd/x.service": b""})})
        self.assertIn("usr/lib/systemd/x.service", paths(image.manifest))


class RemoveTest(ScratchTest):
    def test_removed_paths_leave_the_lists_too(self) -> None:
        options = Options(remove=["/usr/doc/**", "!/usr/doc/*/copyright"])
        image = build(self.scratch / "i", [ONE, TWO], options=options)
        self.assertEqual(paths(image.manifest), {"usr/one", "usr/two", "usr/doc/one/copyright"})
        with Contents(image.built) as contents:
            listed = (contents.read_text("var/lib/dpkg/info/one.list") or "").splitlines()
        self.assertEqual(listed, ["/.", "/usr", "/usr/doc/one/copyright", "/usr/one"])
        root = self.scratch / "root"
        checkout.write(image.built, root, user_mode=True)
        command = ["dpkg", f"--root={root}", "--log=/dev/null", "--verify"]
        self.assertEqual(subprocess.run(command, capture_output=True, check=False).stdout, b"")

    def test_lists_stay_corrected_in_an_image_upon_the_image(self) -> None:
        base = build(self.scratch / "base", [ONE], options=Options(remove=["usr/doc/one/README"]))
        upper = build(self.scratch / "i", base=base, options=Options(remove=["usr/one"]))
        with Contents(upper.built) as contents:
            listed = contents.read_text("var/lib/dpkg/info/one.list")
        self.assertEqual(listed, "/.\n/usr\n/usr/doc/one/copyright\n")

    def test_removing_makes_room_for_a_layer(self) -> None:
        layers = {"a": tree({"usr/one": b"mine"})}
        image = build(self.scratch / "i", [ONE], layers, options=Options(remove=["usr/one"]))
        with Contents(image.built) as contents:
            self.assertEqual(contents.read("usr/one"), b"mine")

    def test_a_pattern_that_matches_nothing_warns_or_fails(self) -> None:
        with messages.kept() as said:
            build(self.scratch / "i", [ONE], options=Options(remove=["usr/typo", "?usr/maybe"]))
        self.assertRegex(
            "\n".join(said), r"^warning: remove: 'usr/typo' matches nothing in base and"
        )
        options = Options(remove=["usr/typo"], unmatched_globs="error")
        with self.assertRaisesRegex(UserError, "remove: 'usr/typo' matches nothing"):
            build(self.scratch / "j", [ONE], options=options)


class UsersTest(ScratchTest):
    def test_users_of_a_layer_are_added_to_the_image(self) -> None:
        manifest, objects = tree({"usr/x": b""})
        manifest.users = {"app": User(700)}
        image = build(self.scratch / "i", [BASE_PASSWD], {"a": (manifest, objects)})
        with Contents(image.built) as contents:
            self.assertEqual(
                contents.read_text("etc/passwd"),
                "root:*:0:0:root:/root:/bin/sh\napp:*:700:700::/nonexistent:/usr/sbin/nologin\n",
            )
        self.assertIn("app:", image.manifest.texts["etc/passwd"])
        self.assertEqual(image.manifest.users, {})

    def test_users_are_not_added_to_a_symlink(self) -> None:
        link = deb(symlink("./etc/passwd", "x"), control=control("link"))
        manifest, objects = tree({"usr/x": b""})
        manifest.users = {"app": User(700)}
        with self.assertRaisesRegex(UserError, "/etc/passwd: a symlink, and users and groups are"):
            build(self.scratch / "i", [BASE_PASSWD, link], {"a": (manifest, objects)})

    def test_an_image_upon_it_knows_them(self) -> None:
        manifest, objects = tree({"usr/x": b""})
        manifest.users = {"app": User(700)}
        base = build(self.scratch / "base", [BASE_PASSWD], {"a": (manifest, objects)})
        second, objects = tree({"usr/y": b""})
        second.users = {"other": User(700)}
        with self.assertRaisesRegex(
            UserError, "user other: the id 700 is app's already|group other: the id 700"
        ):
            build(self.scratch / "i", base=base, layers={"b": (second, objects)})

    def test_two_layers_that_disagree(self) -> None:
        one, two = tree({"usr/x": b""}), tree({"usr/y": b""})
        one[0].users, two[0].users = {"app": User(700)}, {"app": User(701)}
        with self.assertRaisesRegex(UserError, "user app: two layers declare it, and differently"):
            build(self.scratch / "i", [BASE_PASSWD], {"a": one, "b": two})


if __name__ == "__main__":
    unittest.main()
