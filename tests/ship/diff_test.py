import json
import unittest

from apt2ostree.ship import diff, diff_text
from apt2ostree.ship.diff import PackageChange
from apt2ostree.tree.manifest import Manifest
from tests.support.debs import control, deb, directory, file, symlink
from tests.support.images import compose_debs


def image(*debs: bytes) -> Manifest:
    """An image without dpkg's files, which are not what is compared here."""
    manifest = compose_debs(debs).manifest
    for path in [path for path in manifest.directories if path.startswith("var")]:
        del manifest.directories[path]
    return manifest


def own(*entries: object, version: str = "1") -> bytes:
    return deb(*entries, control=control("own", version))  # type: ignore[arg-type]


class DiffTest(unittest.TestCase):
    def test_packages_added_removed_upgraded_and_downgraded(self) -> None:
        old = image(
            *(deb(control=control(n, v)) for n, v in (("a", "1"), ("b", "1:1"), ("c", "2~rc1")))
        )
        new = image(*(deb(control=control(n, v)) for n, v in (("b", "9"), ("c", "2"), ("d", "1"))))
        self.assertEqual(
            diff.compare(old, new).packages,
            (
                PackageChange("removed", "a", "amd64", "1", ""),
                PackageChange("downgraded", "b", "amd64", "1:1", "9"),
                PackageChange("upgraded", "c", "amd64", "2~rc1", "2"),
                PackageChange("added", "d", "amd64", "", "1"),
            ),
        )

    def test_what_of_a_file_changed(self) -> None:
        old = image(
            own(
                directory("./d", 0o755),
                file("./mode", b"1"),
                file("./owner", b"1"),
                file("./size", b"1"),
                file("./content", b"1"),
                symlink("./target", "a"),
                file("./type"),
            )
        )
        new = image(
            own(
                directory("./d", 0o700),
                file("./mode", b"1", 0o600),
                file("./owner", b"1", uid=1),
                file("./size", b"12"),
                file("./content", b"2"),
                symlink("./target", "b"),
                symlink("./type", "x"),
            )
        )
        found = {change.path: change.what for change in diff.compare(old, new).files}
        self.assertEqual(
            found,
            {
                "content": ("content",),
                "d": ("mode",),
                "mode": ("mode",),
                "owner": ("owner",),
                "size": ("size",),
                "target": ("target",),
                "type": ("type", "mode", "target"),
            },
        )

    def test_equal_images_have_no_differences(self) -> None:
        found = diff.compare(image(own(file("./a"))), image(own(file("./a"))))
        self.assertEqual((found.packages, found.files, found.growth), ((), (), 0))
        self.assertEqual(diff_text.as_text(found), "no package changed; no path changed; same size")

    def test_growth_is_in_bytes_of_content(self) -> None:
        found = diff.compare(image(own(file("./a", b"123"))), image(own(file("./b", b"12345"))))
        self.assertEqual(found.growth, 2)

    def test_a_table_for_the_terminal(self) -> None:
        found = diff.compare(
            image(own(file("./a", b"1"))), image(own(file("./a", b"12"), version="2"))
        )
        self.assertEqual(
            diff_text.as_text(found).splitlines(),
            [
                "packages: 1 upgraded; paths: 1 changed; 1 B more",
                "",
                "   Package  Architecture  Old version  New version",
                "↑  own      amd64         1            2",
                "",
                "   Path  What differs  Size",
                "~  /a    content         +1",
            ],
        )

    def test_what_differs_is_told_as_it_was_and_is(self) -> None:
        old = image(own(file("./a", b"1"), symlink("./l", "x"), file("./t", b"")))
        new = image(own(file("./a", b"2", 0o600, uid=3), symlink("./l", "y"), symlink("./t", "z")))
        found = {c.path: diff_text.differs(c) for c in diff.compare(old, new).files}
        self.assertEqual(
            found,
            {
                "a": "mode 0644 → 0600, owner 0:0 → 3:0",
                "l": "target x → y",
                "t": "file → symlink, mode 0644 → 0777, target  → z",
            },
        )

    def test_markdown_is_grouped_by_package_and_bounded(self) -> None:
        documents = [file(f"./usr/share/doc/own/{n}") for n in range(30)]
        many = [file(f"./usr/lib/{n:03}", b"1") for n in range(200)]
        found = diff.compare(image(own()), image(own(*many, *documents, version="2")))
        owner = {change.path: "own" for change in found.files if "lib" in change.path}
        text = diff_text.as_markdown(found, owner)
        self.assertLess(len(text), 1000)
        self.assertEqual(
            text.splitlines()[:11],
            [
                "packages: 1 upgraded; paths: 235 added; 200 B more",
                "",
                "|  | Package | Old version | New version | Size |",
                "|---|---|---|---|--:|",
                "| ↑ | `own` | `1` | `2` | +200 |",
                "",
                "<details><summary>Paths</summary>",
                "",
                "`own`:",
                "",
                "- + `/usr/lib/`",
            ],
        )
        self.assertIn("- and 191 more, 31 of documentation, translations or databases", text)
        self.assertIn("`paths of no part of this image`:", text)
        self.assertTrue(text.endswith("</details>"))
        self.assertIn("- and 200 more, 31 of", diff_text.as_markdown(found, owner, 1))

    def test_markdown_keeps_hostile_names_in_their_place(self) -> None:
        found = diff.compare(image(), image(own(file("./a|b`c d"))))
        self.assertIn("\n- + `/a\\|b'c d`\n", diff_text.as_markdown(found, {}))

    def test_json_has_everything(self) -> None:
        found = diff.compare(image(), image(own(file("./a", b"1", 0o640, uid=7))))
        data = json.loads(diff_text.as_json(found))
        self.assertEqual(data["packages"][0]["kind"], "added")
        new = data["files"][0]["new"]
        self.assertEqual((new["mode"], new["uid"], new["size"]), ("0640", 7, 1))

    def test_a_limit_says_how_many_more_there_are(self) -> None:
        found = diff.compare(image(), image(own(*(file(f"./{n}") for n in range(5)))))
        self.assertTrue(diff_text.as_text(found, 2).endswith("and 3 more"))


if __name__ == "__main__":
    unittest.main()
