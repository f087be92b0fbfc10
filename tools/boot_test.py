"""Test: a disk boots, is upgraded to a signed version, boots that, and goes back.

All of the machine's console goes to standard error; what is not as it has to be is told at the end.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from apt2ostree import errors, messages
from apt2ostree.disk import life, machine
from apt2ostree.disk.disk import copy_sparse
from apt2ostree.disk.toolbox import Toolbox
from apt2ostree.errors import UserError
from apt2ostree.image import built_image
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree import repo
from apt2ostree.ship import checkout
from apt2ostree.ship.commit_image import CommitOptions, commit

_HOST = "10.0.2.2"
"""What the machine calls the one it runs on (QEMU's user network)."""
_KEY, _OTHER_KEY = "boot-test@example.com", "somebody@example.org"


def main(arguments: Sequence[str]) -> int:
    """Run the test; see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--disk", required=True, type=Path, help="disk to boot")
    parser.add_argument("--image", required=True, type=Path, help="the image that is on it")
    parser.add_argument("--upgrade-to", type=Path, help="the image to upgrade to")
    parser.add_argument("--branch", required=True, help="the branch that the device follows")
    parser.add_argument("--checks", type=Path, help="shell script to run in the device")
    parser.add_argument("--tools", required=True, type=Path, help="QEMU and others")
    parser.add_argument("--boot-seconds", type=int, required=True, help="time for each boot")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as directory:
        return _run(options, Path(directory))


def _run(options: argparse.Namespace, scratch: Path) -> int:
    checkout.write(_load(options.tools), scratch / "tools", user_mode=True)
    toolbox = Toolbox(scratch / "tools")
    image = _load(options.image)
    expected = [life.Expected("first boot", image.commit, image.manifest)]
    checks = options.checks.read_text(encoding="utf-8") if options.checks else ""
    disk = scratch / "disk.img"
    with disk.open("wb") as file:
        file.truncate(options.disk.stat().st_size)
        copy_sparse(options.disk, file)
    if options.upgrade_to is None:
        return _boot(toolbox, disk, scratch, options, expected, life.credentials(checks))
    upgrade = _load(options.upgrade_to)
    served = scratch / "repo"
    # Not below the scratch directory: the path of a socket in it has to be short.
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        key = _make_keys(toolbox, scratch, home)
        new = _publish(served, upgrade, options.branch, Path(home))
    expected += [
        life.Expected("after the upgrade", new, upgrade.manifest, later=True),
        life.Expected("after going back", image.commit, image.manifest, later=True),
    ]
    with _serve(served) as server:
        given = life.credentials(checks, f"http://{_HOST}:{server.server_port}/", key)
        status = _boot(toolbox, disk, scratch, options, expected, given)
        sizes = server.sizes
    # What it asks for and is not there, such as a delta, takes no bytes.
    messages.say(f"the upgrade: {sum(sizes)} bytes in {len(sizes)} files")
    return status


def _load(launcher: Path) -> BuiltImage:
    """An image, by what `bazel run` of it runs."""
    runfiles = Path(os.environ.get("TEST_SRCDIR", ".."))
    return built_image.load(Path(f"{launcher}.image.json").absolute(), runfiles.absolute())


def _boot(
    toolbox: Toolbox,
    disk: Path,
    scratch: Path,
    options: argparse.Namespace,
    expected: Sequence[life.Expected],
    given: dict[str, str],
) -> int:
    seconds = options.boot_seconds * len(expected)
    made = machine.Options(credentials=given)
    result = machine.run(toolbox, disk, scratch, made, seconds, messages.say)
    faults = list(life.faults(life.boots(result.answers), expected))
    if result.timed_out:
        faults.append(f"it was not done after {seconds} s, {options.boot_seconds} s a boot")
    if faults:
        said = "\n".join(result.answers)
        told = "\n".join(f"  {fault}" for fault in faults)
        raise UserError(
            f"{options.disk}: the device answered\n{said}\n"
            f"and {len(faults)} things are not as they have to be:\n{told}"
        )
    messages.say(f"{len(expected)} boots in {result.seconds:.0f} s")
    return 0


def _make_keys(toolbox: Toolbox, scratch: Path, home: str) -> str:
    """Make keys to sign with, and `gpg` on the PATH; return the public one of `_KEY`, armored."""
    programs = scratch / "bin"
    programs.mkdir()
    agent = programs / "gpg-agent"
    for name, words in (
        ("gpg-agent", toolbox.command("usr/bin/gpg-agent")),
        ("gpg", [*toolbox.command("usr/bin/gpg"), "--agent-program", str(agent)]),
    ):
        quoted = " ".join(f"'{word}'" for word in words)
        (programs / name).write_text(f'#!/bin/sh\nexec {quoted} "$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    os.environ["PATH"] = f"{programs}:{os.environ['PATH']}"
    gpg = ["gpg", "--batch", "--quiet", "--homedir", home]
    make = [*gpg, "--passphrase", "", "--pinentry-mode", "loopback", "--quick-generate-key"]
    for words in ([*make, _OTHER_KEY], [*make, _KEY], [*gpg, "--armor", "--export", _KEY]):
        result = subprocess.run(words, capture_output=True, text=True, check=False)
        if result.returncode:
            raise UserError(f"{' '.join(words)}: {result.stderr}")
    return result.stdout


def _publish(path: Path, upgrade: BuiltImage, branch: str, home: Path) -> str:
    """Make the repo that is served: the upgrade, signed, and `life.REFUSED`; return the upgrade."""
    target = repo.create(path, "archive")
    signed = CommitOptions(branch, "the upgrade", timestamp=1, keys=[_KEY], gpg_homedir=home)
    done = commit(target, upgrade, signed)
    commit(target, upgrade, CommitOptions("unsigned", "not signed", timestamp=1))
    foreign = CommitOptions("foreign", "foreign", timestamp=1, keys=[_OTHER_KEY], gpg_homedir=home)
    commit(target, upgrade, foreign)
    changed = CommitOptions("tampered", "to change", timestamp=1, keys=[_KEY], gpg_homedir=home)
    path = target.object_path(f"{commit(target, upgrade, changed).commit}.commit")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"to change", b"to attack"))
    return done.commit


class _Server(http.server.ThreadingHTTPServer):
    """Serves files, and keeps how many bytes each had."""

    sizes: list[int]


class _Handler(http.server.SimpleHTTPRequestHandler):
    server: _Server

    def copyfile(self, source: Any, outputfile: Any) -> None:
        self.server.sizes.append(os.fstat(source.fileno()).st_size)
        super().copyfile(source, outputfile)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def _serve(directory: Path) -> Iterator[_Server]:
    """Serve a directory on loopback."""
    handler = functools.partial(_Handler, directory=str(directory))
    with _Server(("127.0.0.1", 0), handler) as server:
        server.sizes = []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    errors.run(main)
