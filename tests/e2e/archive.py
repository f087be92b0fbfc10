"""A Debian archive on loopback, for locks of packages that a test makes."""

from __future__ import annotations

import base64
import hashlib
import http.server
import threading
from collections.abc import Callable

Answer = Callable[[bytes], bytes]


class Archive:
    """An archive that is served over HTTP until `close`.

    Attributes:
        url: of the archive's base.
        requests: paths that were asked for, in order.
        files: path → content.
        cut: paths of which only half is sent.
        login: `USER:PASSWORD` that is asked for, if any.
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.login = ""
        archive = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.lstrip("/")
                archive.requests.append(path)
                data = archive.files.get(path)
                expected = "Basic " + base64.b64encode(archive.login.encode()).decode()
                if archive.login and self.headers["Authorization"] != expected:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="archive"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if data is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if path in archive.cut else data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/debian"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def add(self, deb: bytes, name: str = "tiny", **fields: str) -> str:
        """Serve a package; return its stanza for a lock.

        Args:
            deb: the package.
            name: of the package.
            **fields: further fields of the stanza, or other values; an empty one removes the
                field. Underscores stand for hyphens.
        """
        values = {name.replace("_", "-"): value for name, value in fields.items()}
        version = values.get("Version", "1")
        filename = f"pool/{name}_{version}_{values.get('Architecture', 'amd64')}.deb"
        self.files[f"debian/{filename}"] = deb
        stanza = {
            "Package": name,
            "Version": version,
            "Architecture": "amd64",
            "Filename": filename,
            "Size": str(len(deb)),
            "SHA256": hashlib.sha256(deb).hexdigest(),
            "APT-Sources": f"{self.url} test/main amd64 Packages",
            **values,
        }
        return "".join(f"{key}: {value}\n" for key, value in stanza.items() if value)

    def publish(self, *stanzas: str) -> str:
        """Make it a flat archive of packages that `add` gave; return its deb822 source."""
        more = "Maintainer: Nobody <nobody@example.org>\nDescription: test\n"
        index = "\n".join(stanza + more for stanza in stanzas).encode()
        self.files["debian/Packages"] = index
        release = (
            "Origin: Test\nSuite: stable\nArchitectures: amd64\n"
            f"Date: Tue, 01 Sep 2026 12:00:00 UTC\nSHA256:\n"
            f" {hashlib.sha256(index).hexdigest()} {len(index)} Packages\n"
        )
        self.files["debian/Release"] = release.encode()
        return f"Types: deb\nURIs: {self.url}\nSuites: ./\nTrusted: yes\n"

    def asked(self) -> list[str]:
        """The base names of what was asked for since the last call."""
        names = [path.rpartition("/")[2] for path in self.requests]
        self.requests.clear()
        return names
