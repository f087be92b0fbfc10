"""Machines that allow no sandbox: each failure really happens, and is told by its words."""

from __future__ import annotations

import platform
import shutil
import subprocess
import unittest
from pathlib import Path

from tests.configure.runner import ConfigureTest, environment_of_tools, package
from tests.support.judges import skip_aloud

NUMBERS = {
    "x86_64": {"mount": 165, "mount_setattr": 442, "unshare": 272},
    "aarch64": {"mount": 40, "mount_setattr": 442, "unshare": 97},
}
"""Machine → number of a system call."""

FILTER = """
import ctypes, struct
code = [(0x20, 0, 0, 0), (0x15, 0, 1, {number}), (0x06, 0, 0, 0x50000 | {error}),
        (0x06, 0, 0, 0x7FFF0000)]
code = b"".join(struct.pack("=HBBI", *one) for one in code)
code = ctypes.create_string_buffer(code)
libc = ctypes.CDLL(None, use_errno=True)
assert not libc.prctl(38, 1, 0, 0, 0)
assert not libc.prctl(22, 2, struct.pack("@HxxxxxxP", 4, ctypes.addressof(code)), 0, 0)
"""
"""Lets a system call of this process fail, as the filter of a container engine does."""

NO_OVERLAYFS = """
from apt2ostree.sandbox import linux
def mount(source, target, type_="", flags=0, data="", real=linux.mount):
    real(source, target, "no-such-file-system" if type_ == "overlay" else type_, flags, data)
linux.mount = mount
"""
"""The kernel's own answer for a file system that it does not have."""

LISTEN = """
from apt2ostree.sandbox import seccomp
listener = seccomp.install(seccomp.Machine(seccomp.machine().seccomp, ()))
"""

EPERM, EACCES, ENOSYS = 1, 13, 38
AS_ROOT = ("unshare", "--user", "--map-root-user", "--mount")


def shell(script: str) -> list[str]:
    """What lets a shell run some commands before the one that follows."""
    return ["sh", "-euc", f'{script}\nexec "$@"', "sh"]


class NamespacesTest(ConfigureTest):
    def said(self, *prefix: str, before: str = "", locally: bool = True) -> str:
        """What the action says when it is started in a certain way; it must fail.

        Args:
            *prefix: what it is started by.
            before: Python that runs before it in its process.
            locally: whether this machine might allow it outside of a sandbox.
        """
        command, directory, _ = self.command([package()], {})
        command[2] = before + command[2].replace("; ", "\n")
        result = subprocess.run(
            [*prefix, *command],
            env=environment_of_tools({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.assertEqual(1, result.returncode, result.stdout)
        self.assertTrue(result.stdout.startswith("error: "), result.stdout)
        self.assertFalse((directory / "image.commit").exists())
        self.assertEqual([], list(directory.glob("*.scratch")))
        for choice in (
            "change that, on the machine",
            "on a remote executor, with `--@apt2ostree//apt2ostree/settings:configure_remotely`",
            "`configure = False`",
        ):
            self.assertIn(choice, " ".join(result.stdout.split()))
        self.assertEqual("`--strategy=OstreeConfigure=local`" in result.stdout, locally)
        return " ".join(result.stdout.split())

    def forbid(self, call: str, error: int) -> str:
        """Python that lets a system call fail."""
        if platform.machine() not in NUMBERS:
            skip_aloud(self, f"the system calls of {platform.machine()} are not known to this test")
        return FILTER.format(number=NUMBERS[platform.machine()][call], error=error)

    def test_a_proc_of_another_pid_namespace(self) -> None:
        said = self.said("unshare", "--map-root-user", "--pid", "--fork")
        self.assertIn("needs the /proc of its own pid namespace, and this one is another's", said)
        self.assertRegex(said, r"/proc/self is \d+, the process 1\): whoever started it in a new")

    def test_no_user_namespaces_by_the_sysctl(self) -> None:
        forbidden = shell("echo 0 > /proc/sys/user/max_user_namespaces")
        said = self.said(*AS_ROOT, *forbidden, locally=False)
        self.assertIn("this machine allows none (unshare(2): No space left on device)", said)
        self.assertIn("sysctl user.max_user_namespaces is 0; it must be greater", said)

    def test_no_namespaces_of_another_kind(self) -> None:
        forbidden = shell("echo 0 > /proc/sys/user/max_net_namespaces")
        said = self.said(*AS_ROOT, *forbidden, locally=False)
        self.assertIn("sysctl user.max_net_namespaces is 0; it must be greater", said)

    def test_no_user_namespaces_by_a_limit_further_out(self) -> None:
        limited = (*AS_ROOT, *shell("echo 1 > /proc/sys/user/max_user_namespaces"))
        said = self.said(*limited, "unshare", "--user")
        self.assertIn("a limit of namespaces is reached", said)
        self.assertIn("or of one around it", said)

    def test_no_user_namespaces_by_bubblewrap(self) -> None:
        if not shutil.which("bwrap"):
            skip_aloud(self, "no bwrap here")
        bwrap = ("bwrap", "--dev-bind", "/", "/", "--unshare-user", "--disable-userns")
        self.assertIn("`bwrap --disable-userns`, must allow more", self.said(*bwrap))

    def test_no_unprivileged_user_namespaces_in_debian(self) -> None:
        self.sysctl("unprivileged_userns_clone", "0", "it must be 1")

    def test_no_unprivileged_user_namespaces_in_ubuntu(self) -> None:
        self.sysctl("apparmor_restrict_unprivileged_userns", "1", "(as in Ubuntu from 23.10 on)")

    def sysctl(self, name: str, value: str, expected: str) -> None:
        """Kernels that have these settings answer EPERM, and so does this one now."""
        script = f"mount -t tmpfs none /proc/sys/kernel; echo {value} > /proc/sys/kernel/{name}"
        forbidden = self.forbid("unshare", EPERM)
        said = self.said(*AS_ROOT, *shell(script), before=forbidden, locally=False)
        self.assertIn(f"sysctl kernel.{name} is {value}", said)
        self.assertIn(expected, said)

    def test_a_seccomp_filter_as_in_a_container(self) -> None:
        said = self.said(before=self.forbid("unshare", EPERM))
        self.assertIn("(unshare(2): Operation not permitted): a seccomp filter is in force", said)
        self.assertIn("`--security-opt seccomp=unconfined", said)

    def test_a_container_that_forbids_mounting(self) -> None:
        said = self.said(before=self.forbid("mount", EPERM))
        self.assertIn("(mount(2): Operation not permitted): a seccomp filter is in force", said)

    def test_a_security_module_that_forbids_mounting(self) -> None:
        profile = self.scratch / "profile"
        profile.write_text("docker-default (enforce)\n", encoding="ascii")
        status = self.scratch / "status"
        script = (
            f"grep -v ^Seccomp /proc/self/status > {status}\n"
            f"mount --bind {status} /proc/$$/status\n"
            f"mount --bind {profile} /proc/$$/attr/current"
        )
        said = self.said(*AS_ROOT, *shell(script), before=self.forbid("mount", EACCES))
        self.assertIn("the security profile 'docker-default (enforce)' is in force", said)
        self.assertIn("`--security-opt apparmor=unconfined`", said)

    def test_a_chroot(self) -> None:
        script = 'mkdir "$0"; mount --rbind / "$0"; exec chroot "$0" sh -c \'cd "$0"; exec "$@"\''
        script += ' "$PWD" "$@"'
        prefix = (*AS_ROOT, "sh", "-euc", script, str(self.scratch / "root"))
        self.assertIn("in a chroot", self.said(*prefix))

    def test_a_masked_proc_as_in_a_container(self) -> None:
        script = "mount -t tmpfs none /proc/scsi 2> /dev/null || mount -t tmpfs none /proc/sys"
        new = (*AS_ROOT, "--pid", "--fork", "--mount-proc")
        said = self.said(*new, *shell(script))
        self.assertIn("the kernel allows no new /proc here", said)
        self.assertIn("`--security-opt systempaths=unconfined` (Docker)", said)

    def test_no_overlayfs(self) -> None:
        said = self.said(before=NO_OVERLAYFS)
        self.assertIn(
            "the kernel mounts no overlayfs in a user namespace, neither on the disk", said
        )
        self.assertIn("nor in memory (No such device): it has none; load its module", said)
        self.assertIn("`modprobe overlay`", said)

    def test_a_kernel_that_makes_no_mount_read_only_for_others(self) -> None:
        said = self.said(before=self.forbid("mount_setattr", ENOSYS))
        self.assertIn("(mount_setattr(2): Function not implemented): this is Linux", said)
        self.assertIn("needed is 5.12 or newer", said)

    def test_somebody_else_listens_to_the_system_calls(self) -> None:
        said = self.said(*AS_ROOT, before=LISTEN)
        self.assertIn("listens already, and the kernel allows one only", said)
        self.assertIn("file capabilities and ACLs would be lost", said)

    def test_what_the_tests_do_is_what_makes_it_fail(self) -> None:
        command, directory, _ = self.command([package()], {})
        subprocess.run([*AS_ROOT, *command], env=environment_of_tools({}), check=True)
        self.assertTrue(Path(directory, "image.commit").exists())


if __name__ == "__main__":
    unittest.main()
