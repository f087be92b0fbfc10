"""What the sandbox's root is made of: an overlay, and what a system finds mounted.

The image is the lower directory of an overlayfs and stays as it is; what configuring
changes lands in the upper one. /proc is the sandbox's own, /dev has the usual devices of
the host, /run and /tmp are empty and thrown away. Sources: the kernel's overlayfs.rst
(`userxattr`, `volatile`), the Filesystem Hierarchy Standard, machine-id(5).
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from apt2ostree.configure import linux, memory, namespaces
from apt2ostree.errors import UserError

TOOLS = "run/apt2ostree"
"""Where the sandbox finds what configuring brings along."""
_ROOM = 1 << 30
"""Bytes for what scripts write, when everything is kept in memory."""
MOUNT_POINTS = ("dev", "proc", "run", "sys", "tmp")
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
    def binfmt_misc(self) -> Path:
        """Where the kernel is told what runs programs of other architectures."""
        return self.top / "binfmt_misc"

    def make(self, size: int) -> None:
        """Make the directories, in memory or on the disk.

        In memory, if there is plenty: nothing has to be written, and nothing deleted. Also where
        the file system at hand cannot hold an overlay's upper directory, being an overlay itself
        as in a container.

        Args:
            size: bytes of the image.

        Raises:
            UserError: neither can hold an overlay.
        """
        memory_size = memory.available()
        in_memory = size + _ROOM < memory_size // 4
        errors = {}
        for kind in ("memory", "disk") if in_memory else ("disk", "memory"):
            if kind == "memory":
                linux.mount("tmpfs", str(self.top), "tmpfs", data=f"mode=0700,size={memory_size}")
            error = self._try()
            if error is None:
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
        for path in (self.merged, self.binfmt_misc, self.top):
            with contextlib.suppress(OSError):  # not mounted
                linux.umount(str(path), linux.MNT_DETACH)

        def allow(function: object, path: str, error: object) -> None:
            # overlayfs makes work/work with mode 0.
            Path(path).chmod(0o700)
            shutil.rmtree(path, ignore_errors=True)

        shutil.rmtree(self.top, onerror=allow)

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
        f"this is Linux {platform.release()}; needed is 5.11 or newer with CONFIG_OVERLAY_FS, and "
        "ext4, XFS or btrfs where the action works, or 6.6 or newer with CONFIG_TMPFS_XATTR; and "
        "no seccomp filter or security module that forbids it"
    )


def enter(layout: Layout) -> None:
    """Make the overlay this process's root, with everything mounted that belongs in it.

    Args:
        layout: of the sandbox, its overlay mounted; the process is in a mount namespace of its
            own.
    """
    root = layout.merged
    _mount_proc(root / "proc")
    _make_dev(root / "dev")
    linux.mount("tmpfs", str(root / "run"), "tmpfs", linux.MS_NOSUID, "mode=0755")
    (root / "run/lock").mkdir(mode=0o1777)
    linux.mount("tmpfs", str(root / "tmp"), "tmpfs", linux.MS_NOSUID, "mode=1777")
    (root / TOOLS).mkdir()
    linux.mount(str(layout.tools), str(root / TOOLS), flags=linux.MS_BIND)
    os.chdir(root)
    linux.pivot_root(".", ".")
    linux.umount(".", linux.MNT_DETACH)
    os.chdir("/")


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


def _make_dev(path: Path) -> None:
    linux.mount("tmpfs", str(path), "tmpfs", linux.MS_NOSUID, "mode=0755")
    for name in _DEVICES:
        if Path("/dev", name).exists():
            (path / name).touch()
            linux.mount(f"/dev/{name}", str(path / name), flags=linux.MS_BIND)
    for name, target in _DEV_LINKS.items():
        (path / name).symlink_to(target)
    (path / "shm").mkdir(mode=0o1777)
    (path / "pts").mkdir()
    flags = linux.MS_NOSUID | linux.MS_NOEXEC
    linux.mount("devpts", str(path / "pts"), "devpts", flags, "newinstance,ptmxmode=0666,mode=620")
