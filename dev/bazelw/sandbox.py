"""Entering a private root with bubblewrap, bwrap(1)."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from dev.bazelw.configuration import configuration, write_configuration
from dev.bazelw.host import user_name
from dev.bazelw.own_bazel import find_workspace

SYSTEM_DIRECTORIES = {"bin", "boot", "lib", "lib32", "lib64", "libx32", "sbin", "usr"} | {
    "dev",
    "etc",
    "lost+found",
    "proc",
    "run",
    "sys",
    "var",
}
"""Top-level directories that a private root has of its own, or that are bound specially."""
HOST_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf")
"""Files that a private root takes from the host: where names are resolved and packages found."""

HOST_CERTIFICATES = "/etc/ssl/certs"
"""The directory of trusted certificates that a private root takes from the host."""
HOST_ONLY_VARIABLES = {
    "JAVA_HOME",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "PERL5LIB",
    "PYTHONHOME",
    "PYTHONPATH",
}
"""Variables that name programs and libraries of the host, which a private root has not."""
INNER_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def host_directories() -> list[Path]:
    """The host's top-level directories that are not the system's own."""
    return sorted(
        entry
        for entry in Path("/").iterdir()
        if entry.name not in SYSTEM_DIRECTORIES and entry.is_dir()
    )


def needed_directories(environment: Mapping[str, str], *paths: Path | None) -> list[Path]:
    """Which of paths and of the directories that variables name lie in a system directory."""
    named = [environment.get(name, "") for name in ("HOME", "TMPDIR", "XDG_RUNTIME_DIR")]
    candidates = {
        Path(path) for path in [*paths, *named, "/var/tmp"] if path and Path(path).is_dir()
    }
    return sorted(path for path in candidates if path.parts[1:2] and _is_system(path))


def _is_system(path: Path) -> bool:
    return path.is_absolute() and path.parts[1] in SYSTEM_DIRECTORIES


def bwrap_command(
    root: Path,
    directories: Sequence[Path],
    extra: Sequence[Path],
    data: Mapping[str, Path],
    info_fd: int | None,
) -> list[str]:
    """The bwrap(1) command, all but what to run, that enters root.

    Args:
        root: The private root, seen read-only.
        directories: The host's top-level directories to bind.
        extra: Further directories of the host to bind.
        data: From a path in the root to the host's file or directory to show there read-only.
        info_fd: Where bwrap shall write the process id of what it runs.

    /proc is bound, not mounted: bwrap masks parts of its own, and then Bazel's linux-sandbox
    may not mount one. No pid namespace, so that the Bazel server lives on between calls.
    """
    command = ["bwrap", "--ro-bind", str(root), "/"]
    command += ["--dev-bind", "/dev", "/dev", "--dev-bind", "/proc", "/proc"]
    command += ["--bind", "/sys", "/sys", "--tmpfs", "/run"]
    for directory in directories:
        (root / directory.name).mkdir(exist_ok=True)
        command += ["--bind", str(directory), str(directory)]
    for directory in extra:
        if not directory.is_relative_to("/run"):
            (root / str(directory)[1:]).mkdir(parents=True, exist_ok=True)
        command += ["--bind", str(directory), str(directory)]
    for name in (*HOST_FILES, HOST_CERTIFICATES):
        command += ["--ro-bind-try", name, name]
    for inner, outer in data.items():
        command += ["--ro-bind", str(outer), inner]
    if info_fd is not None:
        command += ["--info-fd", str(info_fd)]
    return command


def inner_environment(environment: Mapping[str, str], user: str) -> dict[str, str]:
    """The host's environment as it shall be in a private root."""
    inner = {k: v for k, v in environment.items() if k not in HOST_ONLY_VARIABLES}
    return {**inner, "PATH": INNER_PATH, "USER": user, "LOGNAME": user}


def user_database(root: Path, cache: Path, home: str) -> dict[str, Path]:
    """/etc/passwd and /etc/group for a root, with the present user in them."""
    uid, gid = os.getuid(), os.getgid()
    lines = {
        "passwd": (uid, f"{user_name()}:x:{uid}:{gid}::{home}:/bin/sh\n"),
        "group": (gid, f"{user_name()}:x:{gid}:\n"),
    }
    found = {}
    for name, (number, line) in lines.items():
        text = (root / "etc" / name).read_text()
        if not re.search(rf"^[^:]*:[^:]*:{number}:", text, re.MULTILINE):
            directory = write_configuration(cache, {name: (text + line).encode()})
            found[f"/etc/{name}"] = directory / name
    return found


def enter(root: Path, cache: Path, environment: Mapping[str, str], command: Sequence[str]) -> int:
    """Run a command in a private root, in the current directory; returns its exit code."""
    certificates = b""
    with contextlib.suppress(OSError):
        certificates = Path(HOST_CERTIFICATES, "ca-certificates.crt").read_bytes()
    data = {"/etc/bazelw": write_configuration(cache, configuration(cache, certificates))}
    data.update(user_database(root, cache, environment["HOME"]))
    cwd = Path.cwd()
    extra = needed_directories(environment, find_workspace(cwd), cwd, cache)
    read_end, write_end = os.pipe()
    bwrap = bwrap_command(root, host_directories(), extra, data, write_end)
    inner = inner_environment(environment, user_name())
    # bwrap runs with these ignored, see run_forwarding(); what it runs must not inherit that.
    heed_signals = ["/usr/bin/env", "--default-signal=INT,TERM"]
    full_command = [*bwrap, "--chdir", str(cwd), *heed_signals, *command]
    return run_forwarding(full_command, inner, read_end, write_end)


def run_forwarding(
    command: Sequence[str], environment: Mapping[str, str], read_end: int, write_end: int
) -> int:
    """Run a bwrap command and pass on to what it runs the signals that this process gets.

    bwrap itself would die of them and leave the command behind. A terminal's Ctrl-C reaches the
    command without help, and twice would mean something else to Bazel.
    """
    watched = {signal.SIGINT, signal.SIGTERM, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)

    def ignore_signals() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    process = subprocess.Popen(
        command, env=environment, pass_fds=[write_end], preexec_fn=ignore_signals
    )
    os.close(write_end)
    with os.fdopen(read_end) as info:
        text = info.read()
    child = json.loads(text)["child-pid"] if text else process.pid
    while process.poll() is None:
        received = signal.sigwaitinfo(watched)
        from_terminal = received.si_code > 0  # SI_KERNEL; SI_USER and its like are not positive.
        if received.si_signo != signal.SIGCHLD and not from_terminal:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, received.si_signo)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode
