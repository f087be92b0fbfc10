"""Benchmark: updating a lockfile with nothing new, beside apt, in one run.

    bazel run //tests/bench:update_lock -- gnome-core

Each contender asks the same archives whether anything changed, checks the signatures and resolves
the same packages, its caches being warm: update_lock --dry-run, and `apt-get update` with
`apt-get -s install`, both as whole processes. Their answers are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from apt2ostree import errors
from apt2ostree.archive.mirrors import Mirrors
from apt2ostree.lock.lockfile import read_lock
from tests.bench.core import Contender, measure, table
from tools import update_lock


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; see --help."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="runs of each (default: 5)")
    parser.add_argument("--sources", type=Path, required=True, help="deb822 sources")
    parser.add_argument("--keyring", type=Path, required=True, help="who signs them")
    parser.add_argument("packages", nargs="+", help="what to install")
    options = parser.parse_args(arguments)
    sources, keyring = options.sources.absolute(), options.keyring.absolute()
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        # The cache is a new one, filled by the first run.
        os.environ["XDG_CACHE_HOME"] = directory
        _configure(sources, keyring, options.packages)
        _ours()
        _apts()
        _compare()
        contenders = [
            Contender("update_lock --dry-run", _nothing, lambda: _ours("--dry-run")),
            Contender("apt-get update; apt-get -s install", _nothing, _apts),
        ]
        measure(contenders, options.rounds)
        table(f"{' '.join(options.packages)}, nothing new", contenders)
    return 0


def _configure(sources: Path, keyring: Path, packages: Sequence[str]) -> None:
    config = {
        "architecture": "amd64",
        "include_essential": False,
        "include_priority": [],
        "keyrings": [str(keyring)],
        "label": "//:update_lock",
        "lockfile": "Packages.lock",
        "packages": packages,
        "sources": [{"path": str(sources), "name": sources.name}],
    }
    Path("config.json").write_text(json.dumps(config))
    mirrors = Mirrors.from_environment(os.environ)
    text = re.sub(r"https?://\S+", lambda m: mirrors.candidates(m[0])[0], sources.read_text())
    text = re.sub(r"(?m)^Signed-By:.*$", f"Signed-By: {keyring}", text)
    Path("apt.sources").write_text(text)
    for name in ("lists/partial", "etc/apt.conf.d", "etc/preferences.d"):
        Path(name).mkdir(parents=True)
    Path("status").touch()
    Path("packages").write_text(" ".join(packages))
    here = Path.cwd()
    Path("apt.conf").write_text(
        f'Dir "{here}"; Dir::State "{here}"; Dir::State::status "{here}/status"; '
        f'Dir::Etc "{here}/etc"; Dir::Etc::sourcelist "{here}/apt.sources"; '
        f'Dir::Etc::sourceparts "-"; Dir::Cache "{here}/cache"; APT::Architecture "amd64"; '
        'APT::Architectures "amd64"; APT::Sandbox::User "root"; Acquire::Languages "none"; '
        'APT::Install-Recommends "false"; APT::Solver "internal";'
    )


def _ours(*arguments: str) -> None:
    command = [sys.executable, update_lock.__file__, "--config", "config.json", "--workspace", "."]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([*command, "--quiet", *arguments], check=True, env=environment)


def _apts() -> None:
    environment = os.environ | {"APT_CONFIG": str(Path("apt.conf").absolute())}
    subprocess.run(["apt-get", "-qq", "update"], check=True, env=environment)
    packages = Path("packages").read_text().split()
    with Path("answer").open("w") as answer:
        command = ["apt-get", "-s", "install", *packages]
        subprocess.run(command, check=True, env=environment, stdout=answer)


def _compare() -> None:
    apts = set(re.findall(r"(?m)^Inst (\S+) \((\S+)", Path("answer").read_text()))
    ours = {(package.name, package.version) for package in read_lock(Path("Packages.lock"))}
    if ours != apts:
        raise errors.UserError(f"the answers differ: {sorted(ours ^ apts)}")
    print(f"{len(ours)} packages, the same as apt's")


def _nothing() -> None:
    pass


if __name__ == "__main__":
    errors.run(main)
