"""The commands of an image, run as `bazel run` runs them."""

import contextlib
import io
import os
import stat
from pathlib import Path
from unittest import mock

from apt2ostree.errors import UserError
from apt2ostree.ostree.repo import Repo
from tests.support import images, judges
from tests.support.debs import control, deb, directory, file, symlink
from tests.support.judges import ScratchTest
from tools import image as tool


class CommandTest(ScratchTest):
    maxDiff = None

    def setUp(self) -> None:
        super().setUp()
        self.composed = images.compose_debs(
            [
                deb(
                    directory("./usr"),
                    directory("./usr/bin"),
                    file("./usr/bin/x", b"#!/bin/sh\n", 0o4755),
                    file("./usr/ä", b"12", uid=33, gid=42),
                    symlink("./bin", "usr/bin"),
                ),
                deb(control=control("another", "2:1.0-1", Architecture="all")),
            ]
        )
        images.write(self.scratch / "image", self.composed)

    def run_tool(self, *arguments: "str | Path") -> str:
        """Run a command in the scratch directory, and return its output."""
        output = io.StringIO()
        description = ["--image", self.scratch / "image/image.json"]
        runfiles = ["--runfiles", self.scratch / "image"]
        words = [str(word) for word in [*description, *runfiles, *arguments]]
        here = Path.cwd()
        try:
            with (
                mock.patch.dict(os.environ, {"BUILD_WORKING_DIRECTORY": str(self.scratch)}),
                contextlib.redirect_stdout(output),
            ):
                self.assertEqual(tool.main(words), 0)
        finally:
            os.chdir(here)
        return output.getvalue()


class ImportTest(CommandTest):
    def setUp(self) -> None:
        super().setUp()
        judges.need(self, "ostree")
        self.repo = self.scratch / "repo"
        judges.ostree(self.repo, "init", "--mode=archive")

    def test_it_says_what_it_wrote_and_then_nothing_new(self) -> None:
        first = self.run_tool("import", "--repo", "repo")
        self.assertRegex(
            first,
            rf"^deb/images/test/unpacked {self.composed.commit}\n"
            r"wrote \d+ content objects \(\d+ B\) and \d+ metadata objects into repo\n$",
        )
        second = self.run_tool("import", "--repo", "repo")
        self.assertEqual(
            second,
            f"deb/images/test/unpacked {self.composed.commit} (as before)\n"
            "wrote 0 content objects (0 B) and 0 metadata objects into repo\n",
        )
        judges.ostree(self.repo, "fsck")

    def test_another_ref(self) -> None:
        self.run_tool("import", "--repo", self.repo, "--ref", "my/ref")
        self.assertEqual(judges.ostree(self.repo, "refs"), "my/ref\n")

    def test_a_ref_that_ostree_would_not_take_changes_nothing(self) -> None:
        with self.assertRaisesRegex(UserError, "ref 'a b': expected letters"):
            self.run_tool("import", "--repo", self.repo, "--ref", "a b")
        self.assertEqual(list((self.repo / "objects").glob("*/*")), [])

    def test_no_repo_there(self) -> None:
        with self.assertRaisesRegex(UserError, "nowhere: no OSTree repo there; make one with"):
            self.run_tool("import", "--repo", "nowhere")

    def test_what_is_imported_is_what_was_built(self) -> None:
        self.run_tool("import", "--repo", "repo")
        self.assertEqual(Repo(self.repo).resolve("deb/images/test/unpacked"), self.composed.commit)
        self.assertEqual(
            judges.ostree(self.repo, "ls", self.composed.commit, "/usr/bin/x").split(),
            ["-04755", "0", "0", "10", "/usr/bin/x"],
        )


class CheckoutTest(CommandTest):
    def test_a_new_directory(self) -> None:
        self.run_tool("checkout", "-U", "out")
        self.assertEqual((self.scratch / "out/bin/x").read_text(), "#!/bin/sh\n")
        mode = (self.scratch / "out/usr/bin/x").stat().st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o755)
        self.assertEqual(sorted(path.name for path in self.scratch.iterdir()), ["image", "out"])

    def test_an_empty_directory_will_do(self) -> None:
        (self.scratch / "out").mkdir()
        self.run_tool("checkout", "-U", "out")
        self.assertTrue((self.scratch / "out/usr").is_dir())

    def test_nothing_is_overwritten(self) -> None:
        (self.scratch / "full").mkdir()
        (self.scratch / "full/mine").touch()
        (self.scratch / "file").touch()
        (self.scratch / "dangling").symlink_to("nowhere")
        for name in ("full", "file", "dangling"):
            with self.assertRaisesRegex(UserError, f"{name}: exists; checkout makes a new"):
                self.run_tool("checkout", "-U", name)
        with self.assertRaisesRegex(UserError, "/no/such: no such directory"):
            self.run_tool("checkout", "-U", "/no/such/place")

    def test_a_failure_leaves_nothing(self) -> None:
        tar = self.scratch / "image/0.objects.tar"
        tar.write_bytes(tar.read_bytes()[:700])
        with self.assertRaises(UserError):
            self.run_tool("checkout", "-U", "out")
        self.assertEqual([path.name for path in self.scratch.iterdir()], ["image"])


class LsTest(CommandTest):
    def test_the_root_by_default(self) -> None:
        self.assertEqual(
            self.run_tool("ls"),
            "d00755     0     0          0 /\n"
            "l00777     0     0          0 /bin -> usr/bin\n"
            "d00755     0     0          0 /usr\n"
            "d00755     0     0          0 /var\n",
        )

    def test_it_agrees_with_ostree_ls(self) -> None:
        judges.need(self, "ostree")
        judges.ostree(self.scratch / "repo", "init", "--mode=archive")
        self.run_tool("import", "--repo", "repo")
        theirs = judges.ostree(self.scratch / "repo", "ls", "-RC", self.composed.commit)

        def fields(text: str) -> dict[str, list[str]]:
            """Path → type and mode, owner, group; of files the checksum, too."""
            found = {}
            for line in text.splitlines():
                words = line.partition(" -> ")[0].split()
                is_file = not words[0].startswith("d")
                found[words[-1]] = [*words[:3], *words[4:-1]] if is_file else words[:3]
            return found

        self.assertEqual(fields(self.run_tool("ls", "-RC")), fields(theirs))

    def test_a_file_and_its_size(self) -> None:
        line = self.run_tool("ls", "/usr/ä")
        self.assertEqual(line.split(), ["-00644", "33", "42", "2", "/usr/ä"])

    def test_a_path_that_is_not_there(self) -> None:
        with self.assertRaisesRegex(UserError, "/usr/nothing: no such file in the image"):
            self.run_tool("ls", "usr/nothing")


class PackagesTest(CommandTest):
    def test_a_line_per_package_by_name(self) -> None:
        self.assertEqual(self.run_tool("packages"), "another\t2:1.0-1\tall\ntiny\t1\tamd64\n")


class HelpTest(CommandTest):
    def test_it_lists_every_command(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as output, self.assertRaises(SystemExit):
            tool.main(["--help"])
        for command, module in tool.COMMANDS.items():
            self.assertIn(command, output.getvalue())
            self.assertTrue(module.HELP)


if __name__ == "__main__":
    import unittest

    unittest.main()
