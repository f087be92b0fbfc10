"""A repo shared with others: parents, locks, interrupted pulls, parallel writing."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.ostree import objects, repo
from apt2ostree.ostree.objects import Commit, FileHeader
from apt2ostree.ostree.objects_tar import ObjectsWriter, index
from apt2ostree.ostree.repo import Repo
from tests.support.judges import ScratchTest

LOCKER = """
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR, 0o660)
fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
print("locked", flush=True)
sys.stdin.read()
"""


def tar(directory: Path, files: dict[str, bytes]) -> tuple[str, Path]:
    """A commit of files as an objects tar."""
    path = directory / "objects.tar"
    with path.open("w+b") as file:
        writer = ObjectsWriter(file)
        rows = [
            (name, writer.add_file(FileHeader(0, 0, 0o100644), len(data), [data]))
            for name, data in files.items()
        ]
        meta = writer.add_metadata("dirmeta", objects.dirmeta(0, 0, 0o755))
        tree = writer.add_metadata("dirtree", objects.dirtree(rows, []))
        commit = writer.add_metadata("commit", Commit(tree, meta).serialize())
        writer.close()
    return commit, path


class SharingTest(ScratchTest):
    def make(self, name: str, mode: str = "archive", **settings: str) -> Repo:
        path = self.scratch / name
        repo.create(path, mode)
        with (path / "config").open("a") as config:
            config.writelines(
                f"{key.replace('_', '-')}={value}\n" for key, value in settings.items()
            )
        return Repo(path)

    def add(self, target: Repo, path: Path, commit: str) -> repo.Written:
        with target.transaction() as transaction:
            for _ in transaction.add_objects(index(path)):
                pass
            transaction.set_ref("x", commit)
        return transaction.written

    def fsck(self, target: Repo) -> None:
        subprocess.run(
            ["ostree", "fsck", "-q", f"--repo={target.path}"], check=True, capture_output=True
        )

    def test_many_objects_in_parallel(self) -> None:
        files = {f"f{n}": os.urandom(n * 50) for n in range(500)}
        commit, path = tar(self.scratch, files)
        for mode in ("archive", "bare-user"):
            target = self.make(mode, mode)
            written = self.add(target, path, commit)
            self.assertEqual((written.content, written.metadata), (500, 3))
            self.fsck(target)

    def test_a_wrong_object_stops_all_and_leaves_nothing(self) -> None:
        commit, path = tar(self.scratch, {f"f{n}": b"%d" % n for n in range(300)})
        data = bytearray(path.read_bytes())
        location = next(location for _, location in index(path))
        data[location.offset + location.size - 1] ^= 1
        path.write_bytes(data)
        target = self.make("repo")
        with self.assertRaisesRegex(UserError, "has the checksum"):
            self.add(target, path, commit)
        self.assertEqual([*target.path.glob("objects/*"), *target.path.glob("tmp/*")], [])
        self.assertIsNone(target.resolve("x"))

    def test_what_the_parent_repo_has_is_not_written(self) -> None:
        commit, path = tar(self.scratch, {"a": b"1", "b": b"2"})
        parent = self.make("parent")
        self.add(parent, path, commit)
        child = self.make("child", parent=str(parent.path))
        written = self.add(child, path, commit)
        self.assertEqual((written.content, written.metadata), (0, 0))
        self.assertEqual(child.read_commit(commit).subject, "")
        listed = subprocess.run(
            ["ostree", f"--repo={child.path}", "ls", "x"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        self.assertIn("/a", listed)

    def test_a_repo_that_another_process_has_locked(self) -> None:
        target = self.make("repo", lock_timeout_secs="0")
        commit, path = tar(self.scratch, {"a": b"1"})
        command = [sys.executable, "-c", LOCKER, str(target.path / ".lock")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as locker:
            assert locker.stdout and locker.stdin
            locker.stdout.readline()
            with self.assertRaisesRegex(UserError, "locked by another process .* try again"):
                self.add(target, path, commit)
            locker.stdin.close()
            locker.wait()
        self.add(target, path, commit)

    def test_ostree_keeps_out_while_we_write_and_comes_in_where_it_may(self) -> None:
        target = self.make("repo", lock_timeout_secs="0")
        commit, path = tar(self.scratch, {"a": b"1"})
        (self.scratch / "tree").mkdir()
        ostree = ["ostree", f"--repo={target.path}"]
        with target.transaction() as transaction:
            for _ in transaction.add_objects(index(path)):
                pass
            transaction.set_ref("x", commit)
            pruned = subprocess.run([*ostree, "prune"], capture_output=True, check=False)
            self.assertIn("ock", pruned.stderr.decode())
            self.assertNotEqual(pruned.returncode, 0)
            subprocess.run([*ostree, "commit", "-b", "y", self.scratch / "tree"], check=True)
        self.assertEqual(target.resolve("x"), commit)
        subprocess.run([*ostree, "prune", "--refs-only"], check=True)
        self.fsck(target)

    def test_a_pull_that_was_interrupted_is_completed(self) -> None:
        commit, path = tar(self.scratch, {"a": b"1", "b": b"2"})
        source, target = self.make("source"), self.make("target")
        self.add(source, path, commit)
        subprocess.run(
            [
                "ostree",
                f"--repo={target.path}",
                "pull-local",
                "--commit-metadata-only",
                str(source.path),
                "x",
            ],
            check=True,
            capture_output=True,
        )
        partial = target.path / "state" / f"{commit}.commitpartial"
        self.assertTrue(partial.exists())
        self.add(target, path, commit)
        self.assertFalse(partial.exists())
        self.fsck(target)

    def test_a_repo_with_a_remote_keeps_it(self) -> None:
        target = self.make("repo")
        ostree = ["ostree", f"--repo={target.path}"]
        subprocess.run(
            [*ostree, "remote", "add", "--no-gpg-verify", "o", "http://127.0.0.1:9"], check=True
        )
        commit, path = tar(self.scratch, {"a": b"1"})
        self.add(Repo(target.path), path, commit)
        listed = subprocess.run(
            [*ostree, "remote", "list"], check=True, capture_output=True, text=True
        )
        self.assertEqual(listed.stdout, "o\n")

    def test_level_of_compression_is_the_repos_own(self) -> None:
        commit, path = tar(self.scratch, {"a": b"0123456789" * 100_000})
        sizes = []
        for level in ("1", "9"):
            target = self.make(level)
            with (target.path / "config").open("a") as config:
                config.write(f"[archive]\nzlib-level={level}\n")
            self.add(Repo(target.path), path, commit)
            sizes.append(sum(file.stat().st_size for file in target.path.rglob("*.filez")))
            self.fsck(target)
        self.assertGreater(sizes[0], sizes[1])

    def test_metadata_made_just_now(self) -> None:
        target = self.make("repo")
        with target.transaction() as transaction:
            checksum = transaction.add_metadata("dirmeta", objects.dirmeta(0, 0, 0o755))
        self.assertTrue(target.has(f"{checksum}.dirmeta"))
        with self.assertRaisesRegex(UserError, "no commit object a+: pull it whole first"):
            target.read_commit("a" * 64)


if __name__ == "__main__":
    unittest.main()
