"""What the sandbox's root is made of: an overlay, and what a system finds mounted.

The image is the lower directory of an overlayfs and stays as it is; what programs change
lands in the upper one. /proc is the sandbox's own, /dev has the usual devices of the host, /run
and /tmp are empty and thrown away. What is the machine's, the devices and all of /proc but the
processes, cannot be changed through these mounts, not even where the machine's root would be
allowed to. Sources: the kernel's overlayfs.rst (`userxattr`, `volatile`), the Filesystem Hierarchy
Standard, mount_setattr(2), proc(5).
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import stat
from dataclasses import dataclass
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.sandbox import linux, memory, namespaces, tree
from apt2ostree.sandbox.tree import Tree

TOOLS = "run/apt2ostree"
"""Where the sandbox finds what configuring brings along."""
_ROOM = 1 << 30
"""Bytes for what scripts write, when everything is kept in memory."""
MOUNT_POINTS = ("dev", "proc", "run", "sys", "tmp")
_VOLATILE = {"dev": 0o755, "run": 0o755, "shm": 0o1777, "tmp": 0o1777}
"""What is thrown away, and modes."""
_SLACK = 64 << 20
"""Bytes that there is more room for than may be written, so that it is seen who writes more."""
_TELLING = ("key-users", "keys")
"""Of /proc: names of keys that are the caller's."""
_DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
_DEV_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}


@dataclass(frozen=True)
class Layout:
    """The directories of a sandbox, all below one that is only ours.

    Attributes:
        top: the one above.
    """

    top: Path

    @property
    def lower(self) -> Path:
        """The image."""
        return self.top / "lower"

    @property
    def upper(self) -> Path:
        """What differs from it."""
        return self.top / "upper"

    @property
    def merged(self) -> Path:
        """Both, as the sandbox sees them."""
        return self.top / "merged"

    @property
    def tools(self) -> Path:
        """What the sandbox sees as `/run/apt2ostree`."""
        return self.top / "tools"

    @property
    def volatile(self) -> Path:
        """What is mounted over the image and thrown away."""
        return self.top / "volatile"

    @property
    def binfmt_misc(self) -> Path:
        """Where the kernel is told what runs programs of other architectures."""
        return self.top / "binfmt_misc"

    def make(self, size: int, writable: int) -> None:
        """Make the directories, in memory or on the disk.

        In memory, if there is plenty: nothing has to be written, and nothing deleted. Also where
        the file system at hand cannot hold an overlay's upper directory, being an overlay itself
        as in a container.

        What a run before has left in their place, having been killed, is removed.

        Args:
            size: bytes of the image.
            writable: bytes that may be written besides.

        Raises:
            UserError: neither can hold an overlay.
        """
        if os.path.lexists(self.top):
            tree.remove(self.top)
        self.top.mkdir(mode=0o700)
        memory_size = memory.available()
        in_memory = size + _ROOM < memory_size // 4
        errors = {}
        for kind in ("memory", "disk") if in_memory else ("disk", "memory"):
            if kind == "memory":
                linux.mount("tmpfs", str(self.top), "tmpfs", data=f"mode=0700,size={memory_size}")
            error = self._try()
            if error is None:
                self._mount_volatile(writable)
                return
            errors[kind] = error
            if kind == "memory":
                linux.umount(str(self.top))
        raise UserError(
            "the kernel mounts no overlayfs in a user namespace, neither on the disk "
            f"({self.top}: {errors['disk'].strerror}) nor in memory ({errors['memory'].strerror}): "
            f"{_reason(errors['memory'])}.\n{namespaces.CHOICES}"
        )

    def remove(self) -> None:
        """Unmount and remove everything."""
        for path in (self.merged, self.volatile, self.binfmt_misc, self.top):
            with contextlib.suppress(OSError):  # not mounted
                linux.umount(str(path), linux.MNT_DETACH)
        with contextlib.suppress(FileNotFoundError):
            tree.remove(self.top)

    def _mount_volatile(self, writable: int) -> None:
        self.volatile.mkdir()
        options = f"mode=0755,size={writable + _SLACK}"
        linux.mount("tmpfs", str(self.volatile), "tmpfs", linux.MS_NOSUID, options)
        for name, mode in _VOLATILE.items():
            (self.volatile / name).mkdir()
            (self.volatile / name).chmod(mode)
        (self.volatile / "run/lock").mkdir()
        (self.volatile / "run/lock").chmod(0o1777)

    def _try(self) -> OSError | None:
        """Make the directories, and see that they can be an overlay that holds attributes."""
        for path in (self.lower, self.upper, self.merged, self.tools, self.top / "work"):
            path.mkdir(mode=0o755, exist_ok=True)
        try:
            os.setxattr(self.upper, "user.overlay.apt2ostree", b"")
            os.removexattr(self.upper, "user.overlay.apt2ostree")
            self.mount("")
            linux.umount(str(self.merged))
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.ENODEV):
                return error
            raise
        return None

    def mount(self, options: str = "volatile,") -> None:
        """Mount the overlay.

        Args:
            options: `volatile`: no fsync(2) reaches the disk, since what a crash leaves is
                thrown away anyway; such an overlay can be mounted only once.

        Raises:
            OSError: the file system of `top` cannot hold it.
        """
        # Relative names: a `:` or `,` in a path would have to be escaped.
        before = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.chdir(self.top)
            linux.mount(
                "overlay",
                "merged",
                "overlay",
                data=f"userxattr,{options}lowerdir=lower,upperdir=upper,workdir=work",
            )
        finally:
            os.fchdir(before)
            os.close(before)


def _reason(error: OSError) -> str:
    """Why there is no overlayfs, not even in memory."""
    if error.errno == errno.ENODEV:
        return "it has none; load its module, `modprobe overlay`"
    return (
        f"this is Linux {platform.release()}; needed is 5.12 or newer with CONFIG_OVERLAY_FS, and "
        "ext4, XFS or btrfs where the action works, or 6.6 or newer with CONFIG_TMPFS_XATTR; and "
        "no seccomp filter or security module that forbids it"
    )


def enter(layout: Layout) -> None:
    """Make the overlay this process's root, with everything mounted that belongs in it.

    Args:
        layout: of the sandbox, its overlay mounted; the process is in a mount namespace of its
            own.
    """
    with Tree(layout.merged) as merged:
        dev, proc, run, tmp = (Path(merged.place(name)) for name in ("dev", "proc", "run", "tmp"))
    _make_dev(dev, layout.volatile)
    _mount_proc(proc)
    _bind(layout.volatile / "run", run)
    _bind(layout.volatile / "tmp", tmp)
    tools = run / Path(TOOLS).name
    tools.mkdir()
    _bind(layout.tools, tools)
    _make_read_only(str(tools))
    _protect_proc(proc, dev / "null")
    os.chdir(layout.merged)
    linux.pivot_root(".", ".")
    linux.umount(".", linux.MNT_DETACH)
    os.chdir("/")


def _bind(source: Path, target: Path) -> None:
    linux.mount(str(source), str(target), flags=linux.MS_BIND)


def _make_read_only(path: str) -> None:
    try:
        linux.set_read_only(path)
    except OSError as error:
        raise UserError(
            "the kernel does not make read-only what is the machine's (mount_setattr(2): "
            f"{error.strerror}): this is Linux {platform.release()}; needed is 5.12 or newer, and "
            f"no seccomp filter that forbids it.\n{namespaces.CHOICES}"
        ) from error


def _protect_proc(proc: Path, null: Path) -> None:
    """Let nobody write to what is not a process's, which the machine's root may otherwise."""
    with os.scandir(proc) as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            if entry.name in _TELLING:
                _bind(null, proc / entry.name)
            elif entry.name.isdigit() or stat.S_ISLNK(status.st_mode):
                continue
            elif stat.S_ISDIR(status.st_mode) or status.st_mode & 0o222:
                _bind(proc / entry.name, proc / entry.name)
            else:
                continue
            _make_read_only(str(proc / entry.name))


def _mount_proc(path: Path) -> None:
    try:
        flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
        linux.mount("proc", str(path), "proc", flags)
    except PermissionError as error:
        raise UserError(
            "the kernel allows no new /proc here, because parts of the present one are masked, "
            "as in a container: start it with `--security-opt systempaths=unconfined` (Docker), "
            "`--security-opt unmask=ALL` (Podman), or `procMount: Unmasked` (Kubernetes)."
            f"\n{namespaces.CHOICES}"
        ) from error


def _make_dev(path: Path, volatile: Path) -> None:
    _bind(volatile / "dev", path)
    for name in _DEVICES:
        if Path("/dev", name).exists():
            (path / name).touch()
            _bind(Path("/dev", name), path / name)
            _make_read_only(str(path / name))
    for name, target in _DEV_LINKS.items():
        (path / name).symlink_to(target)
    (path / "shm").mkdir()
    _bind(volatile / "shm", path / "shm")
    (path / "pts").mkdir()
    flags = linux.MS_NOSUID | linux.MS_NOEXEC
    linux.mount("devpts", str(path / "pts"), "devpts", flags, "newinstance,ptmxmode=0666,mode=620")
