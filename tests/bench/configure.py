"""Benchmark: configuring an image, beside root's plain `dpkg --configure -a`, in one run.

    bazel run //tests/bench:configure            # as root; examples/nginx
    bazel run //tests/bench:configure_system     # 186 packages, with systemd and man-db

Ours is the whole action: the image is written out from its objects, configured without
privileges, and what has changed becomes objects and a commit. Theirs is real root in a copy of
the same image, with the same preinst scripts before: without making the copy and keeping the
result, and with both. The runs alternate; medians are printed, with ratios.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from apt2ostree import errors
from apt2ostree.configure import epoch, scripts
from apt2ostree.errors import UserError
from apt2ostree.image import built_image
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ship import checkout
from tests.bench.core import Contender, measure, quiet, table
from tests.support import requests
from tests.support.actions import configure_request
from tools import configure

ENTER = """
mount --make-rprivate /
cd "$1"
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
exec chroot . /bin/sh -ec "$2"
"""
NAMESPACES = ("unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork")


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; see --help."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="runs of each (default: 5)")
    parser.add_argument("--unpacked", type=Path, required=True, help="an ostree_image")
    parser.add_argument("--configured", type=Path, required=True, help="the same, configured")
    parser.add_argument("--cleanup", type=Path, required=True, help="list of what not to keep")
    options = parser.parse_args(arguments)
    if os.geteuid():
        raise UserError("root is needed, for the sake of what we are compared with")
    runfiles = Path.cwd().parent
    unpacked, configured = (
        built_image.load(Path(f"{path}.image.json"), runfiles)
        for path in (options.unpacked, options.configured)
    )
    cleanup = options.cleanup.absolute()
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    with tempfile.TemporaryDirectory() as disk, tempfile.TemporaryDirectory(dir="/dev/shm") as ram:
        os.chdir(disk)
        contenders = make_contenders(unpacked, configured, cleanup, Path(disk), Path(ram))
        measure(contenders, options.rounds)
        table(f"configuring {len(unpacked.manifest.packages)} packages", contenders)
        os.chdir("/")
        checkout.remove(Path(ram))
        checkout.remove(Path(disk))
        Path(ram).mkdir()
        Path(disk).mkdir()
    return 0


def make_contenders(
    unpacked: BuiltImage, configured: BuiltImage, cleanup: Path, disk: Path, ram: Path
) -> list[Contender]:
    """What is compared.

    Args:
        unpacked: the image.
        configured: what it has to become.
        cleanup: the list of what is not kept.
        disk: a directory on the disk.
        ram: one in memory.
    """
    master = ram / "master"
    checkout.write(unpacked, master, user_mode=False)
    policy = master / "usr/sbin/policy-rc.d"
    policy.write_text(scripts.POLICY)
    policy.chmod(0o755)
    script = configuring_script(unpacked)

    def copy_to(place: Path) -> Callable[[], None]:
        def copy() -> None:
            quiet("rm", "-rf", place)
            quiet("cp", "-a", master, place)
            os.sync()

        return copy

    def remove() -> None:
        quiet("rm", "-rf", ram / "copy", ram / "repo")
        quiet("ostree", "init", f"--repo={ram / 'repo'}", "--mode=bare-user")
        quiet("ostree", "config", f"--repo={ram / 'repo'}", "set", "core.fsync", "false")

    def everything() -> None:
        quiet("cp", "-a", master, ram / "copy")
        configure_as_root(ram / "copy", script)
        quiet(
            "ostree", "commit", f"--repo={ram / 'repo'}", "--branch=image", "--no-bindings",
            "--timestamp=0", f"--tree=dir={ram / 'copy'}",
        )  # fmt: skip

    return [
        Contender(
            "apt2ostree, written out, configured and committed",
            lambda: shutil.rmtree("ours", ignore_errors=True),
            lambda: configure_ours(unpacked, configured, cleanup),
        ),
        Contender(
            "root, dpkg alone, in memory",
            copy_to(ram / "copy"),
            lambda: configure_as_root(ram / "copy", script),
        ),
        Contender(
            "root, dpkg alone, on the disk",
            copy_to(disk / "copy"),
            lambda: configure_as_root(disk / "copy", script),
        ),
        Contender("root, cp -a, dpkg, ostree commit, in memory", remove, everything),
    ]


def configure_ours(unpacked: BuiltImage, configured: BuiltImage, cleanup: Path) -> None:
    """The action, as a process of its own."""
    Path("ours").mkdir()
    image = replace(
        unpacked,
        fakeroot=configured.fakeroot,
        fakeroot_objects=configured.fakeroot_objects,
    )
    request = configure_request(image, cleanup, "ours/image")
    quiet(sys.executable, "-S", configure.__file__, requests.write(Path("request.json"), request))
    commit = Path("ours/image.commit").read_text(encoding="ascii").strip()
    if commit != configured.commit:
        raise UserError(f"the commit is {commit}, and Bazel's {configured.commit}")


def configuring_script(image: BuiltImage) -> str:
    """What root runs in the copy: each preinst, then dpkg."""
    locks = [file.read_text(encoding="utf-8") for _, file in image.lockfiles]
    now = epoch.of_locks(image.manifest.packages, locks) or epoch.FALLBACK
    variables = scripts.environment(now, {})
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    version = next(p.version for p in image.manifest.packages if p.name == "dpkg")
    temporary = f"/{scripts.TEMPORARY}"
    for preinst in scripts.preinsts(image.manifest.packages):
        lines.append(f"mkdir {temporary}")
        for name, known_as in preinst.control_files().items():
            lines.append(f"cp /var/lib/dpkg/info/{known_as} {temporary}/{name}")
        own = preinst.environment(version)
        words = " ".join(f"{name}={shlex.quote(value)}" for name, value in own.items())
        lines.append(f"{words} {temporary}/preinst install")
        lines.append(f"rm -r {temporary}")
    return "\n".join([*lines, "exec dpkg --configure -a"])


def configure_as_root(root: Path, script: str) -> None:
    """Run a script in a copy of the image."""
    result = subprocess.run(
        [*NAMESPACES, "sh", "-ec", ENTER, "sh", root, script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if result.returncode:
        raise UserError(f"root: {result.stdout.decode('utf-8', 'replace')[-2000:]}")


if __name__ == "__main__":
    errors.run(main)
