"""A signed archive of a few packages, made in a directory, and a server that can misbehave."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import http.server
import lzma
import shutil
import subprocess
import tempfile
import threading
import unittest
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".bz2": bz2.compress,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".xz": lzma.compress,
    ".lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
}


class Key:
    """A throw-away key that signs archives."""

    def __init__(
        self,
        directory: Path,
        name: str = "test",
        *options: str,
        lifetime: str = "never",
        algorithm: str = "ed25519",
    ) -> None:
        # A short path: the agent's socket is in it, and a socket's path has 107 bytes at most.
        self.home = Path(tempfile.mkdtemp(prefix="gpg-", dir="/tmp"))
        self.path = directory / f"{name}.gpg"
        email = f"{name}@example.org"
        self._gpg(*options, "--quick-gen-key", email, algorithm, "sign", lifetime)
        self.path.write_bytes(self._gpg("--export", email))
        self.armoured = self._gpg("--armor", "--export", email)
        listing = self._gpg("--with-colons", "--list-keys", email).decode()
        self.fingerprint = next(
            line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr")
        )

    def clearsign(self, text: bytes, *options: str) -> bytes:
        return self._gpg(*options, "--clearsign", data=text)

    def detach_sign(self, text: bytes) -> bytes:
        return self._gpg("--armor", "--detach-sign", data=text)

    def close(self) -> None:
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False)
        shutil.rmtree(self.home, ignore_errors=True)

    def _gpg(self, *arguments: str, data: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--quiet", "--passphrase", ""]
        return subprocess.run(
            [*command, *arguments], input=data, check=True, capture_output=True
        ).stdout


def package(name: str, version: str = "1.0", **fields: str) -> dict[str, str]:
    """A stanza of a Packages index; fields may use underscores for hyphens."""
    content = f"{name} {version}".encode()
    stanza = {
        "Package": name,
        "Version": version,
        "Architecture": "amd64",
        "Maintainer": "Nobody <nobody@example.org>",
        "Installed-Size": "10",
        "Filename": f"pool/{name}_{version.replace(':', '%3a')}.deb",
        "Size": str(len(content)),
        "SHA256": hashlib.sha256(content).hexdigest(),
    }
    return stanza | {key.replace("_", "-"): value for key, value in fields.items()}


def index(stanzas: Iterable[Mapping[str, str]]) -> bytes:
    """The content of a Packages index."""
    return "\n".join(
        "".join(f"{key}: {value}\n" for key, value in stanza.items()) for stanza in stanzas
    ).encode()


@dataclass
class Suite:
    """What a suite of the archive holds, to be written by :meth:`write`.

    ``indexes`` are paths below the suite's directory, without compression, and their content.
    ``fields`` go into the Release file, in which an empty one is left out. ``checksum`` is the
    field in which it has the indexes' checksums.
    """

    directory: Path
    indexes: dict[str, bytes]
    compressions: tuple[str, ...] = (".xz",)
    by_hash: bool = True
    fields: dict[str, str] = field(default_factory=dict)
    date: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    checksum: str = "SHA256"

    def write(self, key: Key | None, detached: bool = False) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        sums = []
        for path, content in self.indexes.items():
            sums.append(_sum(self.checksum, path, content))
            for suffix in self.compressions:
                data = COMPRESS[suffix](content)
                if suffix:
                    sums.append(_sum(self.checksum, path + suffix, data))
                _write(self.directory / (path + suffix), data)
                if self.by_hash:
                    digest = hashlib.new(self.checksum, data).hexdigest()
                    name = f"by-hash/{self.checksum}/{digest}"
                    _write((self.directory / path).parent / name, data)
        release = self._release(sums).encode()
        if key and not detached:
            _write(self.directory / "InRelease", key.clearsign(release))
            return
        _write(self.directory / "Release", release)
        if key:
            _write(self.directory / "Release.gpg", key.detach_sign(release))

    def _release(self, sums: Iterable[str]) -> str:
        fields = {
            "Origin": "Test",
            "Label": "Test",
            "Suite": "stable",
            "Codename": self.directory.name,
            "Architectures": "amd64",
            "Components": "main",
            "Date": _date(self.date),
            "Valid-Until": _date(self.date + timedelta(days=7)),
            "Acquire-By-Hash": "yes" if self.by_hash else "",
        } | self.fields
        lines = [f"{name}: {value}" for name, value in fields.items() if value]
        return "\n".join([*lines, f"{self.checksum}:", *sums]) + "\n"


def main_suite(root: Path, stanzas: Iterable[Mapping[str, str]], name: str = "test") -> Suite:
    """A suite with one component for one architecture."""
    return Suite(root / "dists" / name, {"main/binary-amd64/Packages": index(stanzas)})


def write_pool(root: Path, stanzas: Iterable[Mapping[str, str]]) -> None:
    """Write what stands for the packages' files: their content is their name and version."""
    for stanza in stanzas:
        _write(root / stanza["Filename"], f"{stanza['Package']} {stanza['Version']}".encode())


def _date(date: datetime) -> str:
    return format_datetime(date).replace("+0000", "UTC")


def _sum(checksum: str, path: str, data: bytes) -> str:
    return f" {hashlib.new(checksum, data).hexdigest()} {len(data)} {path}"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a directory, unless the test has said something else about a path."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        self.server.headers_seen.append(dict(self.headers))
        for part, behaviour in self.server.behaviours.items():
            if part in self.path:
                behaviour(self)
                return
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def answer(self, data: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in ({"Content-Length": str(len(data))} | given).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


class Server(http.server.ThreadingHTTPServer):
    """An HTTP server on loopback; ``behaviours`` maps a part of a path to what it does there."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(
            ("127.0.0.1", 0), lambda *arguments: Handler(*arguments, directory=str(root))
        )
        self.behaviours: dict[str, Callable[[Handler], None]] = {}
        self.requests: list[str] = []
        self.headers_seen: list[dict[str, str]] = []
        self.stop_stalling = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def stall(self, handler: Handler) -> None:
        """Announce a file, send a little of it, and no more."""
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.wfile.write(b"Origin")
        handler.wfile.flush()
        self.stop_stalling.wait(30)
        handler.close_connection = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are what these tests are about."""


@contextmanager
def serve(root: Path) -> Iterator[Server]:
    """A server of a directory, in a thread of its own."""
    with Server(root) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.stop_stalling.set()
            server.shutdown()
            thread.join()


class ArchiveTestCase(unittest.TestCase):
    """Tests with a server of an archive in ``root``, the ``key`` that may sign it, and another."""

    key: Key
    other: Key

    @classmethod
    def setUpClass(cls) -> None:
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.key = Key(Path(directory.name))
        cls.other = Key(Path(directory.name), "other")
        cls.addClassCleanup(cls.key.close)
        cls.addClassCleanup(cls.other.close)

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.root = self.directory / "served"
        self.root.mkdir()
        context = serve(self.root)
        self.server: Server = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
