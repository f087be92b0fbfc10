"""The commands of an image, run as `bazel run` runs them."""

import contextlib
import errno
import io
import json
import os
import re
import shutil
import signal
import stat
import sys
import tarfile
import tempfile
from pathlib import Path
from unittest import mock

from apt2ostree import messages
from apt2ostree.errors import UserError
from apt2ostree.ostree import repo
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
        """Run a command in the scratch directory, which must succeed; return its output."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            self.assertEqual(self.status(*arguments), 0)
        return output.getvalue()

    def status(self, *arguments: "str | Path") -> int:
        """Run a command in the scratch directory, and return its exit status."""
        description = ["--image", self.scratch / "image/image.json"]
        runfiles = ["--runfiles", self.scratch / "image"]
        words = [str(word) for word in [*description, *runfiles, *arguments]]
        here = Path.cwd()
        try:
            with mock.patch.dict(os.environ, {"BUILD_WORKING_DIRECTORY": str(self.scratch)}):
                return tool.main(words)
        finally:
            os.chdir(here)


class AccountsTest(CommandTest):
    """Ids that an image moves, while devices' files keep theirs."""

    def setUp(self) -> None:
        super().setUp()
        self.repo = self.scratch / "repo"
        repo.create(self.repo, "archive")

    def write(self, uid: int) -> None:
        passwd = f"root:x:0:0:root:/root:/bin/sh\nsshd:x:{uid}:65534::/run/sshd:/bin/false\n"
        group = "root:x:0:\nnogroup:x:65534:\n"
        texts = [file("./etc/passwd", passwd.encode()), file("./etc/group", group.encode())]
        composed = images.compose_debs([deb(directory("./etc"), *texts)])
        shutil.rmtree(self.scratch / "image")
        images.write(self.scratch / "image", composed)

    def test_commit_and_diff_warn_of_them(self) -> None:
        commit = ("commit", "--repo", "repo", "--branch", "b", "--timestamp", "1")
        moved = "user sshd: its id was 101 and is 102; files that devices have in /var keep the old"
        self.write(101)
        with messages.kept() as warnings:
            self.run_tool(*commit)
            self.write(102)
            self.run_tool("diff", "--repo", "repo", "b")
            self.run_tool(*commit)
        self.assertEqual(
            warnings,
            [
                f"warning: {moved} one",
                f"warning: {moved} one: fix the ids with `accounts` (docs/devices.md)",
            ],
        )

    def test_nothing_is_said_where_they_stay(self) -> None:
        self.write(101)
        with messages.kept() as warnings:
            self.run_tool("commit", "--repo", "repo", "--branch", "b", "--timestamp", "1")
            self.run_tool("diff", "--repo", "repo", "b")
        self.assertEqual(warnings, [])


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


class CommitTest(CommandTest):
    def setUp(self) -> None:
        super().setUp()
        judges.need(self, "ostree")
        self.repo = self.scratch / "repo"
        judges.ostree(self.repo, "init", "--mode=archive")

    def commit(self, *arguments: str) -> str:
        words = ["--repo", "repo", "--branch", "os/main", "--subject", "S", *arguments]
        return self.run_tool("commit", *words)

    def other_image(self) -> None:
        """Have another image in place of the one there was."""
        composed = images.compose_debs([deb(file("./usr/bin/x", b"another"))])
        shutil.rmtree(self.scratch / "image")
        images.write(self.scratch / "image", composed)

    def test_it_says_what_it_did_and_then_that_there_is_nothing_to_do(self) -> None:
        first = self.commit("--add-metadata-string=version=7", "--timestamp=0")
        self.assertRegex(
            first,
            r"^os/main [0-9a-f]{64}\nparent none: the first commit of this branch\n"
            r"wrote \d+ content objects \(.*\) and \d+ metadata objects into repo\n$",
        )
        checksum = first.split()[1]
        self.assertEqual(
            self.commit(), f"os/main {checksum} (the tree has not changed: nothing to commit)\n"
        )
        shown = judges.ostree(self.repo, "show", "--print-metadata-key=version", "os/main")
        self.assertEqual(shown, "'7'\n")
        self.other_image()
        self.assertIn(f"\nparent {checksum}\n", self.commit(f"--parent={checksum}"))

    def deltas(self) -> list[str]:
        text = judges.ostree(self.repo, "static-delta", "list")
        return [word for word in text.split() if len(word) >= 64]

    def test_a_release_is_all_there_before_the_branch_moves(self) -> None:
        first = self.commit().split()[1]
        self.other_image()
        nowhere = mock.patch.dict(os.environ, {"PATH": str(self.scratch)})
        with nowhere, self.assertRaisesRegex(UserError, "no ostree on the PATH; install it and"):
            self.commit("--delta", "--update-summary")
        self.assertEqual(Repo(self.repo).resolve("os/main"), first)
        second = self.commit("--delta", "--update-summary").split()[1]
        self.assertEqual(self.deltas(), [f"{first}-{second}"])
        self.assertIn(second, judges.ostree(self.repo, "summary", "--view"))
        judges.ostree(self.repo, "fsck")

    def test_what_an_interrupted_run_left_undone_is_done(self) -> None:
        first = self.commit().split()[1]
        self.other_image()
        second = self.commit().split()[1]
        for _ in range(2):
            said = self.commit("--delta", "--update-summary")
            self.assertIn("nothing to commit", said)
            self.assertEqual(self.deltas(), [f"{first}-{second}"])
            self.assertIn(second, judges.ostree(self.repo, "summary", "--view"))
        before = (self.repo / "summary").stat().st_mtime_ns
        self.commit("--delta", "--update-summary")
        self.assertEqual((self.repo / "summary").stat().st_mtime_ns, before)

    def test_a_branch_that_is_not_where_it_should_be(self) -> None:
        first = self.commit().split()[1]
        self.other_image()
        for parent, expected in (("none", "no commit"), ("0" * 64, "0" * 64)):
            words = (
                f"branch os/main moved meanwhile: expected it at {expected}, found it at {first}"
            )
            with self.assertRaisesRegex(UserError, words):
                self.commit(f"--parent={parent}")
        self.assertEqual(Repo(self.repo).resolve("os/main"), first)

    def test_arguments_that_mean_nothing(self) -> None:
        for argument, words in (
            (
                "--parent=abc",
                "--parent 'abc': expected a commit's 64 hexadecimal digits, or 'none'",
            ),
            ("--add-metadata-string=x", "--add-metadata-string 'x': expected KEY=VALUE"),
            ("--branch=a b", "ref 'a b': expected letters"),
            ("--timestamp=-5", "timestamp -5: expected seconds since 1970, of the years before"),
            (f"--timestamp={10**30}", "timestamp 10+: expected seconds since 1970"),
        ):
            with self.subTest(argument), self.assertRaisesRegex(UserError, words):
                self.commit(argument)
        self.assertEqual(list((self.repo / "objects").glob("*/*")), [])

    def test_a_wrong_key(self) -> None:
        judges.need(self, "gpg")
        home = tempfile.TemporaryDirectory(dir="/tmp")
        self.addCleanup(home.cleanup)
        words = "gpg could not sign with the key 'nobody': .*nothing was committed"
        with self.assertRaisesRegex(UserError, f"(?s){words}"):
            self.commit("--gpg-sign=nobody", f"--gpg-homedir={home.name}")
        self.assertIsNone(Repo(self.repo).resolve("os/main"))

    def test_a_repo_of_an_unknown_mode(self) -> None:
        config = self.repo / "config"
        config.write_text(config.read_text().replace("archive-z2", "bare-split-xattrs"))
        with self.assertRaisesRegex(UserError, "repo: repo mode 'bare-split-xattrs'; expected one"):
            self.commit()


class WhyTest(CommandTest):
    def test_the_way_from_what_was_asked_for(self) -> None:
        needing = deb(control=control("app", Depends="lib"))
        needed = deb(control=control("lib", Priority="optional"))
        shutil.rmtree(self.scratch / "image")
        images.write(self.scratch / "image", images.compose_debs([needing, needed]))
        self.assertEqual(
            self.run_tool("why", "lib"),
            "lib 1 amd64: needed\n  app (asked for)\n    Depends: lib\nneeded by: app\n",
        )
        self.assertEqual(
            self.run_tool("why", "app:amd64"), "app 1 amd64: asked for\n  app (asked for)\n"
        )

    def test_a_package_that_is_not_there(self) -> None:
        words = "//test:image has no package anothr; did you mean 'another'?"
        with self.assertRaisesRegex(UserError, re.escape(words)):
            self.run_tool("why", "anothr")


class SizeTest(CommandTest):
    def test_the_largest_come_first_and_the_rest_is_a_line(self) -> None:
        lines = self.run_tool("size", "--limit=2").splitlines()
        self.assertEqual(lines[0].split(), ["size", "share", "files", "part"])
        self.assertEqual(len(lines), 5)
        self.assertRegex(lines[3], r" \d smaller$")
        self.assertRegex(lines[4], r"100\.0 % +\d+  all$")


class ElsewhereTest(CommandTest):
    """Without the functions that Python has on Linux alone, as on macOS."""

    def setUp(self) -> None:
        super().setUp()
        judges.need(self, "ostree")
        self.addCleanup(setattr, sys, "platform", sys.platform)
        sys.platform = "darwin"
        for name in ("getxattr", "listxattr", "sched_getaffinity", "setxattr"):
            self.addCleanup(setattr, os, name, getattr(os, name))
            delattr(os, name)

    def test_import_and_commit(self) -> None:
        repo = self.scratch / "repo"
        judges.ostree(repo, "init", "--mode=archive")
        self.run_tool("import", "--repo=repo")
        self.run_tool("commit", "--repo=repo", "--branch=main")
        judges.ostree(repo, "fsck", "--quiet")

    def test_checkout(self) -> None:
        self.run_tool("checkout", "-U", "out")
        self.assertTrue((self.scratch / "out/usr/bin/x").is_file())

    def test_what_needs_extended_attributes(self) -> None:
        judges.ostree(self.scratch / "repo", "init", "--mode=bare-user")
        words = (
            "Python sets no extended attributes on this system, and user.ostreemeta is one: do "
            "this on Linux, import into a repo of mode archive, or check out with --user-mode"
        )
        with self.assertRaisesRegex(UserError, words):
            self.run_tool("import", "--repo=repo")


class DiffTest(CommandTest):
    def test_a_limit_that_is_no_number(self) -> None:
        for limit in ("-1", "x"):
            words = io.StringIO()
            with self.assertRaises(SystemExit) as caught, contextlib.redirect_stderr(words):
                self.run_tool("diff", "image/image.manifest.json", f"--limit={limit}")
            self.assertEqual(caught.exception.code, 2)
            self.assertIn(f"--limit: '{limit}' is not a number", words.getvalue())

    def test_a_commit_of_a_repo_and_the_image(self) -> None:
        judges.need(self, "ostree")
        judges.ostree(self.scratch / "repo", "init", "--mode=archive")
        self.run_tool("commit", "--repo=repo", "--branch=old")
        shutil.rmtree(self.scratch / "image")
        newer = deb(file("./usr/bin/x", b"12345"), control=control("tiny", "2"))
        images.write(self.scratch / "image", images.compose_debs([newer]))
        for name in ("old", Repo(self.scratch / "repo").resolve("old")):
            found = json.loads(self.run_tool("diff", str(name), "--repo=repo", "--format=json"))
            kinds = {change["name"]: change["kind"] for change in found["packages"]}
            self.assertEqual(kinds, {"another": "removed", "tiny": "upgraded"})
        table = self.run_tool("diff", "old", "--repo=repo", "--format=markdown")
        self.assertIn("| `tiny` |", table)
        self.assertEqual(self.status("diff", "old", "--repo=repo", "--exit-code"), 1)
        self.assertEqual(self.status("diff", "old", "old", "--repo=repo", "--exit-code"), 0)

    def test_an_image_of_another_repository(self) -> None:
        binaries = self.scratch / "bazel-bin"
        for repository in ("other~", "other~~apt~x", "twice+", "twice+1"):
            place = binaries / "external" / repository / "image"
            place.mkdir(parents=True)
            text = self.composed.manifest.dump()
            (place / "image.manifest.json").write_text(text, encoding="utf-8")
        where = {"BUILD_WORKSPACE_DIRECTORY": str(self.scratch)}
        with mock.patch.dict(os.environ, where):
            for label in ("@other//image", "@@other~//image:image", "@other//image:image"):
                self.assertEqual(self.status("diff", label, "--exit-code"), 0)
            for label, words in (
                ("//image", "image/image.manifest.json is not there; build the image first"),
                ("@//image", "image/image.manifest.json is not there; build the image first"),
                ("@@no//image", "external/no/image/image.manifest.json is not there; build the"),
                (
                    "@x//image",
                    "@x//image: .*/bazel-bin/external has no image/image.manifest.json of such a "
                    "repository; build the image first: bazel build @x//image. If MODULE.bazel",
                ),
                (
                    "@twice//image",
                    r"more than one repository could be meant; say which: @@twice\+//image or "
                    r"@@twice\+1//image",
                ),
            ):
                with self.subTest(label), self.assertRaisesRegex(UserError, words):
                    self.run_tool("diff", label)

    def test_what_is_no_image(self) -> None:
        for operand, words in (
            ("rootfs", "rootfs: neither a target .* nor a manifest .*; for a ref"),
            ("//no:where", "no/where.manifest.json is not there; build the image first: bazel bui"),
            ("x.json", "x.json is not there"),
        ):
            with self.subTest(operand), self.assertRaisesRegex(UserError, words):
                self.run_tool("diff", operand)


class ExportTest(CommandTest):
    def test_a_tar_in_a_file_and_in_a_pipe(self) -> None:
        self.run_tool("export", "--tar", "image.tar")
        with tarfile.open(self.scratch / "image.tar") as archive:
            self.assertEqual(archive.getmember("./usr/bin/x").mode, 0o4755)
            self.assertEqual(archive.getmember("./usr/ä").uid, 33)

    def test_an_oci_layout_and_an_update_upon_it(self) -> None:
        first = self.run_tool("export", "--oci", "oci")
        self.assertRegex(first, r"^oci:latest sha256:[0-9a-f]{64}\n$")
        again = self.run_tool("export", "--oci", "oci", "--tag", "next", "--onto", "latest")
        self.assertEqual(again.split()[1], first.split()[1])

    def test_an_export_that_fails_leaves_a_layout_that_can_be_used(self) -> None:
        with self.assertRaisesRegex(UserError, "no image '7' to build on; it has: none"):
            self.run_tool("export", "--oci", "oci", "--onto", "7")
        self.run_tool("export", "--oci", "oci")

    def test_a_place_that_is_taken(self) -> None:
        (self.scratch / "oci").mkdir()
        (self.scratch / "oci/mine").touch()
        with self.assertRaisesRegex(UserError, "oci: neither an OCI layout nor an empty directory"):
            self.run_tool("export", "--oci", "oci")


class DocumentsTest(CommandTest):
    def test_a_report_and_bills_of_materials(self) -> None:
        self.assertRegex(self.run_tool("report"), r"^report\.html \(.* kB\)\n$")
        self.assertIn("</html>", (self.scratch / "report.html").read_text())
        with mock.patch.dict(os.environ, {"SOURCE_DATE_EPOCH": "0"}):
            spdx = json.loads(self.run_tool("sbom"))
            self.run_tool("sbom", "--format=cyclonedx", "-o", "bom.json")
        self.assertEqual(spdx["creationInfo"]["created"], "1970-01-01T00:00:00Z")
        bom = json.loads((self.scratch / "bom.json").read_text())
        self.assertEqual(bom["metadata"]["timestamp"], "1970-01-01T00:00:00Z")


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

    def test_a_full_disk_is_said(self) -> None:
        full = OSError(errno.ENOSPC, "No space left on device")
        patched = mock.patch("apt2ostree.ship.checkout.write", side_effect=full)
        with patched, self.assertRaisesRegex(UserError, "checkout: no space left on the disk"):
            self.status("checkout", "-U", "out")
        self.assertEqual([path.name for path in self.scratch.iterdir()], ["image"])

    def test_stopped_by_sigterm_it_leaves_nothing(self) -> None:
        def write(*_: object) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

        before = signal.getsignal(signal.SIGTERM)
        self.addCleanup(signal.signal, signal.SIGTERM, before)
        patched = mock.patch("apt2ostree.ship.checkout.write", write)
        with patched, self.assertRaises(KeyboardInterrupt):
            self.status("checkout", "-U", "out")
        self.assertEqual([path.name for path in self.scratch.iterdir()], ["image"])

    def test_a_failure_leaves_nothing(self) -> None:
        (tar,) = self.scratch.glob("image/*/0.objects.tar")
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
