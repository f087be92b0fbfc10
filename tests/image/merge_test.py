import unittest
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from apt2ostree.errors import UserError
from apt2ostree.image import merge
from apt2ostree.image.merge import Merged, Source
from apt2ostree.tree import paths
from apt2ostree.tree.manifest import CHECKSUM, Directory, PackageRecord, Row
from apt2ostree.tree.tree import ensure_directory


def row(content: str, target: str = "") -> Row:
    if target:
        return ["symlink", "0777", 0, 0, target, f"link to {target}"]
    return ["file", "0644", 0, 0, 1, content]


def source(
    name: str, files: Mapping[str, str], links: Mapping[str, str] = {}, **fields: str
) -> Source:
    """A package: path → content; a path that ends in a slash is a directory, its mode the value."""
    directories = {"": Directory(implicit=True)}
    for path, content in files.items():
        if path.endswith("/"):
            directory = ensure_directory(directories, path.rstrip("/"))
            directory.implicit, directory.mode = False, content
        else:
            above, last = paths.split(path)
            ensure_directory(directories, above).files[last] = row(content)
    for path, target in links.items():
        above, last = paths.split(path)
        ensure_directory(directories, above).files[last] = row("", target)
    control = "".join(f"{key}: {value}\n" for key, value in {"Package": name, **fields}.items())
    version = fields.get("Version", "1")
    return Source(
        f"package {name} {version}", directories, PackageRecord(name, version, "", control)
    )


def flat(merged: Merged) -> dict[str, str]:
    """Path → content of every file."""
    return {
        paths.join(path, name): row[CHECKSUM]
        for path, directory in merged.directories.items()
        for name, row in directory.files.items()
    }


class MergeTest(unittest.TestCase):
    def test_directories_merge(self) -> None:
        one = source("one", {"usr/": "0755", "usr/a": "A"})
        two = source("two", {"usr/": "0755", "usr/b": "B", "usr/lib/c": "C"})
        merged = merge.merge([one, two])
        self.assertEqual(flat(merged), {"usr/a": "A", "usr/b": "B", "usr/lib/c": "C"})
        self.assertEqual(merged.dropped, {})

    def test_the_first_source_that_ships_a_directory_gives_it_owner_and_mode(self) -> None:
        implied = source("implied", {"var/a": "A"})
        one = source("one", {"var/": "2775"})
        two = source("two", {"var/": "0700"})
        merged = merge.merge([implied, one, two])
        self.assertEqual(merged.directories["var"].mode, "2775")
        self.assertEqual(flat(merged), {"var/a": "A"})

    def test_the_sources_are_not_changed(self) -> None:
        one, two = source("one", {"usr/a": "A"}), source("two", {"usr/b": "B"})
        merge.merge([one, two])
        self.assertEqual(list(one.directories["usr"].files), ["a"])

    def test_equal_files_are_no_clash(self) -> None:
        merged = merge.merge([source("one", {"a": "A"}), source("two", {"a": "A"})])
        self.assertEqual((flat(merged), merged.dropped), ({"a": "A"}, {}))

    @given(st.permutations(range(4)))
    def test_the_order_of_packages_without_a_clash_makes_no_difference(
        self, order: list[int]
    ) -> None:
        sources = [source(f"p{n}", {f"usr/{n}": str(n), "usr/same": "S"}) for n in range(4)]
        expected = flat(merge.merge(sources))
        self.assertEqual(flat(merge.merge([sources[n] for n in order])), expected)


class ClashTest(unittest.TestCase):
    def assert_clash(self, words: str, *sources: Source) -> None:
        for order in (sources, sources[::-1]):
            with self.assertRaisesRegex(UserError, words):
                merge.merge(order)

    def test_both_packages_and_the_path_are_named(self) -> None:
        with self.assertRaises(UserError) as caught:
            merge.merge([source("one", {"usr/bin/a": "A"}), source("two", {"usr/bin/a": "B"})])
        self.assertEqual(
            str(caught.exception),
            "1 path(s) shipped by two packages, of which neither Replaces the other:\n"
            "  /usr/bin/a: package one 1 and package two 1\n"
            "Leave one package of each pair out of the image.",
        )

    def test_a_file_and_a_directory(self) -> None:
        words = "/a: a file of package one 1, a directory of package two 1"
        self.assert_clash(words, source("one", {"a": "A"}), source("two", {"a/": "0755"}))
        self.assert_clash(words, source("one", {"a": "A"}), source("two", {"a/b/c": "C"}))

    def test_a_file_of_a_layer_and_a_directory(self) -> None:
        layer = Source("layer //x:y", {"": Directory(files={"a": row("X")})})
        words = "(?s)1 path.* that two of the image's parts have, .*/a: a file of layer //x:y, .*"
        with self.assertRaisesRegex(UserError, words + "`remove` takes files and directories away"):
            merge.merge([source("one", {"a/b": "B"}), layer], "replace")

    def test_two_symlinks_to_different_places(self) -> None:
        one, two = source("one", {}, {"a": "x"}), source("two", {}, {"a": "y"})
        self.assert_clash("/a: package ... 1 and package ... 1", one, two)

    def test_many_clashes_are_counted_and_some_are_shown(self) -> None:
        one = source("one", {f"f{n}": "A" for n in range(25)})
        two = source("two", {f"f{n}": "B" for n in range(25)})
        with self.assertRaisesRegex(UserError, r"(?s)^25 path\(s\).*and 15 more"):
            merge.merge([one, two])

    def test_a_clash_through_a_symlink_is_seen_where_it_happens(self) -> None:
        base = source("base", {"usr/lib/": "0755", "usr/lib/x": "A"}, {"lib": "usr/lib"})
        self.assert_clash("/usr/lib/x: package", base, source("other", {"lib/x": "B"}))

    def test_three_packages_with_one_path(self) -> None:
        sources = [source(name, {"a": name}) for name in ("one", "two", "three")]
        with self.assertRaisesRegex(UserError, r"2 path\(s\)"):
            merge.merge(sources)


class ReplacesTest(unittest.TestCase):
    loser = source("loser", {"usr/f": "L", "usr/g": "L"})

    def test_the_replacing_package_wins_in_either_order(self) -> None:
        winner = source("winner", {"usr/f": "W"}, Replaces="other, loser")
        merged = merge.merge([self.loser, winner])
        self.assertEqual(flat(merged), {"usr/f": "W", "usr/g": "L"})
        self.assertEqual(merged.dropped, {0: ["usr/f"]})
        merged = merge.merge([winner, self.loser])
        self.assertEqual(flat(merged), {"usr/f": "W", "usr/g": "L"})
        self.assertEqual(merged.dropped, {1: ["usr/f"]})

    def test_a_version_that_the_relation_does_not_mean(self) -> None:
        for relation, replaces in (
            ("loser (<< 2)", True),
            ("loser (<< 1)", False),
            ("loser (= 1)", True),
            ("loser (>> 1)", False),
        ):
            winner = source("winner", {"usr/f": "W"}, Replaces=relation)
            with self.subTest(relation):
                if replaces:
                    merge.merge([self.loser, winner])
                else:
                    with self.assertRaisesRegex(UserError, "neither Replaces the other"):
                        merge.merge([self.loser, winner])

    def test_a_chain_of_three(self) -> None:
        second = source("second", {"usr/f": "2"}, Replaces="loser")
        third = source("third", {"usr/f": "3"}, Replaces="loser, second")
        for order in ([self.loser, second, third], [third, second, self.loser]):
            merged = merge.merge(order)
            self.assertEqual(flat(merged)["usr/f"], "3")
            self.assertEqual(sum(len(dropped) for dropped in merged.dropped.values()), 2)

    def test_a_malformed_relation(self) -> None:
        winner = source("winner", {"usr/f": "W"}, Replaces="loser (<<< 2")
        with self.assertRaisesRegex(UserError, "package winner: Replaces: "):
            merge.merge([self.loser, winner])

    def test_through_a_symlink_the_path_that_was_shipped_is_dropped(self) -> None:
        base = source("base", {"usr/lib/": "0755"}, {"lib": "usr/lib"})
        loser = source("loser", {"lib/f": "L"})
        winner = source("winner", {"usr/lib/f": "W"}, Replaces="loser")
        merged = merge.merge([base, loser, winner])
        self.assertEqual(merged.dropped, {1: ["lib/f"]})

    def test_a_layer_replaces_nothing(self) -> None:
        layer = Source("layer //x:y", {"": Directory(), "usr": Directory(files={"f": row("X")})})
        with self.assertRaisesRegex(UserError, "/usr/f: package loser 1 and layer //x:y"):
            merge.merge([self.loser, layer])


class DivertTest(unittest.TestCase):
    def diverting(self, name: str, files: Mapping[str, str]) -> Source:
        made = source(name, files)
        assert made.package
        return replace(made, package=replace(made.package, diverts=True))

    def test_the_file_of_the_package_that_diverts_stays_and_the_others_goes_aside(self) -> None:
        one, two = source("one", {"usr/a": "A"}), self.diverting("two", {"usr/a": "B"})
        for sources in ([one, two], [two, one]):
            merged = merge.merge(sources)
            self.assertEqual({"usr/a": "B", "usr/a.distrib": "A"}, flat(merged))
            self.assertEqual([("usr/a", "usr/a.distrib", "two")], merged.diverted)
            self.assertEqual({}, merged.dropped)

    def test_two_that_divert_are_a_clash(self) -> None:
        one, two = self.diverting("one", {"a": "A"}), self.diverting("two", {"a": "B"})
        with self.assertRaisesRegex(UserError, "/a: package one 1 and package two 1"):
            merge.merge([one, two])

    def test_there_is_room_for_one(self) -> None:
        one, two = source("one", {"a": "A"}), self.diverting("two", {"a": "B"})
        with self.assertRaisesRegex(UserError, "/a: .*package three 1"):
            merge.merge([one, two, source("three", {"a": "C"})])

    def test_what_is_at_the_other_name_is_not_overwritten(self) -> None:
        one, two = source("one", {"a": "A"}), self.diverting("two", {"a": "B"})
        other = source("three", {"a.distrib": "C"})
        with self.assertRaisesRegex(UserError, "a file that is diverted to there, and package thr"):
            merge.merge([one, two, other])
        with self.assertRaisesRegex(UserError, "/a: package one 1 and package two 1"):
            merge.merge([source("one", {"a": "A", "a.distrib": "D"}), two])
        with self.assertRaisesRegex(UserError, "/a: package one 1 and package two 1"):
            merge.merge([other, one, two])


class SymlinkTest(unittest.TestCase):
    def merged(self, links: Mapping[str, str], **files: str) -> dict[str, str]:
        """Merge a package of symlinks with one that ships files below them."""
        shipped = {path.replace("__", "/"): content for path, content in files.items()}
        base = source("base", {"usr/lib/": "0755", "usr/share/": "0755"}, links)
        return flat(merge.merge([base, source("other", shipped)]))

    def test_files_below_a_symlink_land_where_it_leads(self) -> None:
        for target in ("usr/lib", "/usr/lib", "./usr//lib/", "usr/share/../lib", "//usr/lib"):
            with self.subTest(target):
                found = self.merged({"lib": target}, lib__x="X", lib__d__y="Y")
                self.assertEqual((found["usr/lib/x"], found["usr/lib/d/y"]), ("X", "Y"))

    def test_two_different_files_of_one_package_that_become_one(self) -> None:
        base = source("base", {"usr/bin/": "0755"}, {"bin": "usr/bin"})
        words = (
            "package twice 1: /bin/x and /usr/bin/x are one path in this image, where a symlink "
            "leads from one to the other, and the package has a different file for each: dpkg "
            "refuses it too"
        )
        for twice in (
            source("twice", {"bin/x": "A", "usr/bin/x": "B"}),
            source("twice", {"usr/bin/x": "A"}, {"bin/x": "/usr/bin/x"}),
        ):
            with self.assertRaises(UserError) as caught:
                merge.merge([base, twice])
            said = str(caught.exception)
            self.assertIn(words, said.replace("/usr/bin/x and /bin/x", "/bin/x and /usr/bin/x"))
        same = source("same", {"bin/x": "A", "usr/bin/x": "A"})
        self.assertEqual(flat(merge.merge([base, same]))["usr/bin/x"], "A")

    def test_links_that_lead_through_links(self) -> None:
        found = self.merged({"a": "b", "b": "c", "c": "usr/lib"}, a__x="X", b__y="Y", c__z="Z")
        self.assertEqual(
            {path for path in found if path.startswith("usr")},
            {"usr/lib/x", "usr/lib/y", "usr/lib/z"},
        )

    def test_two_dots_after_a_link_mean_the_parent_of_where_it_leads(self) -> None:
        # As the kernel has it: a/.. is usr, not the root.
        found = self.merged({"a": "usr/lib", "b": "a/../share"}, a__q="Q", b__x="X")
        self.assertEqual(found["usr/share/x"], "X")

    def test_links_out_of_the_image_are_refused(self) -> None:
        for target in ("..", "../..", "usr/../..", "/..", "../../../../etc"):
            with (
                self.subTest(target),
                self.assertRaisesRegex(
                    UserError,
                    "/evil: package base 1 ships it as a symlink to .*, which leads outside the "
                    r"image, and package other 1 ships files below it \(/evil\)",
                ),
            ):
                self.merged({"evil": target}, evil__passwd="x")

    def test_absolute_links_stay_in_the_image(self) -> None:
        with self.assertRaisesRegex(UserError, "/etc' *, which is not a directory of any package"):
            self.merged({"evil": "/etc"}, evil__passwd="x")

    def test_circles(self) -> None:
        for links in ({"a": "a"}, {"a": "b", "b": "a"}, {"a": "a/b"}, {"a": "b/x", "b": "a/x"}):
            with self.subTest(links), self.assertRaisesRegex(UserError, "leads in a circle"):
                self.merged(links, **{f"{link}__x": "X" for link in links})

    def test_a_link_that_nobody_ships_files_below_may_point_anywhere(self) -> None:
        found = self.merged({"a": "/nowhere", "b": "../../..", "c": "c"})
        self.assertEqual(len(found), 3)

    def test_forty_links_that_each_lead_deep(self) -> None:
        deep = "/".join(["d"] * 200)
        links = {f"l{n}": f"l{n + 1}/{deep}" for n in range(30)}
        files = {f"l{n}__x": "X" for n in range(31)}
        with self.assertRaisesRegex(UserError, "not a directory of any package"):
            self.merged(links, **files)

    def test_a_package_below_its_own_place(self) -> None:
        both = source("both", {"usr/lib/x": "X"}, {"lib": "usr/lib"})
        self.assertEqual(flat(merge.merge([both]))["usr/lib/x"], "X")


if __name__ == "__main__":
    unittest.main()
