import functools
import http.server
import os
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.ostree import host_ostree, repo, repo_files
from apt2ostree.ostree.repo import Repo
from apt2ostree.ship import commit_image, repo_image
from apt2ostree.ship.commit_image import CommitOptions, commit
from tests.support.debs import control, deb, file
from tests.support.judges import ScratchTest
from tests.support.variants import Variant, build

KEY = "test@example.org"


class CommitCase(ScratchTest):
    """A repo, images to commit to it, and the real ostree."""

    def setUp(self) -> None:
        super().setUp()
        self.count = 0
        self.repo = repo.create(self.scratch / "repo", "archive")

    def image(self, content: bytes = b"1", version: str = "1") -> Variant:
        self.count += 1
        packages = [
            deb(file("./a", content), control=control("a", version)),
            deb(file("./b"), control=control("b")),
        ]
        return build(self.scratch / f"image{self.count}", packages, locks={"debs": "a lock"})

    def commit(self, image: Variant, **options: object) -> commit_image.Committed:
        values = {"branch": "os/main", "subject": "S", "timestamp": 1000, **options}
        return commit(self.repo, image.built, CommitOptions(**values))  # type: ignore[arg-type]

    def ostree(self, *arguments: str, where: Path | None = None) -> str:
        command = ["ostree", f"--repo={where or self.repo.path}", *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout


class CommitTest(CommitCase):
    def test_a_history_that_ostree_reads(self) -> None:
        first = self.commit(self.image(), subject="First", body="With\nmore")
        second = self.commit(self.image(b"2"), subject="Second")
        self.assertEqual((first.parent, second.parent), ("", first.commit))
        log = self.ostree("log", "os/main")
        self.assertRegex(
            log,
            f"(?s)commit {second.commit}\n.*Parent: +{first.commit}.*Second.*"
            f"commit {first.commit}\n.*First\n\n    With\n    more",
        )
        self.ostree("fsck")

    def test_the_same_commit_as_ostree_makes_of_the_tree_but_for_our_metadata(self) -> None:
        image = self.image()
        ours = self.commit(image)
        self.ostree("commit", "-b", "other", "--tree=ref=os/main", "-s", "S", "--timestamp=@1000")
        theirs = self.repo.resolve("other")
        assert theirs
        show = self.ostree("show", theirs)
        self.assertEqual(
            show.partition("ContentChecksum")[2].splitlines()[0],
            self.ostree("show", ours.commit).partition("ContentChecksum")[2].splitlines()[0],
        )
        for ref in ("os/main", "other"):
            self.assertIn(ref, self.ostree("show", "--print-metadata-key=ostree.ref-binding", ref))

    def test_what_the_image_was_made_of_is_in_the_metadata(self) -> None:
        self.commit(self.image(), revision="abc123", metadata={"version": "7"})

        def key(name: str) -> str:
            return self.ostree("show", f"--print-metadata-key={name}", "os/main").strip()

        self.assertEqual(key("apt2ostree.packages"), "[('a', '1', 'amd64'), ('b', '1', 'amd64')]")
        self.assertRegex(key("apt2ostree.locks"), r"^\[\('debs', '[0-9a-f]{64}'\)\]$")
        self.assertEqual(key("apt2ostree.source-revision"), "'abc123'")
        self.assertEqual(key("version"), "'7'")

    def test_the_source_revision_is_the_one_of_the_stamped_build(self) -> None:
        status = self.scratch / "stable-status.txt"
        status.write_text("BUILD_HOST x\nSTABLE_GIT_COMMIT f00d\n")
        self.assertEqual(commit_image.source_revision([status]), "f00d")
        status.write_text("STABLE_SCM_REVISION 0\nBUILD_SCM_REVISION beef\n")
        self.assertEqual(commit_image.source_revision([status]), "beef")
        self.assertEqual(commit_image.source_revision([]), "")

    def test_nothing_is_committed_when_the_tree_has_not_changed(self) -> None:
        first = self.commit(self.image())
        again = self.commit(self.image(), timestamp=2000, subject="Again")
        self.assertEqual((again.commit, again.written), (first.commit, None))

    def test_new_objects_only(self) -> None:
        self.commit(self.image())
        second = self.commit(self.image(b"2"))
        assert second.written
        # The file; and of dpkg's database nothing changes with a file's content but its md5.
        self.assertLessEqual(second.written.content, 2)

    def test_a_branch_that_moved_meanwhile_is_an_error_and_stays(self) -> None:
        first = self.commit(self.image())
        other = self.commit(self.image(b"2"))
        with self.assertRaisesRegex(
            UserError,
            "branch os/main moved meanwhile: expected it at "
            f"{first.commit}, found it at {other.commit}",
        ):
            self.commit(self.image(b"3"), parent=first.commit)
        self.assertEqual(self.repo.resolve("os/main"), other.commit)

    def test_a_branch_that_moves_while_objects_are_written(self) -> None:
        first = self.commit(self.image())
        image = self.image(b"2")
        with (
            self.assertRaisesRegex(UserError, "branch os/main moved meanwhile"),
            self.repo.transaction() as transaction,
        ):
            self.ostree("commit", "-b", "os/main", "--tree=ref=os/main", "-s", "meanwhile")
            transaction.set_ref("os/main", image.built.commit, before=first.commit)
        self.assertEqual(
            self.repo.read_commit(self.repo.resolve("os/main") or "").subject, "meanwhile"
        )

    def test_a_collection_is_bound(self) -> None:
        with (self.repo.path / "config").open("a") as config:
            config.write("collection-id=org.example.Os\n")
        self.repo = Repo(self.repo.path)
        self.commit(self.image())
        self.assertIn(
            "org.example.Os",
            self.ostree("show", "--print-metadata-key=ostree.collection-binding", "os/main"),
        )

    def test_a_commit_reads_back_as_the_image(self) -> None:
        image = self.image()
        for mode in ("archive", "bare-user", *(["bare"] if os.geteuid() == 0 else [])):
            self.repo = repo.create(self.scratch / mode, mode)
            made = self.commit(image)
            read = repo_image.load(self.repo, repo_files.resolve(self.repo, made.commit[:10]))
            self.assertEqual(
                {path: found.files for path, found in read.directories.items()},
                {path: found.files for path, found in image.manifest.directories.items()},
            )
            self.assertEqual(
                [record.key for record in read.packages],
                [record.key for record in image.manifest.packages],
            )


class SigningTest(CommitCase):
    def setUp(self) -> None:
        super().setUp()
        # gpg-agent's socket is in it, whose path may have 107 bytes: fewer than a sandbox's.
        home = tempfile.TemporaryDirectory(dir="/tmp")
        self.addCleanup(home.cleanup)
        self.home = Path(home.name)
        command = [
            "gpg",
            "--homedir",
            str(self.home),
            "--batch",
            "--quiet",
            "--passphrase",
            "",
            "--quick-generate-key",
            KEY,
            "default",
            "default",
            "never",
        ]
        subprocess.run(command, check=True, capture_output=True)
        self.addCleanup(
            subprocess.run,
            ["gpgconf", "--homedir", str(self.home), "--kill", "all"],
            capture_output=True,
        )
        export = ["gpg", "--homedir", str(self.home), "--batch", "--export"]
        (self.scratch / "key.gpg").write_bytes(
            subprocess.run(export, check=True, capture_output=True).stdout
        )

    def serve(self) -> tuple[str, list[str]]:
        """The repo over HTTP on loopback; its URL, and the paths that were asked for."""
        asked: list[str] = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, format: str, *arguments: object) -> None:
                asked.append(self.path)

        handler = functools.partial(Handler, directory=str(self.repo.path))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}", asked

    def device(self, url: str) -> Path:
        device = self.scratch / "device"
        self.ostree("init", "--mode=bare-user", where=device)
        self.ostree(
            "remote", "add", f"--gpg-import={self.scratch / 'key.gpg'}", "origin", url, where=device
        )
        return device

    def test_a_device_pulls_and_verifies_both_revisions_over_http(self) -> None:
        first = self.commit(self.image(), keys=[KEY], gpg_homedir=self.home)
        url, _ = self.serve()
        device = self.device(url)
        self.ostree("pull", "origin", "os/main", where=device)
        second = self.commit(self.image(b"2"), keys=[KEY], gpg_homedir=self.home)
        self.ostree("pull", "--depth=1", "origin", "os/main", where=device)
        self.assertEqual(Repo(device).read_commit(second.commit).parent, first.commit)
        self.assertIn("Good signature", self.ostree("show", "origin:os/main", where=device))
        self.ostree("fsck", where=device)

    def test_what_is_not_signed_is_not_pulled(self) -> None:
        self.commit(self.image())
        url, _ = self.serve()
        command = ["ostree", f"--repo={self.device(url)}", "pull", "origin", "os/main"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("no signatures found", result.stderr)

    def test_a_static_delta_is_applied(self) -> None:
        first = self.commit(
            self.image(os.urandom(900).hex().encode()), keys=[KEY], gpg_homedir=self.home
        )
        url, asked = self.serve()
        device = self.device(url)
        self.ostree("pull", "origin", "os/main", where=device)
        second = self.commit(
            self.image(os.urandom(900).hex().encode()), keys=[KEY], gpg_homedir=self.home
        )
        host_ostree.generate_delta(self.repo.path, second.commit, first.commit)
        host_ostree.update_summary(self.repo.path, [KEY], self.home)
        asked.clear()
        self.ostree("pull", "--require-static-deltas", "origin", "os/main", where=device)
        self.assertTrue([path for path in asked if path.startswith("/deltas/")], asked)
        self.assertFalse([path for path in asked if path.endswith(".filez")], asked)
        self.ostree("fsck", where=device)

    def test_a_wrong_key_commits_nothing(self) -> None:
        words = (
            "(?s)gpg could not sign with the key 'nobody@example.org': .*; nothing was committed"
        )
        with self.assertRaisesRegex(UserError, words):
            self.commit(self.image(), keys=["nobody@example.org"], gpg_homedir=self.home)
        self.assertIsNone(self.repo.resolve("os/main"))


if __name__ == "__main__":
    unittest.main()
