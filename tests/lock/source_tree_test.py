import unittest
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.lock.input_file import InputFile
from apt2ostree.lock.lock_config import LockConfig
from apt2ostree.lock.source_tree import source_directory, writable_directory
from tests.support.judges import ScratchTest

NAME = "lib~"
FILE = "os/BUILD.bazel"


class SourceTreeTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        self.workspace = self.scratch / "workspace"

    def config(self, repository: str = NAME, build_file: bool = True) -> LockConfig:
        path = self.scratch / "runfiles" / NAME / FILE
        file = InputFile(path, FILE) if build_file else None
        return LockConfig(
            "@@lib~//os:lock",
            "os/x.lock",
            (),
            (),
            "amd64",
            repository=repository,
            package_file=file,
        )

    def link(self, directory: str, target: str = FILE) -> Path:
        """Make a module's BUILD file in a directory, and the link to it among the runfiles."""
        real = self.scratch / directory / target
        real.parent.mkdir(parents=True)
        real.touch()
        runfile = self.scratch / "runfiles" / NAME / FILE
        runfile.parent.mkdir(parents=True)
        runfile.symlink_to(real)
        return self.scratch / directory

    def test_the_main_repository(self) -> None:
        config = self.config("")
        self.assertEqual(source_directory(config, self.workspace), self.workspace)
        self.assertEqual(writable_directory(config, self.workspace), self.workspace)

    def test_a_module_in_a_directory(self) -> None:
        directory = self.link("src/lib")
        self.assertEqual(source_directory(self.config(), self.workspace), directory)
        self.assertEqual(writable_directory(self.config(), self.workspace), directory)

    def assert_downloaded(self, directory: Path) -> None:
        self.assertEqual(source_directory(self.config(), self.workspace), directory)
        with self.assertRaises(UserError) as caught:
            writable_directory(self.config(), self.workspace)
        self.assertEqual(
            str(caught.exception),
            "@@lib~//os:lock: its lockfile os/x.lock is of the module lib~, which Bazel has "
            f"downloaded to {directory}; nothing was written. Update it in that module's own "
            "source tree, or map the module to a directory with local_path_override in "
            "MODULE.bazel and run this again",
        )

    def test_bazels_own_directory_or_a_vendored_one(self) -> None:
        self.assert_downloaded(self.link("output/external/lib~"))

    def test_a_cache_of_repositories(self) -> None:
        self.assert_downloaded(self.link("cache/contents/0a1b/2c3d"))

    def test_a_build_file_of_another_repository(self) -> None:
        self.link("workspace/third_party", "lib.BUILD")
        self.assert_downloaded(self.scratch / "runfiles" / NAME)

    def test_no_build_file(self) -> None:
        with self.assertRaisesRegex(UserError, "@@lib~//os:lock: it has no BUILD file to find its"):
            source_directory(self.config(build_file=False), self.workspace)


if __name__ == "__main__":
    unittest.main()
