"""Real servers on loopback, each on a free port, for the length of a test."""

from __future__ import annotations

import http.client
import itertools
import os
import re
import signal
import socket
import subprocess
import time
import unittest
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from tests.support import judges

START_SECONDS = 60
STOP_SECONDS = 20


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Server:
    """A program that runs until the test ends.

    Attributes:
        command: what to run.
        log: where its output goes.
        port: of 127.0.0.1 that it listens on when it is ready; 0 if on none.
        environment: variables besides the test's own.
    """

    command: Sequence[str | Path]
    log: Path
    port: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self, case: unittest.TestCase) -> Server:
        """Start it, wait until it is ready, and see to its end.

        Raises:
            AssertionError: it ended or did not listen; the text has what it said.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        case.addCleanup(self.stop)
        if self.port:
            self.wait_for(self._listens)
        return self

    def wait_for(self, ready: Callable[[], bool]) -> None:
        """Wait until the server is ready.

        Raises:
            AssertionError: it ended or took too long; the text has what it said.
        """
        assert self.process
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = self.log.read_text(encoding="utf-8", errors="replace")
                raise AssertionError(f"{self.command} does not run:\n{text[-4000:]}")
            time.sleep(0.05)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def signal(self, number: int) -> None:
        """Send a signal to the program and to all that it started."""
        assert self.process
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def stop(self) -> None:
        """End it."""
        if self.process is None or self.process.poll() is not None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()


_NGINX = """
daemon off;
{user}
pid {directory}/pid;
worker_processes 1;
error_log {directory}/errors;
events {{}}
http {{
    log_format transfers '$request_method $status $request_length $bytes_sent $uri';
    access_log {directory}/transfers transfers;
    client_body_temp_path {directory}/temporary;
    proxy_temp_path {directory}/temporary;
    fastcgi_temp_path {directory}/temporary;
    uwsgi_temp_path {directory}/temporary;
    scgi_temp_path {directory}/temporary;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        client_max_body_size 0;
        location / {{ {location} }}
    }}
}}
"""

STORE = "dav_methods PUT; create_full_put_path on; dav_access user:rw group:r all:r;"
"""What makes nginx a remote cache, as Bazel's documentation has it."""

_MARK = "/mark-of-the-log-"


@dataclass(frozen=True)
class Transfer:
    """A request that nginx answered.

    Attributes:
        method: `GET`, `PUT`, …
        status: HTTP's.
        received: bytes of the request.
        sent: bytes of the answer.
        path: asked for.
    """

    method: str
    status: int
    received: int
    sent: int
    path: str


class Nginx:
    """nginx(8) as a file server, or as a remote cache."""

    def __init__(self, directory: Path, root: Path, location: str = "") -> None:
        directory.mkdir(parents=True)
        root.mkdir(parents=True, exist_ok=True)
        (directory / "temporary").mkdir()
        self.root = root
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._directory = directory
        self._marks = itertools.count()
        self.configure(location)
        self.server = Server(
            ["nginx", "-e", directory / "errors", "-c", directory / "configuration"],
            directory / "log",
            self.port,
        )

    def configure(self, location: str) -> None:
        """Write the configuration; a running nginx heeds it after `reload`."""
        (self._directory / "configuration").write_text(
            _NGINX.format(
                directory=self._directory,
                location=location,
                port=self.port,
                root=self.root,
                user="user root;" if os.geteuid() == 0 else "",
            ),
            encoding="utf-8",
        )

    def start(self, case: unittest.TestCase) -> Nginx:
        """Start it for the length of a test, which is skipped where there is no nginx."""
        judges.need(case, "nginx")
        self.server.start(case)
        return self

    def transfers(self) -> list[Transfer]:
        """All requests so far."""
        self._wait_for_log()
        found = []
        for line in self._log().splitlines():
            method, status, received, sent, path = line.split(" ", 4)
            if not path.startswith(_MARK):
                found.append(Transfer(method, int(status), int(received), int(sent), path))
        return found

    def forget_transfers(self) -> None:
        """Start counting anew."""
        self._wait_for_log()
        os.truncate(self._directory / "transfers", 0)

    def _log(self) -> str:
        return (self._directory / "transfers").read_text(encoding="utf-8")

    def _wait_for_log(self) -> None:
        """Wait until all that was answered is logged, which nginx does after answering."""
        path = f"{_MARK}{next(self._marks)}"
        asking = http.client.HTTPConnection("127.0.0.1", self.port)
        asking.request("GET", path)
        asking.getresponse().read()
        asking.close()
        self.server.wait_for(lambda: f"{path}\n" in self._log())


def as_nobody() -> list[str]:
    """What to put before a command that refuses to run as root; nothing for other users."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def newest(pattern: str) -> Path | None:
    """The program of the highest version among those that a glob of absolute paths finds."""

    def numbers(path: Path) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", str(path))]

    return max(Path("/").glob(pattern.lstrip("/")), key=numbers, default=None)
