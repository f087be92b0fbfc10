"""Servers of the remote execution API: buildbox-casd, and BuildGrid with its workers."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.support import judges, servers

REQUIREMENTS = Path(__file__).with_name("buildgrid.txt")
PROXY = Path(__file__).with_name("capabilities_proxy.py")

READ_ONLY = ("/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64")
"""What an action on a worker sees of the machine."""
NOBODY = 65534

_CONFINED = (
    "--buildbox-run=/usr/bin/buildbox-run-bubblewrap",
    *(
        f"--runner-arg=--ro-bind-mount={Path(path).resolve()}:{path}"
        for path in READ_ONLY
        if Path(path).exists()
    ),
)
_UNCONFINED = ("--buildbox-run=/usr/bin/buildbox-run-hosttools", "--platform=namespaces=yes")


def buildgrid(case: unittest.TestCase) -> Path:
    """The directory of BuildGrid's Python packages, installed once with the user's own pip."""
    if sys.version_info[:2] != (3, 14):
        judges.skip_aloud(case, "the wheels of BuildGrid are pinned for Python 3.14")
    cache = os.environ.get("APT2OSTREE_CACHE") or Path.home() / ".cache" / "apt2ostree"
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    directory = Path(cache) / f"buildgrid-{digest}"
    directory.parent.mkdir(parents=True, exist_ok=True)
    with (directory.parent / "buildgrid.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.is_dir():
            temporary = directory.with_suffix(".tmp")
            shutil.rmtree(temporary, ignore_errors=True)
            pip = [sys.executable, "-I", "-m", "pip", "install", "--quiet", "--no-input"]
            options = ["--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
            pinned = ["--require-hashes", f"--requirement={REQUIREMENTS}"]
            judges.run(*pip, *options, *pinned, f"--target={temporary}")
            temporary.rename(directory)
    return directory


def casd(case: unittest.TestCase, directory: Path) -> str:
    """Start a cache, buildbox-casd behind the proxy; return its URL."""
    judges.need(case, "buildbox-casd")
    packages = buildgrid(case)
    port, front = servers.free_port(), servers.free_port()
    servers.Server(
        ["buildbox-casd", f"--bind=127.0.0.1:{port}", "--quota-high=5G", directory / "casd"],
        directory / "casd.log",
        port,
    ).start(case)
    servers.Server(
        [sys.executable, PROXY, str(front), str(port)],
        directory / "proxy.log",
        front,
        {"PYTHONPATH": str(packages)},
    ).start(case)
    return f"grpc://127.0.0.1:{front}"


_CONFIGURATION = """
server:
  - !channel
    address: "127.0.0.1:{port}"
    insecure-mode: true
authorization:
  method: none
connections:
  - !sql-connection &sql
    connection-string: {database}
storages:
  - !disk-storage &storage
    path: {directory}/storage
caches:
  - !lru-action-cache &actions
    storage: *storage
    max-cached-refs: 100000
    allow-updates: true
schedulers:
  - !sql-scheduler &scheduler
    sql: *sql
    storage: *storage
    action-cache: *actions
    bot-session-keepalive-timeout: 20
    property-set: !dynamic-property-set
      match-property-keys: [namespaces]
      wildcard-property-keys: [unixUID, unixGID]
instances:
  - name: ''
    services:
      - !action-cache
        cache: *actions
      - !cas
        storage: *storage
      - !bytestream
        storage: *storage
      - !execution
        scheduler: *scheduler
thread-pool-size: 100
"""


class Cluster:
    """BuildGrid, its database, and workers with a cache each.

    Attributes:
        url: for Bazel's `--remote_executor`.
        workers: the programs that run actions.
    """

    def __init__(self, case: unittest.TestCase, directory: Path, workers: int = 2) -> None:
        judges.need(case, "buildbox-casd", "buildbox-worker", "buildbox-run-bubblewrap")
        self._case = case
        self._packages = buildgrid(case)
        self._directory = directory
        self._directory.mkdir(parents=True)
        self._port = servers.free_port()
        self.url = f"grpc://127.0.0.1:{self._port}"
        self._start_server(self._start_database())
        self.workers: list[servers.Server] = []
        for number in range(workers):
            self.add_worker(f"worker{number}")

    def _start_database(self) -> str:
        initdb = servers.newest("/usr/lib/postgresql/*/bin/initdb")
        if not initdb:
            judges.skip_aloud(self._case, "no postgresql here")
        assert initdb
        # PostgreSQL wants to be no root, and others may not enter the test's own directory.
        folder = tempfile.TemporaryDirectory(prefix="apt2ostree-", dir="/tmp")
        self._case.addCleanup(folder.cleanup)
        directory = Path(folder.name)
        if os.geteuid() == 0:
            os.chown(directory, NOBODY, NOBODY)
        user: list[str | Path] = [*servers.as_nobody(), "env", "-C", directory, "LC_ALL=C"]
        data = directory / "data"
        judges.run(
            *user, initdb, "--no-sync", "--auth=trust", "--encoding=UTF8", "--username=grid", data
        )
        server = servers.Server(
            [
                *user, initdb.with_name("postgres"), "-D", data, "-k", directory,
                "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200",
            ],
            self._directory / "postgres.log",
        ).start(self._case)  # fmt: skip
        server.wait_for((directory / ".s.PGSQL.5432").exists)
        return f"postgresql+psycopg://grid@/postgres?host={directory}"

    def _start_server(self, database: str) -> None:
        configuration = self._directory / "buildgrid.yml"
        configuration.write_text(
            _CONFIGURATION.format(port=self._port, database=database, directory=self._directory)
        )
        environment = {"PYTHONPATH": str(self._packages)}
        bgd = [sys.executable, str(self._packages / "bin" / "bgd")]
        subprocess.run(
            [*bgd, "migrate", "apply", database],
            env={**os.environ, **environment},
            check=True,
            stdin=subprocess.DEVNULL,
        )
        servers.Server(
            [*bgd, "server", "start", configuration],
            self._directory / "buildgrid.log",
            self._port,
            environment,
        ).start(self._case)

    def add_worker(self, name: str, namespaces: bool = False) -> servers.Server:
        """Start a worker.

        Args:
            name: of the worker.
            namespaces: actions on it can make namespaces with a /proc of their own, and may ask
                for it with the property `namespaces`. The kernel allows that only where a whole
                /proc is seen, and bubblewrap's own is masked in part: such a worker confines
                its actions by being a machine of its own.
        """
        port = servers.free_port()
        directory = self._directory / name
        servers.Server(
            [
                "buildbox-casd", f"--cas-remote={self.url}", f"--ac-remote={self.url}",
                f"--bind=127.0.0.1:{port}", "--quota-high=5G", directory / "casd",
            ],
            self._directory / f"{name}.casd.log",
            port,
        ).start(self._case)  # fmt: skip
        worker = servers.Server(
            [
                "buildbox-worker", f"--bots-remote={self.url}",
                f"--cas-remote=http://127.0.0.1:{port}",
                *(_UNCONFINED if namespaces else _CONFINED),
                "--runner-arg=--staging-mode=copy-or-link",
                "--platform=OSFamily=linux",
                name,
            ],
            self._directory / f"{name}.log",
        ).start(self._case)  # fmt: skip
        self.workers.append(worker)
        return worker

    def options(self) -> tuple[str, ...]:
        """What to tell Bazel."""
        return (
            f"--remote_executor={self.url}",
            "--remote_default_exec_properties=OSFamily=linux",
            "--remote_default_exec_properties=unixUID=1000",
            "--remote_default_exec_properties=unixGID=1000",
            "--jobs=8",
        )

    def logs(self) -> str:
        """The ends of all logs."""
        return "\n".join(
            f"== {log.name}\n{log.read_text(errors='replace')[-1500:]}"
            for log in sorted(self._directory.glob("*.log"))
        )
