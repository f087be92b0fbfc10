"""Packages that reach for what is not theirs, seen from outside.

A canary of each kind is of the machine: files, device nodes, a kernel setting, a key in the
session's keyring. They are compared before and after each attack, and what the files and the key
hold must be in nothing that the action writes or says. The environment says how the action runs:
ATTACKS_UNDER is none, process-wrapper or linux-sandbox (Bazel's), ATTACKS_AS is caller or nobody.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import platform
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

from tests.configure.runner import (
    SECONDS,
    ConfigureTest,
    Outcome,
    environment_of_tools,
    package,
    sleepers,
)
from tests.support import debs
from tests.support.judges import skip_aloud

TIMEOUT = 120
"""Seconds that an attack may take."""
NOBODY = 65534
DEVICES = ("full", "null", "random", "urandom", "zero")
SETTING = Path("/proc/sys/kernel/printk_ratelimit_burst")
SYSCALLS = {
    "x86_64": {
        "add_key": 248,
        "keyctl": 250,
        "lchown": 94,
        "setxattr": 188,
        "mount": 165,
        "umount": 166,
    },
    "aarch64": {
        "add_key": 217,
        "keyctl": 219,
        "setxattr": 5,
        "mount": 40,
        "umount": 39,
    },
}
JOIN_SESSION_KEYRING, SESSION_KEYRING = 1, -3
EVERYBODY_MAY = 0x3F3F_3F3F
SET_PERMISSIONS = 5
MOUNT = (
    "perl -e 'my ($t, $p, $f) = @ARGV; syscall(@mount@, $t, $p, $t, $f + 0, 0) == 0 "
    'or print STDERR "mount $t $p: $!\\n"\''
)
"""A shell command that mounts: type, place, flags."""
UMOUNT = "perl -e 'syscall(@umount@, $ARGV[0], 2) == 0 or print STDERR \"umount: $!\\n\"'"
READ_WRITE = 0x20 | 0x1000
"""MS_REMOUNT | MS_BIND"""
BAZELS = (Path("/usr/share/bazel"), Path("/usr/libexec/x86_64-linux-gnu/bazel"))


class Canaries:
    """What is of the machine.

    Attributes:
        secret: what nobody inside may learn.
        tree: a directory.
        devices: a directory with device nodes, if the machine allows that; or `None`.
    """

    def __init__(self, scratch: Path) -> None:
        self.secret = f"canary-{os.urandom(8).hex()}"
        self.tree = scratch / "canary"
        below = self.tree / "sub"
        below.mkdir(parents=True)
        for path in (self.tree / "secret", self.tree / "file", below / "file", below / "other"):
            path.write_text(f"{self.secret} a 0600 /usr\n", encoding="ascii")
            path.chmod(0o600)
        (self.tree / "policy-rc.d").write_text("the machine's\n", encoding="ascii")
        self.devices = self._make_devices(scratch / "devices")
        self.key = self._make_key()

    def _make_devices(self, directory: Path) -> Path | None:
        directory.mkdir(mode=0o755)
        directory.chmod(0o755)
        try:
            for name in DEVICES:
                os.mknod(directory / name, stat.S_IFCHR | 0o666, Path("/dev", name).stat().st_rdev)
                (directory / name).chmod(0o666)
                with (directory / name).open("rb"):
                    pass
        except OSError:
            return None
        return directory

    def _make_key(self) -> int:
        numbers = SYSCALLS.get(platform.machine())
        if not numbers:
            return -1
        call = ctypes.CDLL(None, use_errno=True).syscall
        call(numbers["keyctl"], JOIN_SESSION_KEYRING, None)
        secret = self.secret.encode("ascii")
        key: int = call(
            numbers["add_key"], b"user", b"canary", secret, len(secret), SESSION_KEYRING
        )
        if key > 0:
            call(numbers["keyctl"], SET_PERMISSIONS, key, EVERYBODY_MAY)
        return key

    def seen(self) -> dict[str, object]:
        """Everything that an attack could change."""
        seen: dict[str, object] = {}
        for path in [self.tree, *sorted(self.tree.rglob("*"))]:
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            seen[str(path)] = (*_status(status), status.st_mtime_ns, content)
        for path in sorted(self.devices.iterdir()) if self.devices else ():
            seen[str(path)] = _status(path.lstat())
        for name in DEVICES:
            seen[f"/dev/{name}"] = _status(Path("/dev", name).lstat())
        seen[str(SETTING)] = SETTING.read_text(encoding="ascii")
        return seen

    def give(self, user: int) -> None:
        """Give the files to a user."""
        for path in [self.tree, *self.tree.rglob("*")]:
            os.chown(path, user, user)


def _status(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_mode, status.st_uid, status.st_gid, status.st_rdev


class AttackTest(ConfigureTest):
    def setUp(self) -> None:
        super().setUp()
        self.nobody = os.environ.get("ATTACKS_AS", "caller") == "nobody"
        if self.nobody:
            if os.geteuid():
                skip_aloud(self, "only root can become another user")
            # Where another user may go.
            directory = tempfile.TemporaryDirectory(dir="/tmp")
            self.addCleanup(directory.cleanup)
            self.scratch = Path(directory.name)
        self.under = os.environ.get("ATTACKS_UNDER", "none")
        self.canaries = Canaries(self.scratch)
        self.setting = SETTING.read_text(encoding="ascii")
        self.addCleanup(self.restore)
        if self.nobody:
            self.become_nobody()

    def restore(self) -> None:
        if SETTING.read_text(encoding="ascii") != self.setting:
            SETTING.write_text(self.setting, encoding="ascii")

    def become_nobody(self) -> None:
        try:
            self.canaries.give(NOBODY)
            os.chown(self.scratch, NOBODY, NOBODY)
        except OSError:
            skip_aloud(self, "this sandbox knows one user only")

    def prefix(self, directory: Path) -> list[str]:
        """What the action is started by."""
        prefix = []
        if self.canaries.devices:
            script = f'for d in {self.canaries.devices}/*; do mount --bind "$d" "/dev/${{d##*/}}"; '
            prefix += ["unshare", "--mount", "sh", "-euc", script + 'done; exec "$@"', "sh"]
        if self.nobody:
            who = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            prefix += ["setpriv", *who]
        if self.under != "none":
            names = [path / self.under for path in BAZELS]
            program = next((str(name) for name in names if name.exists()), "")
            if not program:
                skip_aloud(self, f"Bazel's {self.under} is not here")
            options = ["-w", str(directory), "-N"] if self.under == "linux-sandbox" else []
            prefix += [program, *options, "--"]
        return prefix

    def give(self, directory: Path) -> None:
        """Make an action's files another user's, and name them so in its request."""
        home = self.scratch / "home"
        home.mkdir()
        for name in ("apt2ostree", "tools"):
            source = next(path for path in map(Path, sys.path) if (path / name).is_dir()) / name
            shutil.copytree(source, home / name, ignore=shutil.ignore_patterns("__pycache__"))
        request = directory / "request.json"
        copied = self.copier(home, directory)
        words = json.loads(request.read_text(encoding="utf-8"), object_hook=copied)
        request.write_text(json.dumps(words), encoding="utf-8")
        for path in [home, *home.rglob("*"), directory, *directory.rglob("*")]:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        self.home = home

    def copier(self, home: Path, directory: Path) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """Of an object of a request, one with the names of copies in place of other files'."""
        numbers = itertools.count()

        def copy(value: Any) -> Any:
            if isinstance(value, list):
                return [copy(item) for item in value]
            if not isinstance(value, str) or Path(value).is_relative_to(directory):
                return value
            path = Path(value)
            if not (value and path.is_file()):
                return value
            return str(shutil.copy(path, home / f"{next(numbers)}-{path.name}"))

        return lambda request: {key: copy(value) for key, value in request.items()}

    def attack(
        self,
        *packages: bytes,
        options: Mapping[str, Any] | None = None,
        before: Callable[[Path], None] | None = None,
        first: Sequence[str] = (),
    ) -> Outcome:
        """Configure packages; see that nothing of the machine was touched or told.

        Args:
            *packages: hostile ones.
            options: what the request says besides.
            before: gets the directory of the action's inputs and outputs.
            first: what the action is started by, besides `prefix`.
        """
        command, directory, tars = self.command(packages, options or {})
        if before:
            before(directory)
        if self.nobody:
            self.give(directory)
        seen = self.canaries.seen()
        result = subprocess.run(
            [*self.prefix(directory), *first, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment_of_tools({"PYTHONPATH": str(self.home)} if self.nobody else {}),
            cwd=self.home if self.nobody else None,
            timeout=TIMEOUT,
            check=False,
        )
        said = result.stdout.decode("utf-8", "replace")
        self.assertEqual(seen, self.canaries.seen(), said)
        self.assertNotIn(self.canaries.secret, said)
        self.assertNotIn("Traceback", said)
        secret = self.canaries.secret.encode("ascii")
        for path in directory.rglob("*"):
            if path.is_file() and not path.name.startswith("unpacked") and path not in tars[:-2]:
                self.assertFalse(secret in path.read_bytes(), f"{path.name}\n{said}")
        self.assertEqual([], sleepers())
        self.assertEqual([], list(directory.glob("*.scratch")), "the scratch directory is left")
        if result.returncode:
            self.assertEqual(1, result.returncode, said)
            self.assertTrue(said.startswith(("error: ", "note: ")), said)
            self.assertIn("error: //test:image: ", said)
        return Outcome(result.returncode, said, directory, tars)

    def attack_of(
        self, postinst: str, options: Mapping[str, Any] | None = None, **scripts: str
    ) -> Outcome:
        """Configure a package with this postinst, in which `MOUNT` and `UMOUNT` may be."""
        for name in ("mount", "umount"):
            if f"@{name}@" in postinst:
                postinst = postinst.replace(f"@{name}@", str(self.number(name)))
        return self.attack(package(scripts={"postinst": postinst, **scripts}), options=options)

    def survived(self, outcome: Outcome) -> Outcome:
        self.assertEqual(0, outcome.status, outcome.said)
        return outcome

    def number(self, name: str) -> int:
        numbers = SYSCALLS.get(platform.machine(), {})
        if name not in numbers:
            skip_aloud(self, f"the number of {name} on {platform.machine()} is not here")
        return numbers[name]


COVER = f"{MOUNT} tmpfs /run/apt2ostree 0\n"
SAVED = "/run/apt2ostree/owners.saved"


class FilesTest(AttackTest):
    """Paths that lead out."""

    @property
    def secret(self) -> Path:
        return self.canaries.tree / "secret"

    def test_a_symlink_that_fakeroot_takes_for_a_file(self) -> None:
        outcome = self.attack_of(
            f"ln -s {self.secret} /srv/leak; d=$(stat -c %D /srv/leak); i=$(stat -c %i /srv/leak)\n"
            f"(echo dev=$d,ino=$i,mode=100644,uid=0,gid=0,nlink=1,rdev=0 > {SAVED}) || :\n"
            f"{COVER}"
        )
        if not outcome.status:
            row = outcome.row("srv/leak") or []
            self.assertEqual(["symlink", str(self.secret)], [row[0], row[4]])

    def test_fakeroots_database_is_a_symlink(self) -> None:
        self.attack_of(f"ln -sf {self.secret} {SAVED} || :\n{COVER}")

    def test_fakeroots_database_is_a_fifo(self) -> None:
        self.attack_of(f"mkfifo {SAVED} || :\n{COVER}")

    def test_a_directory_that_becomes_a_symlink(self) -> None:
        """A shipped file has another owner now, and its directory leads out."""
        tree = self.canaries.tree
        deb = package(
            "tiny", debs.file("./usr/share/tiny/sub/file"), debs.file("./usr/share/tiny/file"),
            scripts={
                "postinst": "chown 7:8 /usr/share/tiny/file /usr/share/tiny/sub/file\n"
                f"mv /usr/share/tiny /srv; ln -s {tree} /usr/share/tiny"
            },
        )  # fmt: skip
        outcome = self.survived(self.attack(deb))
        self.assertEqual(["file", "0644", 7, 8], (outcome.row("srv/tiny/file") or [])[:4])
        self.assertEqual("symlink", (outcome.row("usr/share/tiny") or [""])[0])
        self.assertNotIn("usr/share/tiny", outcome.manifest.directories)

    def test_a_directory_that_becomes_a_symlink_to_another(self) -> None:
        deb = package(
            "tiny", debs.file("./usr/share/tiny/file"), debs.file("./usr/share/other/file", b"x"),
            scripts={
                "postinst": "chown 7:8 /usr/share/tiny/file /usr/share/other/file\n"
                "rm -r /usr/share/tiny; ln -s other /usr/share/tiny"
            },
        )  # fmt: skip
        outcome = self.survived(self.attack(deb))
        self.assertEqual(["file", "0644", 7, 8, 1], (outcome.row("usr/share/other/file") or [])[:5])
        self.assertEqual("symlink", (outcome.row("usr/share/tiny") or [""])[0])

    def test_a_false_diversion_through_two_symlinks(self) -> None:
        self.attack_of(
            "true",
            preinst=f"ln -s {self.canaries.tree} /bb; ln -s bb/sub /aa\n"
            "echo /aa/moved >> /var/lib/dpkg/info/tiny.list\n"
            "printf '/aa/moved\\n/aa/file\\ntiny\\n' >> /var/lib/dpkg/diversions",
        )

    def test_control_files_whose_directory_is_exchanged(self) -> None:
        """By a process that a preinst before has left behind."""
        exchange = (
            'cd /var/lib/dpkg; LD_PRELOAD= perl -e \'1 while -d "tmp.ci"; 1 until '
            f'rename("tmp.ci", "moved") and symlink("{self.canaries.tree}", "tmp.ci")\' '
            "> /dev/null 2>&1 < /dev/null &"
        )
        later = [
            package(
                f"later{number}",
                Pre_Depends="tiny",
                scripts={"preinst": "true", "templates": "#" * 10_000_000},
            )
            for number in range(2)
        ]
        self.attack(package(scripts={"preinst": exchange}), *later)

    def test_dpkgs_files_are_symlinks(self) -> None:
        for name in ("status", "diversions", "statoverride"):
            with self.subTest(name):
                self.setUp()
                self.attack_of(
                    "true", preinst=f"cd /var/lib/dpkg; rm -f {name}; ln -s {self.secret} {name}"
                )

    def replaced_dpkg(self, command: str) -> Outcome:
        """Configure a package that puts another dpkg in the place of the real one."""
        return self.attack_of(
            "true",
            preinst=f"printf '#!/bin/sh\\ncd /var/lib/dpkg; rm -f status; {command}\\n' "
            "> /usr/bin/dpkg",
        )

    def test_another_dpkg_leaves_a_symlink_for_its_status(self) -> None:
        outcome = self.replaced_dpkg(f"ln -s {self.secret} status")
        self.assertEqual(1, outcome.status)
        self.assertIn("/var/lib/dpkg/status: expected a file", outcome.said)

    def test_another_dpkg_leaves_a_fifo_for_its_status(self) -> None:
        outcome = self.replaced_dpkg("mkfifo status")
        self.assertEqual(1, outcome.status)
        self.assertIn("/var/lib/dpkg/status: expected a file", outcome.said)

    def test_the_policys_directory_leads_out(self) -> None:
        def lead_out(directory: Path) -> None:
            path = directory / "unpacked.json"
            image = json.loads(path.read_text(encoding="utf-8"))
            row = ["symlink", "0777", 0, 0, str(self.canaries.tree), "0" * 64]
            image["directories"].pop("usr/sbin")
            image["directories"]["usr"]["files"]["sbin"] = row
            path.write_text(json.dumps(image), encoding="utf-8")

        self.attack(package(), before=lead_out)

    def test_scratch_that_a_killed_action_has_left(self) -> None:
        def leave(directory: Path) -> None:
            scratch = directory / "image.manifest.json.scratch"
            (scratch / "upper/closed").mkdir(parents=True)
            (scratch / "upper/closed/link").symlink_to(self.canaries.tree)
            (scratch / "upper/closed/secret").symlink_to(self.secret)
            (scratch / "upper/closed").chmod(0)
            (scratch / "merged").symlink_to(self.canaries.tree)

        self.survived(self.attack(package(), before=leave))


class MachineTest(AttackTest):
    """What is the machine's and seen inside."""

    def test_device_nodes(self) -> None:
        if not self.canaries.devices:
            skip_aloud(self, "only root can make device nodes, outside user namespaces")
        self.attack_of(
            "set +e; for f in full null zero; do\n"
            "  chmod 0640 /dev/$f\n"
            f"  {MOUNT} none /dev/$f {READ_WRITE}; chmod 0600 /dev/$f\n"
            "  touch -d 2001-01-01 /dev/$f\n"
            f"  {UMOUNT} /dev/$f; chmod 0600 /dev/$f; rm -f /dev/$f\n"
            "done; exit 0"
        )

    def test_kernel_settings(self) -> None:
        outcome = self.attack_of(
            f"set +e; f={SETTING}; n=$(cat $f)\n"
            f"for i in 1 2 3; do echo $((n + 1)) > $f; {MOUNT} none /proc/sys {READ_WRITE}\n"
            f"  echo $((n + 1)) > $f; {UMOUNT} /proc/sys; done\n"
            f"{MOUNT} proc /srv 0; echo $((n + 1)) > /srv/${{f#/proc/}}; {UMOUNT} /srv; exit 0"
        )
        self.survived(outcome)

    def test_keys(self) -> None:
        if self.canaries.key <= 0:
            skip_aloud(self, "this machine allows no keys")
        outcome = self.survived(
            self.attack_of(
                'perl -e \'my $N = shift; my ($u, $d) = ("user", "canary");\n'
                "for my $k (syscall($N, 10, -3, $u, $d, 0), shift) {\n"
                '  my $b = "\\0" x 64; my $n = syscall($N, 11, $k + 0, $b, 64);\n'
                '  print "$k $n $b\\n"; my $v = "changed"; syscall($N, 2, $k + 0, $v, 7);\n'
                f"}}' {self.number('keyctl')} {self.canaries.key} > /srv/read; cat /srv/read\n"
                "cat /proc/keys > /srv/keys || :\n"
            )
        )
        self.assertNotIn(self.canaries.secret, outcome.text("srv/read"))
        self.assertEqual(0, (outcome.row("srv/keys") or [None] * 5)[4])

    def test_typing_on_the_callers_terminal(self) -> None:
        """Not to be had on any descriptor; else /dev/null would say that it is no terminal."""
        outcome = self.survived(
            self.attack_of(
                'perl -e \'for (0x5412, 0x541C, 0x5401) { my $c = "x" x 64; ioctl(STDIN, $_, $c);'
                ' print $! + 0, " " }\' < /dev/null > /srv/errors'
            )
        )
        self.assertEqual("1 1 25 ", outcome.text("srv/errors"))

    def test_process_1(self) -> None:
        outcome = self.survived(
            self.attack_of(
                "set +e; for f in mem environ maps fd/0 fd/1 fd/2 fd/3 fd/4 cwd/etc root/etc; do\n"
                "  [ -e /proc/1/$f/. ] && echo $f; cat /proc/1/$f > /tmp/x 2>&1 && echo $f\n"
                "done > /srv/seen; exit 0"
            )
        )
        self.assertEqual(0, (outcome.row("srv/seen") or [None] * 5)[4])

    def test_descriptors(self) -> None:
        """Of the action's caller, whatever their number."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        program = (
            "import os, resource, sys; n = int(sys.argv[1])\n"
            "resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))\n"
            "os.dup2(os.open(sys.argv[2], os.O_RDONLY), n - 1, True); os.execv(sys.argv[3], "
            "sys.argv[3:])"
        )
        number = str(min(limit, 70_000))
        first = [sys.executable, "-c", program, number, str(self.canaries.tree / "secret")]
        self.survived(
            self.attack(
                package(
                    scripts={
                        "postinst": "set +e; for f in /proc/self/fd/* /proc/1/fd/*; do\n"
                        "  case $(readlink $f) in */secret) cat < $f;; esac; done; exit 0"
                    }
                ),
                first=first,
            )
        )


class LimitsTest(AttackTest):
    """Limits that hold."""

    def test_who_writes_to_dpkgs_status_gains_no_time(self) -> None:
        outcome = self.attack_of(
            "while :; do for d in /proc/[0-9]*/fd/3 /proc/self/fd/3; do\n"
            "  (echo 'processing: configure: tiny' > $d) 2> /dev/null || :; done\n"
            "  (echo 'processing: configure: tiny' >&3) 2> /dev/null || :; sleep 0.2; done",
            {"time_limit": 3},
        )  # fmt: skip
        self.assertEqual(1, outcome.status)
        self.assertIn("the scripts of package tiny 1: no progress for", outcome.said)

    def test_all_places_are_counted_together(self) -> None:
        outcome = self.attack_of(
            "for d in /tmp /run /dev/shm /dev /srv; do\n"
            "  dd if=/dev/zero of=$d/big bs=1M count=30 status=none; done\n"
            f"sleep {SECONDS}",
            {"disk_limit": 100000000},
        )  # fmt: skip
        self.assertEqual(1, outcome.status)
        self.assertIn("bytes written, more than the limit of 100,000,000; stopped", outcome.said)

    def test_who_ends_before_anybody_looks_is_counted_too(self) -> None:
        outcome = self.attack_of(
            "dd if=/dev/zero of=/srv/big bs=1M count=60 status=none", {"disk_limit": 50000000}
        )
        self.assertEqual(1, outcome.status)
        self.assertIn("more than the limit of 50,000,000; stopped", outcome.said)

    def test_files_without_content_are_counted(self) -> None:
        outcome = self.attack_of(
            "perl -e 'mkdir \"/srv/$_\" for 1..10000'", {"disk_limit": 8000000}
        )
        self.assertEqual(1, outcome.status)
        self.assertIn("more than the limit of 8,000,000; stopped", outcome.said)

    def test_one_that_forks_without_end(self) -> None:
        outcome = self.attack_of("f() { while :; do f & done; }; f; sleep 1000", {"time_limit": 60})
        self.assertEqual(1, outcome.status)
        self.assertIn("package tiny 1: ", outcome.said)
        self.assertIn("processes, more than the limit of", outcome.said)

    def test_owners_and_attributes_of_many_files_with_few_descriptors(self) -> None:
        outcome = self.survived(
            self.attack(
                package(
                    scripts={
                        "postinst": "perl -e 'my ($c, $x, $n) = @ARGV; $n += 0;\n"
                        'my $v = pack("L", 2) . join "", map { pack("SSL", @$_) } [1, 7, -1],\n'
                        "  [4, 5, -1], [8, 5, 4], [16, 5, -1], [32, 0, -1];\n"
                        'for (1..$n) { my $p = "/srv/$_"; open(F, ">", $p); close(F);\n'
                        "  syscall($c + 0, $p, 33, 4) == 0 or die $!;\n"
                        '  my $a = "system.posix_acl_access";\n'
                        "  syscall($x + 0, $p, $a, $v, length $v, 0) == 0 or die $! }' "
                        f"{self.number('lchown')} {self.number('setxattr')} 5000"
                    }
                ),
                first=["sh", "-c", 'ulimit -n 1024; exec "$@"', "sh"],
            )
        )
        for number in (1, 2500, 5000):
            row = outcome.row(f"srv/{number}") or []
            self.assertEqual(["file", "0750", 33, 4], row[:4])
            self.assertIn("system.posix_acl_access", outcome.xattrs(f"srv/{number}"))


class NonsenseTest(AttackTest):
    """What no program means, which ends in words, or in what the kernel says to it."""

    def test_pointers(self) -> None:
        outcome = self.survived(
            self.attack_of(
                f"perl -e 'for (-1, 1, 1 << 62) {{ syscall({self.number('lchown')}, $_, 1, 1); "
                f'print $! + 0, "\\n"; my $p = "/srv"; my $a = "security.x"; '
                f"syscall({self.number('setxattr')}, $p, $a, $_, 8, 0); "
                'print $! + 0, "\\n" }\' > /srv/errors'
            )
        )
        self.assertEqual("14\n" * 6, outcome.text("srv/errors"))

    def test_users_of_any_size(self) -> None:
        self.survived(self.attack_of("export FAKEROOTFUID=9999999999; /bin/mkdir /srv/x"))
        self.setUp()
        self.attack_of("touch /srv/f; perl -e 'chown 4294967294, 4294967294, \"/srv/f\"'")

    def test_directories_without_end(self) -> None:
        outcome = self.attack_of(
            'cd /srv; perl -e \'for (1..3000) { mkdir "x"; chdir "x" } open F, ">", "f"\''
        )
        self.assertEqual(1, outcome.status)
        self.assertIn("a path of more than 4095 bytes", outcome.said)

    def test_names_and_targets_that_are_no_text(self) -> None:
        for command in (
            "ln -s $'\\xff' /srv/link",
            "ln -s $'a\\nb' /srv/link",
            "touch $'/srv/a\\nb'",
            "mkdir $'/srv/\\xff'",
            'perl -e \'my ($p, $a, $v) = ("/srv", "user.\\xff", "x"); '
            f"syscall({self.number('setxattr')}, $p, $a, $v, 1, 0)'",
            'perl -e \'my ($p, $a, $v) = ("/srv", "security.\\xff", "x"); '
            f"syscall({self.number('setxattr')}, $p, $a, $v, 1, 0)'",
        ):
            with self.subTest(command):
                self.setUp()
                self.attack_of(command)

    def test_a_script_that_kills_those_around_it(self) -> None:
        outcome = self.attack_of("kill -9 $PPID; sleep 1")
        self.assertEqual(1, outcome.status)
        self.assertIn("package tiny 1: dpkg was killed by signal 9", outcome.said)
        self.setUp()
        outcome = self.attack_of("kill -9 1 -1; sleep 1")
        self.assertEqual(1, outcome.status)


if __name__ == "__main__":
    unittest.main()
