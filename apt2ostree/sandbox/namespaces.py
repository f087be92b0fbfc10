"""Namespaces of our own: root without privileges, no network, no other processes.

A user namespace with one uid mapped gives the process all capabilities over what it makes
itself. Programs of an image get another one within it, so that what was mounted for them stays
as it is: they can neither unmount it nor make it writable. Everything that a host may have set
up against this has its own error. Sources: user_namespaces(7), pid_namespaces(7),
mount_namespaces(7).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.sandbox import linux

HOSTNAME = "localhost"
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1
_IFREQ = struct.Struct("16sh22x")

_OUTER = (
    linux.CLONE_NEWUSER
    | linux.CLONE_NEWNS
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWNET
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUTS
)
"""The last three are made anew within; where one is forbidden, it is said here which."""
_INNER = (
    linux.CLONE_NEWUSER
    | linux.CLONE_NEWNS
    | linux.CLONE_NEWNET
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUTS
)
_KINDS = ("user", "mnt", "pid", "net", "ipc", "uts")

CHANGE_IT = """\
What can be done:
  - change that, on the machine that runs the action;
"""
ELSEWHERE = """\
  - run the action where it is allowed, on a remote executor, with
    `--@apt2ostree//apt2ostree/settings:configure_remotely`;
  - build the image with `configure = False` and configure it on the device."""
LOCALLY = """\
  - run the action on this machine outside of what confines it: `--strategy=OstreeConfigure=local`;
"""
CHOICES = CHANGE_IT + LOCALLY + ELSEWHERE
CHOICES_BESIDES_THE_MACHINE = CHANGE_IT + ELSEWHERE
"""What a setting of the whole machine forbids is forbidden outside of a sandbox too."""


def enter() -> None:
    """Move this process into new namespaces, as uid 0 of its own user namespace.

    The pid namespace is for the children: the first one is its process 1.

    Raises:
        UserError: the machine does not allow it; the message says which setting forbids it.
    """
    _check_proc()
    with _explained() as doing:
        _unshare(_OUTER, doing)
        doing[:] = ["mount(2)"]
        linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)


def enter_inner() -> None:
    """Move this process into those for an image's programs; what is mounted stays as it is.

    Raises:
        UserError: as `enter`.
    """
    with _explained() as doing:
        _unshare(_INNER, doing)
        doing[:] = ["setting up the network"]
        socket.sethostname(HOSTNAME)
        _set_loopback_up()


def _unshare(flags: int, doing: list[str]) -> None:
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(flags)
    doing[:] = ["writing /proc/self/uid_map"]
    # A group may be mapped only by somebody who can drop no supplementary group.
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="ascii")


@contextlib.contextmanager
def _explained() -> Iterator[list[str]]:
    """Say of an error of the block what forbids it; the block notes what it is doing."""
    doing = ["unshare(2)"]
    try:
        yield doing
    except OSError as error:
        reason = _reason(error)
        choices = CHOICES_BESIDES_THE_MACHINE if reason.startswith("sysctl ") else CHOICES
        raise UserError(
            "configuring an image needs user namespaces, and this machine allows none "
            f"({doing[0]}: {error.strerror}): {reason}.\n{choices}"
        ) from error


def _check_proc() -> None:
    """See that /proc speaks of the same process ids as the kernel does to us.

    Else what scripts do would be looked up in the directories of strangers.
    """
    try:
        seen = str(Path("/proc/self").readlink())
    except OSError as error:
        seen = error.strerror or "missing"
    if seen != str(os.getpid()):
        raise UserError(
            "configuring an image needs the /proc of its own pid namespace, and this one is "
            f"another's (/proc/self is {seen}, the process {os.getpid()}): whoever started it in "
            f"a new pid namespace has to mount a new /proc there.\n{CHOICES}"
        )


def _set_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, _IFREQ.pack(b"lo", _IFF_UP))


def _reason(error: OSError) -> str:
    """The setting that forbids it."""
    for kind in _KINDS:
        if _sysctl(f"user/max_{kind}_namespaces") == "0":
            return f"sysctl user.max_{kind}_namespaces is 0; it must be greater"
    if error.errno == errno.ENOSPC:
        return (
            "a limit of namespaces is reached, sysctl user.max_user_namespaces or its like for "
            "mnt, pid, net, ipc and uts, of this user namespace or of one around it: what made "
            "that one, a container engine or `bwrap --disable-userns`, must allow more"
        )
    if _sysctl("kernel/unprivileged_userns_clone") == "0":
        return "sysctl kernel.unprivileged_userns_clone is 0; it must be 1"
    if _sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "sysctl kernel.apparmor_restrict_unprivileged_userns is 1 (as in Ubuntu from 23.10 "
            "on); it must be 0, or an AppArmor profile must allow it to Python"
        )
    if _status().get("Seccomp", "0") != "0":
        return (
            "a seccomp filter is in force, as in a container; start it with `--security-opt "
            "seccomp=unconfined --security-opt systempaths=unconfined`, or what your container "
            "engine calls them"
        )
    profile = _profile()
    if profile:
        return (
            f"the security profile {profile!r} is in force, as in a container; start it with "
            "`--security-opt apparmor=unconfined`, or `label=disable` where it is SELinux"
        )
    if error.errno == errno.EPERM and _in_chroot():
        return "this process is in a chroot, where the kernel allows no user namespace"
    return (
        "neither a sysctl nor a seccomp filter is to blame; the process may be in a chroot, or a "
        "security module (SELinux: boolean user_namespace) may forbid it"
    )


def _sysctl(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _status() -> dict[str, str]:
    """/proc/self/status as a dict."""
    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}


def _profile() -> str:
    """What AppArmor or SELinux confines this process to; empty if nothing."""
    try:
        text = Path("/proc/self/attr/current").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    profile = text.strip(" \n\0")
    return "" if profile == "unconfined" or ":unconfined_t:" in profile else profile


def _in_chroot() -> bool:
    """Whether our root is seen to be another one than process 1's, or no mount at all."""
    try:
        if Path("/proc/1/root/").stat().st_ino != Path("/").stat().st_ino:
            return True
    except OSError:
        pass  # it is somebody else's
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return all(line.split(" ")[4] != "/" for line in mounts.splitlines())
