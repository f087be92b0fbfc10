import contextlib
import io
import os
import random
import re
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.ostree import objects, repo, repo_files
from apt2ostree.ostree.objects import Commit, FileHeader
from apt2ostree.ostree.repo import Repo
from tests.support import judges, trees
from tests.support.judges import ScratchTest

BIG = random.Random(1).randbytes(300_000)
WITHOUT_ROOT = ("bare-user", "archive")
"""Modes of repos that hold any file."""


def example(text: bytes = b"hello", owner: int = 0) -> tuple[str, dict[str, bytes]]:
    """A commit of some files, and all its objects by name."""
    found: dict[str, bytes] = {}

    def add(kind: str, data: bytes) -> str:
        checksum = objects.checksum(data)
        found[f"{checksum}.{kind}"] = data
        return checksum

    def file(data: bytes, mode: int = 0o644, **xattrs: bytes) -> str:
        attributes = {f"user.{name}": value for name, value in xattrs.items()}
        header = FileHeader(owner, owner, stat.S_IFREG | mode, xattrs=attributes)
        return add("file", objects.file_header(header) + data)

    link = FileHeader(owner, owner, stat.S_IFLNK | 0o777, "text")
    files = [
        ("text", file(text)),
        ("link", add("file", objects.file_header(link))),
        ("setuid", file(b"#!/bin/sh\n", 0o4755)),
        ("secret", file(b"secret", 0o000)),
        ("big", file(BIG)),
        ("empty", file(b"")),
        ("attributes", file(b"x", a=b"1", b=b"2" * 300)),
    ]
    meta = add("dirmeta", objects.dirmeta(owner, owner, 0o755))
    sticky = add("dirmeta", objects.dirmeta(owner, owner, 0o1777))
    below = add("dirtree", objects.dirtree(files[:2], []))
    tree = add("dirtree", objects.dirtree(files, [("tmp", below, sticky)]))
    return add("commit", Commit(tree, meta).serialize()), found


def write(target: Repo, commit: str, found: dict[str, bytes], ref: str = "test/ref") -> None:
    with target.transaction() as transaction:
        # The commit first: the order of the tars must not matter.
        for name in sorted(found, key=lambda name: not name.endswith("commit")):
            transaction.add_object(name, io.BytesIO(found[name]), len(found[name]))
        transaction.set_ref(ref, commit)


class RepoTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        judges.need(self, "ostree")
        self.path = self.scratch / "repo"

    def make(self, mode: str) -> Repo:
        judges.ostree(self.path, "init", f"--mode={mode}")
        return Repo(self.path)

    def assert_whole(self) -> None:
        self.assertIn("fsck objects", judges.ostree(self.path, "fsck"))

    def left_over(self) -> list[str]:
        return [path.name for path in (self.path / "tmp").glob("apt2ostree-*")]


class WriteTest(RepoTest):
    def test_every_mode_passes_fsck_and_checks_out_as_ostree_itself_would(self) -> None:
        for mode in ("bare", *WITHOUT_ROOT):
            with self.subTest(mode):
                if mode == "bare" and os.geteuid():
                    judges.skip_aloud(self, "a bare repo needs root")
                self.path = self.scratch / mode
                target = self.make(mode)
                commit, found = example()
                write(target, commit, found)
                self.assert_whole()
                self.assertEqual(target.resolve("test/ref"), commit)
                out = self.scratch / f"{mode}-out"
                judges.ostree(self.path, "checkout", "-U", "test/ref", out)
                self.assertEqual((out / "text").read_bytes(), b"hello")
                self.assertEqual((out / "big").read_bytes(), BIG)
                self.assertEqual((out / "link").readlink(), Path("text"))
                # What libostree writes of the same tree has the same names.
                again = judges.ostree(
                    self.path, "commit", "-b", "again", f"--tree=ref={commit}", "--timestamp=@0"
                )
                tree = judges.ostree(self.path, "ls", "-dC", "again", "/").split()[4:6]
                self.assertEqual(
                    tree, judges.ostree(self.path, "ls", "-dC", commit, "/").split()[4:6]
                )
                self.assertEqual(len(again.strip()), 64)

    def test_a_bare_repo_keeps_owners_of_others_as_root(self) -> None:
        target = self.make("bare")
        commit, found = example(owner=1)
        try:
            os.chown(self.path / "config", 1, 1)
        except OSError:
            with self.assertRaisesRegex(UserError, "needs root; use a repo of mode bare-user"):
                write(target, commit, found)
            judges.skip_aloud(self, "only one user can own files in this sandbox")
        write(target, commit, found)
        self.assert_whole()

    def test_a_bare_user_only_repo_holds_what_pull_local_brings(self) -> None:
        header = FileHeader(0, 0, stat.S_IFREG | 0o750)
        link = FileHeader(0, 0, stat.S_IFLNK | 0o777, "text")
        streams = [objects.file_header(header) + b"hello", objects.file_header(link)]
        names = [objects.checksum(data) for data in streams]
        found = {f"{name}.file": data for name, data in zip(names, streams)}
        meta, tree = (
            objects.dirmeta(0, 0, 0o755),
            objects.dirtree([("link", names[1]), ("text", names[0])], []),
        )
        root = Commit(objects.checksum(tree), objects.checksum(meta)).serialize()
        for kind, data in (("dirmeta", meta), ("dirtree", tree), ("commit", root)):
            found[f"{objects.checksum(data)}.{kind}"] = data
        target = self.make("bare-user-only")
        write(target, objects.checksum(root), found)
        self.assert_whole()
        theirs = self.scratch / "theirs"
        judges.ostree(theirs, "init", "--mode=bare-user-only")
        judges.ostree(theirs, "pull-local", self.path, "test/ref")
        self.assertEqual(
            trees.differences(self.path / "objects", theirs / "objects"),
            [],
        )
        self.assertEqual(
            repo_files.read_header(target, names[0]), repo_files.RepoFile(header, len("hello"))
        )
        self.assertEqual(repo_files.read_header(target, names[1]), repo_files.RepoFile(link, 0))

    def test_what_a_bare_user_only_repo_cannot_hold(self) -> None:
        self.make("bare-user-only")
        theirs = self.scratch / "archive"
        judges.ostree(theirs, "init", "--mode=archive")
        write(Repo(theirs), *example())
        refused = judges.ostree(self.path, "pull-local", theirs, "test/ref", check=False)
        self.assertIn("invalid mode", refused)
        with self.assertRaisesRegex(
            UserError, r"object \w+\.file: mode 4755 with bits 4000: not for a bare-user-only repo"
        ):
            write(Repo(self.path), *example())

    def test_a_second_import_writes_nothing(self) -> None:
        target = self.make("bare-user")
        commit, found = example()
        write(target, commit, found)
        before = sorted((path, path.lstat().st_mtime_ns) for path in self.path.rglob("objects/*"))
        with target.transaction() as transaction:
            for name, data in found.items():
                transaction.add_object(name, io.BytesIO(data), len(data))
            transaction.set_ref("test/ref", commit)
        self.assertEqual(transaction.written, repo.Written())
        after = sorted((path, path.lstat().st_mtime_ns) for path in self.path.rglob("objects/*"))
        self.assertEqual(after, before)

    def test_only_missing_objects_are_written(self) -> None:
        target = self.make("archive")
        write(target, *example(b"one"))
        commit, found = example(b"two")
        with target.transaction() as transaction:
            for name, data in found.items():
                transaction.add_object(name, io.BytesIO(data), len(data))
            transaction.set_ref("test/ref", commit)
        # Another text; so two dirtrees and a commit.
        written = transaction.written
        self.assertEqual((written.content, written.metadata), (1, 3))
        self.assert_whole()

    def test_the_compression_level_of_the_repo_counts(self) -> None:
        target = self.make("archive")
        with (self.path / "config").open("a") as config:
            config.write("\n[archive]\nzlib-level=0\n")
        commit, found = example(b"a" * 100_000)
        write(Repo(self.path), commit, found)
        sizes = [path.stat().st_size for path in self.path.rglob("*.filez")]
        self.assertEqual(len([size for size in sizes if size > 99_000]), 2)
        self.assert_whole()
        self.assertEqual(target.zlib_level, 6)

    def test_two_imports_at_once(self) -> None:
        self.make("bare-user")
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                write(Repo(self.path), *example(f"{number % 2}".encode()), ref=f"r/{number}")
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assert_whole()
        self.assertEqual(self.left_over(), [])

    def test_we_make_repos_that_ostree_takes(self) -> None:
        for mode in WITHOUT_ROOT:
            self.path = self.scratch / f"made-{mode}"
            write(repo.create(self.path, mode), *example())
            self.assert_whole()
            shown = judges.ostree(self.path, "config", "get", "core.mode").strip()
            self.assertEqual(shown, "archive-z2" if mode == "archive" else mode)


class BadInputTest(RepoTest):
    def test_no_repo(self) -> None:
        with self.assertRaisesRegex(UserError, "no OSTree repo there; make one with `ostree init"):
            Repo(self.path)
        self.path.write_text("a file")
        with self.assertRaisesRegex(UserError, "not an OSTree repo"):
            Repo(self.path)

    def test_a_repo_that_is_its_own_parent(self) -> None:
        for name, parent in (("a", "."), ("b", "../c"), ("c", "../b")):
            path = self.scratch / name
            repo.create(path, "archive")
            config = path / "config"
            config.write_text(config.read_text() + f"parent={parent}\n")
        for name in "ab":
            words = r"config: parent '\S+': the repo would be its own parent"
            with self.assertRaisesRegex(UserError, words):
                Repo(self.scratch / name)

    def test_a_ref_that_holds_no_checksum(self) -> None:
        target = self.make("archive")
        for content in (b"", b"xx\n", b"\xff" * 64):
            (self.path / "refs/heads/main").write_bytes(content)
            words = "refs/heads/main: not the checksum of a commit: the repo is broken"
            with self.subTest(content), self.assertRaisesRegex(UserError, words):
                target.resolve("main")

    def test_modes_that_we_cannot_write(self) -> None:
        self.path.mkdir()
        (self.path / "config").write_text("[core]\nrepo_version=1\nmode=bare-split-xattrs\n")
        words = "mode 'bare-split-xattrs'; expected one of bare, bare-user, bare-user-only, archive"
        with self.assertRaisesRegex(UserError, words):
            Repo(self.path)

    def test_free_space_that_is_no_size(self) -> None:
        self.path.mkdir()
        for option, words in (
            ("min-free-space-size=5", "min-free-space-size=5: expected a number and MB, GB or TB"),
            ("min-free-space-percent=100", "min-free-space-percent=100: expected a number from 0"),
        ):
            (self.path / "config").write_text(f"[core]\nmode=archive-z2\n{option}\n")
            with self.assertRaisesRegex(UserError, f"repo/config: {words}"):
                Repo(self.path)

    def test_a_config_that_is_none(self) -> None:
        self.path.mkdir()
        for data in (b"\xff\xfe", b"no section=1\n", b"[core\n"):
            (self.path / "config").write_bytes(data)
            with self.subTest(data), self.assertRaisesRegex(UserError, "repo/config: "):
                Repo(self.path)

    def test_an_object_that_is_not_its_name_stops_everything(self) -> None:
        for mode in WITHOUT_ROOT:
            self.path = self.scratch / f"bad-{mode}"
            target = self.make(mode)
            commit, found = example()
            for kind in (".file", ".dirtree"):
                name = next(name for name in found if name.endswith(kind) and len(found[name]) > 60)
                other = bytes([found[name][-1] ^ 1])
                hostile = {**found, name: found[name][:-1] + other}
                with self.assertRaisesRegex(UserError, f"object {name} has the checksum"):
                    write(target, commit, hostile)
                self.assertIsNone(target.resolve("test/ref"))
                self.assertEqual(self.left_over(), [])
                self.assertEqual([p for p in self.path.rglob("objects/*/*") if p.is_file()], [])
            write(target, commit, found)
            self.assert_whole()

    def test_an_object_that_ends_early(self) -> None:
        target = self.make("bare-user")
        _, found = example()
        name = max(found, key=lambda name: len(found[name]))
        data = found[name][:-1]
        with (
            self.assertRaisesRegex(UserError, "truncated objects tar"),
            target.transaction() as transaction,
        ):
            transaction.add_object(name, io.BytesIO(data), len(found[name]))
        self.assertEqual(self.left_over(), [])

    def test_refs_are_those_that_ostree_takes(self) -> None:
        target = self.make("archive")
        commit, found = example()
        write(target, commit, found)
        for ref in ("a", "_", "a.", "a-", "a..b", "x/y_z/0", "deb/images/x/unpacked", "A1"):
            write(target, commit, {}, ref)
            self.assertIn(ref, judges.ostree(self.path, "refs").split())
        for ref in ("", "-", ".", "..", "-a", ".a", "a//b", "a/", "/a", "a+b", "a b", "a/../b"):
            with self.subTest(ref), self.assertRaisesRegex(UserError, "expected letters, digits"):
                write(target, commit, {}, ref)
            if ref:
                text = judges.ostree(self.path, "refs", f"--create={ref}", commit, check=False)
                self.assertIn("error", text)

    def test_refs_that_are_part_of_each_other(self) -> None:
        target = self.make("archive")
        commit, found = example()
        write(target, commit, found, "a/b")
        for ref in ("a", "a/b/c"):
            with self.assertRaisesRegex(UserError, f"ref {ref}: another ref .* part of its name"):
                write(target, commit, found, ref)
        self.assertEqual(target.resolve("a/b"), commit)
        self.assertIsNone(target.resolve("a"))
        self.assertIsNone(target.resolve("a/b/c"))
        self.assert_whole()


class KillTest(RepoTest):
    def test_killed_anywhere_the_repo_is_whole_and_the_next_import_is_good(self) -> None:
        for mode in WITHOUT_ROOT:
            self.path = self.scratch / f"kill-{mode}"
            target = self.make(mode)
            with (self.path / "config").open("a") as config:
                config.write("fsync=false\n")
            old, found = example(b"old")
            write(target, old, found)
            new, found = example(b"new")
            step = 0
            finished = False
            while not finished:
                step += 1
                finished = not self.killed_at(step, new, found)
                self.assertIn(Repo(self.path).resolve("test/ref"), (old, new))
                self.assert_whole()
                judges.ostree(self.path, "ls", "-R", "test/ref")
            self.assertGreater(step, 20)
            self.assertEqual(Repo(self.path).resolve("test/ref"), new)
            self.assertEqual(self.left_over(), [])

    def killed_at(self, step: int, commit: str, found: dict[str, bytes]) -> bool:
        """Import in a child that dies at its `step`th system call for a file."""
        child = os.fork()
        if not child:
            steps = 0

            def count(event: str, _arguments: object) -> None:
                nonlocal steps
                if event in (
                    "open",
                    "os.rename",
                    "os.chmod",
                    "os.mkdir",
                    "os.setxattr",
                    "fcntl.flock",
                ):
                    steps += 1
                    if steps == step:
                        os.kill(os.getpid(), signal.SIGKILL)

            try:
                sys.addaudithook(count)
                write(Repo(self.path), commit, found)
                os._exit(0)
            except BaseException:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            self.assertEqual(os.WEXITSTATUS(status), 0)
        return os.WIFSIGNALED(status)

    def test_an_interrupt_leaves_nothing(self) -> None:
        target = self.make("bare-user")
        _, found = example()
        name, data = next(iter(found.items()))
        with (
            contextlib.suppress(KeyboardInterrupt),
            target.transaction() as transaction,
        ):
            transaction.add_object(name, io.BytesIO(data), len(data))
            raise KeyboardInterrupt
        self.assertEqual(self.left_over(), [])
        self.assertFalse(target.has(name))

    def test_what_a_killed_import_left_is_removed_but_not_what_a_live_one_has(self) -> None:
        target = self.make("bare-user")
        stale = self.path / "tmp/apt2ostree-stale"
        stale.mkdir()
        (stale / "file").touch()
        with target.transaction():
            mine = self.left_over()
            self.assertEqual(len(mine), 1)
            with target.transaction():
                self.assertLess(set(mine), set(self.left_over()))
            self.assertEqual(self.left_over(), mine)


_IMPORT = """
import sys
from pathlib import Path
from apt2ostree import errors
from apt2ostree.ostree.repo import Repo
from tests.ostree import repo_test

def main(arguments):
    repo_test.write(Repo(Path(arguments[0])), *repo_test.example(b"new"))
    return 0

errors.run(main)
"""


class DiskTest(RepoTest):
    """Disks that are full or read-only: mounted for the test in a namespace of its own."""

    def setUp(self) -> None:
        super().setUp()
        works = subprocess.run(
            judges.in_namespace("mount -t tmpfs none $1", self.scratch),
            capture_output=True,
            check=False,
        )
        if works.returncode:
            judges.skip_aloud(self, f"no mount namespace here: {works.stderr.decode()}")
        self.environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def in_namespace(self, script: str) -> "subprocess.CompletedProcess[str]":
        command = judges.in_namespace(script, self.path, sys.executable, _IMPORT)
        return subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
            check=False,
        )

    def test_a_full_disk_at_every_fill(self) -> None:
        self.path.mkdir()
        for kilobytes in (8, 40, 80, 200, 330, 380):
            script = f"""
                mount -t tmpfs -o size={kilobytes}k none $1
                ostree init --repo=$1 --mode=archive || {{ echo too small; exit 0; }}
                status=0; $2 -c "$3" $1 || status=$?
                ostree fsck --repo=$1
                find $1/tmp -name 'apt2ostree-*'; ls $1/refs/heads
                exit $status
            """
            result = self.in_namespace(script)
            with self.subTest(kilobytes, output=result.stdout):
                if result.returncode == 0:
                    self.assertIn(kilobytes, (8, 380))
                    continue
                self.assertRegex(result.stdout, "error: .*no space left on the disk; nothing was")
                self.assertNotIn("apt2ostree-", result.stdout)
                self.assertNotIn("test", result.stdout.split("fsck", 1)[1])
                self.assertNotIn("Traceback", result.stdout)

    def test_space_that_the_repo_wants_left_free(self) -> None:
        self.path.mkdir()
        for option, refused in (
            ("min-free-space-percent=0", False),
            ("min-free-space-percent=95", True),
            ("min-free-space-size=3MB", False),
            ("min-free-space-size=4MB", True),
            ("min-free-space-size=1MB\nmin-free-space-percent=99", False),
            ("min-free-space-size=0MB\nmin-free-space-percent=99", True),
        ):
            script = f"""
                mount -t tmpfs -o size=4m none $1
                ostree init --repo=$1 --mode=bare-user
                echo '{option}' >> $1/config
                mkdir $1/tree; head -c 300000 /dev/urandom > $1/tree/file
                ostree commit --repo=$1 -b theirs $1/tree && echo they did || echo they did not
                rm $1/tree/file
                $2 -c "$3" $1 && echo we did || echo we did not
                ostree fsck --repo=$1
            """
            result = self.in_namespace(script)
            with self.subTest(option, output=result.stdout):
                self.assertEqual("they did not" in result.stdout, refused)
                self.assertEqual("we did not" in result.stdout, refused)
                words = f"error: {self.path}: min-free-space-.* in its config would be exceeded by"
                self.assertEqual(re.search(words, result.stdout) is not None, refused)

    def test_a_read_only_repo(self) -> None:
        self.make("archive")
        result = self.in_namespace(
            """
            mount --bind $1 $1
            mount -o remount,bind,ro $1
            $2 -c "$3" $1
            """
        )
        self.assertEqual(result.returncode, 1)
        self.assertRegex(
            result.stdout, "error: .*Read-only file system; nothing was changed .* writable"
        )

    def test_a_repo_that_one_may_not_write(self) -> None:
        self.make("archive")
        (self.path / "tmp").chmod(0o500)
        # Root that has lost its privileges heeds modes.
        result = self.in_namespace(
            """
            setpriv --bounding-set=-all --inh-caps=-all $2 -c "$3" $1
            """
        )
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, "repo/tmp/.*: Permission denied; nothing was changed")


if __name__ == "__main__":
    import unittest

    unittest.main()
