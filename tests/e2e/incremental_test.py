"""How little is done again, and what composing reads."""

import json
import os
import unittest

from tests.e2e.case import BazelTest
from tests.support import judges
from tests.support.debs import control, deb, file


class IncrementalTest(BazelTest):
    def setUp(self) -> None:
        super().setUp()
        self.stanzas = [
            # New every time: Bazel remembers what it built of the same package.
            self.archive.add(deb(file(f"./{name}", os.urandom(8)), control=control(name)), name)
            for name in ("one", "two", "three")
        ]
        self.lock(*self.stanzas)

    def test_nothing_is_built_twice_and_one_change_is_two_actions(self) -> None:
        first = self.bazel("build", "//:debs_image")
        self.assertEqual(first.actions.get("DebTree"), 3)
        self.assertEqual(self.bazel("build", "//:debs_image").actions, {})
        changed = deb(file("./two", os.urandom(9)), control=control("two", "2"))
        self.stanzas[1] = self.archive.add(changed, "two", Version="2")
        self.write("debs.lock", "\n".join(self.stanzas))
        actions = self.bazel("build", "//:debs_image").actions
        ours = {name: count for name, count in actions.items() if "Deb" in name or "Ostree" in name}
        self.assertEqual(ours, {"DebTree": 1, "OstreeCompose": 1})
        # Beside them Bazel writes the launcher's description, and its own symlink farm.
        self.assertLessEqual(
            set(actions) - set(ours),
            {
                "FileWrite",
                "SymlinkTree",
                "SourceSymlinkManifest",
                "RepoMappingManifest",
                "RunfilesTree",
                "Middleman",
            },
        )
        self.assertEqual(self.archive.asked()[-1], "two_2_amd64.deb")

    def test_fields_that_no_build_reads_rebuild_nothing(self) -> None:
        self.bazel("build", "//:debs_image")
        stanzas = [stanza + "Description-md5: 0\n" for stanza in self.stanzas]
        self.write("debs.lock", "# made anew\n" + "\n".join(stanzas))
        self.assertEqual(self.bazel("build", "//:debs_image").actions, {})

    def test_compose_reads_manifests_alone(self) -> None:
        output = self.bazel(
            "aquery",
            "mnemonic(OstreeCompose, //:debs_image)",
            "--output=jsonproto",
            "--noinclude_commandline",
        ).output
        data, _ = json.JSONDecoder().raw_decode(output, output.index("{\n"))
        fragments = {item["id"]: item for item in data["pathFragments"]}
        paths = {}
        for artifact in data["artifacts"]:
            fragment, parts = fragments[artifact["pathFragmentId"]], list[str]()
            while fragment:
                parts.append(fragment["label"])
                fragment = fragments.get(fragment.get("parentId"), {})
            paths[artifact["id"]] = "/".join(reversed(parts))
        sets = {item["id"]: item for item in data["depSetOfFiles"]}
        (action,) = data["actions"]
        todo, inputs = list(action["inputDepSetIds"]), set()
        while todo:
            found = sets[todo.pop()]
            todo += found.get("transitiveDepSetIds", [])
            inputs |= {paths[item] for item in found.get("directArtifactIds", [])}
        self.assertEqual([path for path in inputs if path.endswith((".tar", ".deb"))], [])
        manifests = [path for path in inputs if path.endswith(".manifest.json")]
        self.assertEqual(len(manifests), 3)


class RunTest(BazelTest):
    def test_an_image_is_imported_and_served(self) -> None:
        judges.need(self, "ostree")
        self.lock(self.archive.add(deb(file("./a", b"hello"))))
        build = self.workspace / "BUILD.bazel"
        build.write_text(
            f'{build.read_text()}ostree_repo(name = "repo", images = [":debs_image"])\n'
        )
        commit = self.commit()
        for mode in ("bare-user", "archive"):
            repo = self.scratch / mode
            judges.ostree(repo, "init", f"--mode={mode}")
            result = self.bazel("run", "//:debs_image", "--", "import", "--repo", repo)
            self.assertIn(f"deb/images/debs/unpacked {commit}", result.output)
            judges.ostree(repo, "fsck")
        self.bazel("build", "//:repo")
        served = self.built("repo")
        judges.ostree(served, "fsck")
        self.assertEqual(judges.ostree(served, "cat", "deb/images/debs/unpacked", "/a"), "hello")
        # A path that a user types is relative to where the user stands.
        (self.workspace / "below").mkdir()
        self.bazel("run", "//:debs_image", "--", "checkout", "out", cwd=self.workspace / "below")
        self.assertEqual((self.workspace / "below/out/a").read_bytes(), b"hello")

    def test_errors_of_commands_are_one_line_and_status_1(self) -> None:
        self.lock(self.archive.add(deb(file("./a"))))
        result = self.bazel("run", "//:debs_image", "--", "import", "--repo", "nowhere", check=None)
        self.assertEqual(result.status, 1)
        self.assert_says(result, "error: nowhere: no OSTree repo there; make one with")
        result = self.bazel("run", "//:debs_image", "--", "--help")
        for command in ("import", "checkout", "ls", "packages"):
            self.assertIn(command, result.output)


if __name__ == "__main__":
    unittest.main()
