from __future__ import annotations

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from apt2ostree.archive.cache import Cache
from apt2ostree.archive.download import Downloader, DownloadError, Expected, Settings
from apt2ostree.archive.mirrors import Mirrors
from apt2ostree.errors import UserError
from tests.archive.local_archive import Handler, Server, serve

CONTENT = b"content " * 10_000
_PATH = os.environ.get("PATH", "") + ":/usr/sbin"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class ServedTest(unittest.TestCase):
    # Seconds; long enough for a busy machine. Tests of servers that stall take a shorter one.
    timeout = 10.0

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name, "served")
        self.root.mkdir()
        (self.root / "file").write_bytes(CONTENT)
        self.cache = Cache(Path(directory.name, "cache"))
        context = serve(self.root)
        self.server: Server = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)

    def downloader(self, *rules: tuple[str, str], tries: int = 2, jobs: int = 8) -> Downloader:
        settings = Settings(tries=tries, timeout=self.timeout, pause=0.01, jobs=jobs)
        return Downloader(self.cache, Mirrors(rules), settings=settings)


class DownloadTest(ServedTest):
    def expected(self, *urls: str) -> Expected:
        return Expected(urls or (f"{self.server.url}/file",), SHA256, len(CONTENT), "the file")

    def failure(self, *urls: str, tries: int = 2) -> str:
        """What is said if the file cannot be had; nothing may be left in the cache."""
        with self.assertRaises(DownloadError) as caught:
            self.downloader(tries=tries).fetch(self.expected(*urls))
        self.assertIn("cannot download the file:\n", str(caught.exception))
        left = [path for path in self.cache.root.rglob("*") if path.is_file()]
        self.assertEqual(left, [])
        return str(caught.exception)

    def test_a_file_is_downloaded_once_and_then_found_in_the_cache(self) -> None:
        for _ in range(2):
            path = self.downloader().fetch(self.expected())
            self.assertEqual(path.read_bytes(), CONTENT)
        self.assertEqual(self.server.requests, ["/file"])

    def test_a_missing_file_is_not_asked_for_twice(self) -> None:
        said = self.failure(f"{self.server.url}/nothing")
        self.assertIn(f"{self.server.url}/nothing: not found (404)", said)
        self.assertEqual(len(self.server.requests), 1)

    def test_a_wrong_file_is_refused_with_both_checksums(self) -> None:
        (self.root / "file").write_bytes(CONTENT.replace(b"c", b"C"))
        said = self.failure()
        self.assertIn(f"but the archive promises {SHA256}", said)
        self.assertIn("or somebody tampered with the file", said)

    def test_a_wrong_file_is_not_sought_under_another_name_on_the_same_host(self) -> None:
        (self.root / "by-hash").write_bytes(CONTENT.replace(b"c", b"C"))
        self.failure(f"{self.server.url}/by-hash", f"{self.server.url}/file")
        self.assertEqual(self.server.requests, ["/by-hash"])

    def test_a_missing_file_is_sought_under_its_other_name(self) -> None:
        path = self.downloader().fetch(
            self.expected(f"{self.server.url}/by-hash", f"{self.server.url}/file")
        )
        self.assertEqual(path.read_bytes(), CONTENT)

    def test_a_file_that_does_not_end_is_cut_off(self) -> None:
        def endless(handler: Handler) -> None:
            handler.send_response(200)
            handler.end_headers()
            for _ in range(1000):
                handler.wfile.write(CONTENT)
            handler.close_connection = True

        self.server.behaviours["/file"] = endless
        self.assertIn(f"it is larger than the {len(CONTENT)} bytes", self.failure())

    def test_a_truncated_file_is_tried_again(self) -> None:
        def truncated(handler: Handler) -> None:
            if len(self.server.requests) > 2:
                handler.answer(CONTENT)
                return
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(CONTENT)))
            handler.end_headers()
            handler.wfile.write(CONTENT[:1000])
            handler.close_connection = True

        self.server.behaviours["/file"] = truncated
        self.assertEqual(self.downloader(tries=3).fetch(self.expected()).read_bytes(), CONTENT)

    def test_a_file_that_is_always_truncated_is_an_error(self) -> None:
        def truncated(handler: Handler) -> None:
            handler.answer(CONTENT[:1000], Content_Length=str(len(CONTENT)))
            handler.close_connection = True

        self.server.behaviours["/file"] = truncated
        said = self.failure()
        self.assertIn("it was truncated: ", said)
        self.assertIn("(tried 2 times)", said)

    def test_a_file_that_is_shorter_than_promised_is_an_error(self) -> None:
        (self.root / "file").write_bytes(CONTENT[:1000])
        self.assertIn(f"it has 1000 bytes, but the archive promises {len(CONTENT)}", self.failure())

    def test_a_stalled_server_is_given_up(self) -> None:
        self.timeout = 0.3
        self.server.behaviours["/file"] = self.server.stall
        self.assertIn("it stalled: nothing came for 0.3 seconds", self.failure(tries=1))

    def test_a_server_that_sends_a_byte_now_and_then_is_given_up(self) -> None:
        def drip(handler: Handler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(CONTENT)))
            handler.end_headers()
            for _ in range(100):
                handler.wfile.write(b"c")
                handler.wfile.flush()
                time.sleep(0.05)

        self.timeout = 0.5
        self.server.behaviours["/file"] = drip
        self.assertRegex(self.failure(tries=1), "it stalled: [0-9]+ bytes in [0-9]+ seconds")

    def test_a_redirect_is_followed_and_a_loop_is_not(self) -> None:
        def redirect(handler: Handler) -> None:
            target = "/file" if handler.path == "/once" else "/loop"
            handler.answer(b"", 302, Location=self.server.url + target)

        self.server.behaviours.update({"/once": redirect, "/loop": redirect})
        self.downloader().fetch(self.expected(f"{self.server.url}/once"))
        self.cache.path(SHA256).unlink()
        said = self.failure(f"{self.server.url}/loop")
        self.assertIn("it redirects more than 10 times: a loop", said)

    def test_a_redirect_to_a_local_file_is_refused(self) -> None:
        self.server.behaviours["/file"] = lambda h: h.answer(
            b"", 302, Location="file:///etc/passwd"
        )
        said = self.failure()
        self.assertIn("it redirects to file:///etc/passwd, which is not of the web", said)

    def test_errors_of_the_server_are_tried_again(self) -> None:
        def busy(handler: Handler) -> None:
            first = len(self.server.requests) == 1
            handler.answer(*((b"", 503) if first else (CONTENT, 200)))

        self.server.behaviours["/file"] = busy
        self.assertEqual(self.downloader().fetch(self.expected()).read_bytes(), CONTENT)
        self.server.requests.clear()
        self.cache.path(SHA256).unlink()
        self.server.behaviours["/file"] = lambda handler: handler.answer(b"", 503)
        self.assertIn("the server says 503 Service Unavailable (tried 2 times)", self.failure())
        self.assertEqual(len(self.server.requests), 2)

    def test_pauses_grow_between_attempts(self) -> None:
        self.server.behaviours["/file"] = lambda handler: handler.answer(b"", 503)
        pauses: list[float] = []
        downloader = self.downloader(tries=4)
        sleep = mock.patch.object(downloader, "_sleep", pauses.append)
        with sleep, self.assertRaises(DownloadError):
            downloader.fetch(self.expected())
        self.assertEqual(pauses, [0.01, 0.02, 0.04])

    def test_nobody_listening_is_said(self) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{closed.getsockname()[1]}/file"
            self.assertRegex(self.failure(url), "the connection failed: .*Connection refused")

    def test_a_login_is_taken_from_netrc_and_asked_for_where_it_is_missing(self) -> None:
        def private(handler: Handler) -> None:
            given = handler.headers.get("Authorization", "")
            wanted = "Basic " + base64.b64encode(b"anna:secret").decode()
            handler.answer(*((CONTENT, 200) if given == wanted else (b"", 401)))

        self.server.behaviours["/file"] = private
        netrc = self.root / "netrc"
        netrc.write_text("")
        with mock.patch.dict(os.environ, NETRC=str(netrc)):
            said = self.failure()
            self.assertIn(
                "the server says 401 Unauthorized; if it wants a login, put it into ~/.netrc, or "
                "the file that NETRC names, where builds find it too; Bazel's --credential_helper "
                "and downloader configuration serve builds alone",
                said,
            )
            netrc.write_text("machine 127.0.0.1 login anna password secret\n")
            self.assertEqual(self.downloader().fetch(self.expected()).read_bytes(), CONTENT)

    def test_credentials_in_a_url_are_not_told(self) -> None:
        url = f"{self.server.url}/nothing".replace("http://", "http://anna:secret@")
        self.assertNotIn("secret", self.failure(url))

    def test_a_proxy_is_used(self) -> None:
        self.server.behaviours["http://archive.invalid/file"] = lambda h: h.answer(CONTENT)
        with mock.patch.dict(os.environ, http_proxy=self.server.url):
            path = self.downloader().fetch(self.expected("http://archive.invalid/file"))
        self.assertEqual(path.read_bytes(), CONTENT)

    def test_mirrors_come_first_and_the_archive_itself_last(self) -> None:
        rules = (
            ("http://archive.invalid", f"{self.server.url}/empty"),
            ("http://archive.invalid", self.server.url),
        )
        path = self.downloader(*rules).fetch(self.expected("http://archive.invalid/file"))
        self.assertEqual(path.read_bytes(), CONTENT)
        self.assertEqual(self.server.requests, ["/empty/file", "/file"])

    def test_local_files_are_read(self) -> None:
        url = f"file:{self.root}/file"
        self.assertEqual(self.downloader().fetch(self.expected(url)).read_bytes(), CONTENT)
        self.cache.path(SHA256).unlink()
        self.assertIn("not found", self.failure(f"file:{self.root}/nothing"))
        self.assertIn("it is not a file", self.failure(f"file:{self.root}"))

    def test_many_run_at_once_and_the_first_error_stops_them(self) -> None:
        def fetch(number: int) -> int:
            if number == 3:
                raise UserError("number 3 is bad")
            with self.assertRaises(UserError):
                downloader.fetch_changing(f"{self.server.url}/stall", 10)
            return number

        self.timeout = 0.3
        self.server.behaviours["/stall"] = self.server.stall
        downloader = self.downloader(tries=100)
        with self.assertRaisesRegex(UserError, "number 3 is bad"):
            downloader.map(fetch, range(8))
        with self.assertRaisesRegex(UserError, "the downloads were cancelled"):
            downloader.map(fetch, [1])


class ChangingFileTest(ServedTest):
    def test_a_file_that_did_not_change_is_not_sent_again(self) -> None:
        url = f"{self.server.url}/file"
        os.utime(self.root / "file", (1e9, 1e9))
        for _ in range(2):
            self.assertEqual(self.downloader().fetch_changing(url, 1 << 20), CONTENT)
        self.assertNotIn("If-Modified-Since", self.server.headers_seen[0])
        self.assertIn("If-Modified-Since", self.server.headers_seen[1])
        (self.root / "file").write_bytes(b"new")
        self.assertEqual(self.downloader().fetch_changing(url, 1 << 20), b"new")

    def test_a_file_that_may_change_within_its_second_is_sent_again(self) -> None:
        url = f"{self.server.url}/file"
        for content in (b"one", b"two"):
            (self.root / "file").write_bytes(content)
            self.assertEqual(self.downloader().fetch_changing(url, 1 << 20), content)

    def test_a_file_that_is_too_large_is_refused(self) -> None:
        with self.assertRaisesRegex(DownloadError, "it is larger than 100 bytes, which cannot be"):
            self.downloader().fetch_changing(f"{self.server.url}/file", 100)

    def test_the_error_tells_a_missing_file_from_others(self) -> None:
        for path, not_found in (("/nothing", True), ("/busy", False)):
            self.server.behaviours["/busy"] = lambda handler: handler.answer(b"", 500)
            with self.assertRaises(DownloadError) as caught:
                self.downloader().fetch_changing(self.server.url + path, 100)
            self.assertEqual(caught.exception.not_found, not_found)


@unittest.skipUnless(shutil.which("nginx", path=_PATH), "there is no nginx here to ask")
class NginxTest(ServedTest):
    """A real web server, which has its own mind about conditional requests."""

    def setUp(self) -> None:
        super().setUp()
        self.prefix = self.root.parent / "nginx"
        self.prefix.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/file"
        temporary = "".join(
            f"{kind}_temp_path {self.prefix}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (self.prefix / "nginx.conf").write_text(
            # As root it would give its directories to nobody, who may not exist in a sandbox.
            f"{'user root root;' if os.geteuid() == 0 else ''}"
            f"daemon off; master_process off; pid {self.prefix}/pid; events {{}} http {{"
            f"log_format status '$status'; access_log {self.prefix}/access.log status; {temporary}"
            f"server {{ listen 127.0.0.1:{port}; root {self.root}; }} }}"
        )
        errors = str(self.prefix / "errors")
        command = ["nginx", "-e", errors, "-c", str(self.prefix / "nginx.conf")]
        self.process = subprocess.Popen(command, env={"PATH": _PATH})
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.terminate)
        deadline = time.monotonic() + 60
        while not _listens(port):
            self.assertLess(time.monotonic(), deadline, "nginx did not start")
            time.sleep(0.01)

    def test_a_file_that_did_not_change_is_answered_with_304(self) -> None:
        os.utime(self.root / "file", (1e9, 1e9))
        for _ in range(3):
            self.assertEqual(self.downloader().fetch_changing(self.url, 1 << 20), CONTENT)
        (self.root / "file").write_bytes(b"new")
        self.assertEqual(self.downloader().fetch_changing(self.url, 1 << 20), b"new")
        self.process.terminate()
        self.process.wait()  # it logs after it has answered
        log = (self.prefix / "access.log").read_text().split()
        self.assertEqual(log, ["200", "304", "304", "200"])


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    unittest.main()
