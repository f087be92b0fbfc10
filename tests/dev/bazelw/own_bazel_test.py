import os
import tempfile
import unittest
from pathlib import Path

from dev.bazelw.host import BazelwError
from dev.bazelw.own_bazel import bazel_version, find_workspace, own_bazel, registry_is_unreachable


class BazelVersionTest(unittest.TestCase):
    def test_reads_releases_candidates_and_distributions(self) -> None:
        self.assertEqual(bazel_version("bazel 7.7.1\n"), (7, 7))
        self.assertEqual(bazel_version("bazel 9.0.0rc2"), (9, 0))
        self.assertEqual(bazel_version("bazel 6.4.0- (@non-git)\n"), (6, 4))
        self.assertEqual(bazel_version("Bazelisk version: 1.20\nbazel 8.1.0\n"), (8, 1))

    def test_anything_else_is_no_version(self) -> None:
        for text in ("", "bazel no_version", "bazel-7", "command not found"):
            self.assertIsNone(bazel_version(text), text)


class RegistryTest(unittest.TestCase):
    def test_an_unreachable_registry_is_told_from_a_users_mistake(self) -> None:
        self.assertTrue(
            registry_is_unreachable(
                "ERROR: Error computing the main repository mapping: Error accessing registry "
                "https://registry.example/: Failed to fetch registry file "
                "https://registry.example/modules/platforms/0.0.7/MODULE.bazel: Unknown host"
            )
        )
        for mistake in (
            "ERROR: /w/MODULE.bazel:3:1: syntax error at 'nmae'",
            "ERROR: module not found in registries:\n * https://registry.example/",
        ):
            self.assertFalse(registry_is_unreachable(mistake), mistake)


class FindWorkspaceTest(unittest.TestCase):
    def test_finds_the_nearest_one_above(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            top = Path(name)
            inner = top / "examples" / "nginx"
            (inner / "image").mkdir(parents=True)
            (top / "MODULE.bazel").touch()
            self.assertEqual(find_workspace(inner / "image"), top)
            (inner / "WORKSPACE").touch()
            self.assertEqual(find_workspace(inner / "image"), inner)

    def test_outside_of_any_there_is_none(self) -> None:
        self.assertIsNone(find_workspace(Path("/proc/self")))


class OwnBazelTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.cache = Path(directory.name) / "cache"

    def test_a_bazel_that_the_user_names_is_taken_unchecked(self) -> None:
        environment = {"APT2OSTREE_BAZEL": "/bin/true"}
        self.assertEqual(own_bazel(environment, self.cache, None), "/bin/true")

    def test_a_name_that_is_no_program_is_an_error(self) -> None:
        with self.assertRaisesRegex(BazelwError, "APT2OSTREE_BAZEL=/no/bazel is not a program"):
            own_bazel({"APT2OSTREE_BAZEL": "/no/bazel"}, self.cache, None)

    def test_private_means_none(self) -> None:
        self.assertIsNone(own_bazel({"APT2OSTREE_BAZEL": "private"}, self.cache, None))

    def test_a_program_that_is_no_bazel_does_not_serve_and_this_is_remembered(self) -> None:
        folder = self.cache.parent / "bin"
        folder.mkdir()
        bazel = folder / "bazel"
        bazel.symlink_to("/bin/false")
        path = os.environ.get("PATH", "")
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        os.environ["PATH"] = str(folder)
        self.assertIsNone(own_bazel({}, self.cache, None))
        notes = list((self.cache / "bazels").iterdir())
        self.assertEqual([note.read_text() for note in notes], ["`--version` fails"])
        notes[0].write_text("")
        self.assertEqual(own_bazel({}, self.cache, None), str(bazel))


if __name__ == "__main__":
    unittest.main()
