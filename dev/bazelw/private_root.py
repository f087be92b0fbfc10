"""Making a private Debian system with Bazel in it, once, with mmdebstrap(1)."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.bazelw.apt_sources import DEBIAN_ARCHIVE, apt_sources, debian_mirror, transport_options
from dev.bazelw.host import BazelwError, locked, remove, say, user_name
from dev.bazelw.sandbox import HOST_FILES, bwrap_command, host_directories, inner_environment

ROOT_NAMESPACES = ("unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child")
"""For root mmdebstrap mounts in the host's own namespace: in this one, all that it has mounted and
started is gone with its parent, however that ends."""

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
UNUSED_ROOT_SECONDS = 7 * 24 * 3600
ROOT_BYTES = 3 * 1024**3


@dataclass(frozen=True)
class RootSpec:
    """What a private Debian system is made of. Another spec is another root."""

    suite: str
    packages: tuple[str, ...]
    revision: int = 1
    """To be raised when what `settle_root` does to a root changes."""
    smoke_test: tuple[str, ...] = ("bazel", "--version")
    """A command that must succeed in a root before it is put to use."""

    @property
    def name(self) -> str:
        """The root's directory name, which changes with every change of the spec."""
        return "root-" + hashlib.sha256(repr(self).encode()).hexdigest()[:12]


ROOT = RootSpec(
    suite="forky",
    packages=(
        "apt-utils",
        "bazel-bootstrap",
        "bubblewrap",
        "buildbox",
        "ca-certificates",
        "chromium-headless-shell",
        "debootstrap",
        "debsecan",
        "dpkg-dev",
        "fakeroot",
        "faketime",
        "git",
        "gnupg",
        "gpgv",
        "libconfig-auto-perl",
        "liblocale-gettext-perl",
        "libparse-debian-packages-perl",
        "mmdebstrap",
        "mount",
        "nginx-light",
        "ninja-build",
        "ostree",
        "postgresql",
        "python3",
        "python3-cyclonedx-lib",
        "python3-hypothesis",
        "python3-jsonschema",
        "python3-packageurl",
        "python3-pip",
        "python3-spdx-tools",
        "skopeo",
        "umoci",
        "xz-utils",
        "zstd",
    ),
)


def private_root(cache: Path, spec: RootSpec, environment: Mapping[str, str]) -> Path:
    """The root of spec under cache, made now if there is none.

    A root appears under its name only when it is whole. Whoever makes it holds the lock, and so
    does mmdebstrap, should its maker be killed.

    Raises:
        BazelwError: It cannot be made; says what to do.
    """
    root = cache / spec.name
    if not root.is_dir():
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BazelwError(
                f"cannot make {cache}: {error.strerror}; set APT2OSTREE_CACHE"
            ) from None
        with locked(cache / "lock") as lock:
            if not root.is_dir():
                remove(*cache.glob("root.tmp*"))
                _make_root(root, spec, environment, lock)
                unused = time.time() - UNUSED_ROOT_SECONDS
                remove(*(old for old in cache.glob("root-*") if old.stat().st_mtime < unused))
    os.utime(root)
    return root


def _make_root(root: Path, spec: RootSpec, environment: Mapping[str, str], lock: int) -> None:
    is_root = os.geteuid() == 0
    install_tools(is_root)
    if shutil.disk_usage(root.parent).free < ROOT_BYTES:
        raise BazelwError(
            f"a private root needs 3 GB in {root.parent}, which has less; "
            "free some, or set APT2OSTREE_CACHE to a directory on another disk"
        )
    mirror = (
        environment.get("APT2OSTREE_MIRROR")
        or debian_mirror(apt_sources(Path("/etc/apt")))
        or DEBIAN_ARCHIVE
    )
    say(
        f"making a Debian {spec.suite} with Bazel in {root} from {mirror}, once: about "
        f"{'a minute and a half' if is_root else 'three minutes'} and 2.4 GB"
    )
    started = time.monotonic()
    temporary = root.parent / "root.tmp"
    try:
        run_mmdebstrap(spec, mirror, temporary, is_root, lock)
        settle_root(temporary)
        enter = bwrap_command(temporary, host_directories(), [], {}, None)
        inner = inner_environment(environment, user_name())
        if subprocess.call([*enter, *spec.smoke_test], env=inner, stdout=subprocess.DEVNULL):
            raise BazelwError(
                f"`{shlex.join(spec.smoke_test)}` fails in the new root (see above). If bwrap says "
                "that it may not make a namespace, this machine or its container forbids it"
            )
        temporary.rename(root)
    except BaseException:
        remove(temporary)
        raise
    say(f"made in {time.monotonic() - started:.0f} seconds")


def install_tools(is_root: bool) -> None:
    """Install mmdebstrap and bubblewrap, or say what to ask the administrator for.

    Raises:
        BazelwError: They are missing and cannot be installed.
    """
    wanted = {
        "mmdebstrap": shutil.which("mmdebstrap"),
        "bubblewrap": shutil.which("bwrap"),
        "debian-archive-keyring": KEYRING.exists(),
    }
    if not is_root:
        wanted["uidmap"] = shutil.which("newuidmap")
    missing = [package for package, there in wanted.items() if not there]
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if not is_root or not shutil.which("apt-get"):
        raise BazelwError(
            "no usable Bazel here, and making a private one needs packages that only root can "
            f"install. Ask your administrator for: {shlex.join(command)}"
        )
    say(f"installing {', '.join(missing)} with apt-get")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "-qq", "update"], command):
        if subprocess.call(step, env=quiet, stdin=subprocess.DEVNULL, stdout=sys.stderr):
            raise BazelwError(f"`{shlex.join(step)}` failed (see above)")


def mmdebstrap_command(
    spec: RootSpec, mirror: str, target: str, is_root: bool, options: Sequence[str]
) -> list[str]:
    """The mmdebstrap(1) command that makes spec in target, with further options for apt.conf(5).

    For an ordinary user it makes a tar instead, without device nodes.
    """
    return [
        *(ROOT_NAMESPACES if is_root else ()),
        "mmdebstrap",
        "--variant=minbase",
        f"--mode={'root' if is_root else 'unshare'}",
        f"--keyring={KEYRING}",
        # A mirror of testing can be older than its Valid-Until; the signature is still checked.
        '--aptopt=Acquire::Check-Valid-Until "false";',
        # As root apt would download as _apt, who may not enter a home directory, and warn of it.
        '--aptopt=APT::Sandbox::User "root";',
        *(f"--aptopt={option}" for option in options),
        f"--include={','.join(spec.packages)}",
        *(() if is_root else ("--skip=output/dev", "--format=tar")),
        spec.suite,
        target,
        mirror,
    ]


def run_mmdebstrap(spec: RootSpec, mirror: str, target: Path, is_root: bool, lock: int) -> None:
    """Run mmdebstrap into the new directory target.

    An ordinary user cannot own its files by the users that they belong to, so they are unpacked
    from a tar as the user's own.

    Raises:
        BazelwError: It failed.
    """
    mirror_hint = "set APT2OSTREE_MIRROR to a Debian mirror that has this suite"
    options = transport_options(_output(["apt-config", "dump"]))
    command = mmdebstrap_command(spec, mirror, str(target) if is_root else "-", is_root, options)
    target.mkdir()
    with contextlib.ExitStack() as stack:
        if is_root:
            processes = [start(stack, command, lock, stdout=sys.stderr.fileno())]
        else:
            maker = start(stack, command, lock, stdout=subprocess.PIPE)
            assert maker.stdout
            tar = ["tar", "-x", "--no-same-owner", "-C", str(target)]
            processes = [maker, start(stack, tar, lock, stdin=maker.stdout.fileno())]
            maker.stdout.close()
        codes = [process.wait() for process in processes]
        if any(codes):
            hint = mirror_hint if is_root else f"{mirror_hint}; see also /etc/subuid, subuid(5)"
            raise BazelwError(f"mmdebstrap failed (see above). If it is the mirror, {hint}")


def start(
    stack: contextlib.ExitStack,
    command: Sequence[str],
    lock: int,
    stdin: int = subprocess.DEVNULL,
    stdout: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that holds the lock, and is ended with the stack."""
    process = subprocess.Popen(
        command, stdin=stdin, stdout=stdout, pass_fds=[lock], start_new_session=True
    )
    stack.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it started, lest they write on while their work is removed."""
    # mmdebstrap cleans up after a signal as from a terminal, to its whole process group. In
    # namespaces of root's it need not, and does not heed it either.
    is_root = os.geteuid() == 0
    for number in (signal.SIGKILL,) if is_root else (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)


def settle_root(root: Path) -> None:
    """Make the places in a new root where the host's files are bound, and wire up our bazelrc."""
    for name in HOST_FILES:
        place = root / name[1:]
        place.unlink(missing_ok=True)  # It may be a link to a place that is not there.
        place.touch()
    # The tar of an ordinary user has no /dev.
    for name in ("dev", "etc/ssl/certs", "etc/bazelw"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "etc/bazelw/bazelrc").touch()
    bazelrc = root / "etc/bazel/bazelrc"
    if bazelrc.exists():
        # The option does nothing any more but print a warning with every command.
        kept = [line for line in bazelrc.read_text().splitlines() if "--host_javabase" not in line]
        bazelrc.write_text("\n".join([*kept, "import /etc/bazelw/bazelrc", ""]))


def _output(command: Sequence[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
