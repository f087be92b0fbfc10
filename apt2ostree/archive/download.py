"""Download files from archives: many at once, checked, retried, none of them half.

``requests`` does HTTP, and with it netrc, proxies (``http_proxy``, ``https_proxy``, ``no_proxy``)
and certificates (``REQUESTS_CA_BUNDLE``). A server is not believed: a file may not be larger than
expected, must come within a time, must have its checksum, and redirects may not leave https.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar, cast
from urllib.parse import unquote, urlsplit, urlunsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from apt2ostree.archive.cache import Answer, Cache
from apt2ostree.archive.mirrors import Mirrors
from apt2ostree.archive.progress import Progress
from apt2ostree.debian.checksum import digest_like, field_of
from apt2ostree.errors import UserError

_CHUNK = 1 << 17
_MAX_REDIRECTS = 10
_RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_PAUSE = 60.0
# A server that sends less than this, over a whole timeout, has stalled.
_SLOWEST = 100  # bytes per second

_VALIDATORS = {"Last-Modified": "If-Modified-Since", "ETag": "If-None-Match"}
_OTHER_VERSION = (
    "Either the mirror is being updated right now, and works again in some minutes, or somebody "
    "tampered with the file"
)
_LOGIN = (
    "if it wants a login, put it into ~/.netrc, or the file that NETRC names, where builds find it "
    "too; Bazel's --credential_helper and downloader configuration serve builds alone"
)
_CONNECTION = re.compile(r"^(<[^>]*>|HTTPS?Connection\([^)]*\)): ")

T = TypeVar("T")
U = TypeVar("U")


class DownloadError(UserError):
    """A file could not be had; the text says why from each place.

    Attributes:
        not_found: every place answered, and has no such file.
    """

    def __init__(self, message: str, not_found: bool = False) -> None:
        super().__init__(message)
        self.not_found = not_found


class _Failure(Exception):
    """One attempt at one URL failed, and there is no use in trying it again."""


class _NotFound(_Failure):
    """The server has no such file."""


class _WrongContent(_Failure):
    """The server sent something else than was promised."""


class _Transient(Exception):
    """One attempt failed, and another one may not."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class Cancelled(UserError):
    """Another download failed, or the user pressed Ctrl-C."""


@dataclass(frozen=True)
class Expected:
    """A file that is known before it is downloaded.

    Attributes:
        urls: where it is, without mirrors; they hold the same bytes.
        checksum: its SHA-256 or SHA-512, in lower-case hexadecimal.
        size: in bytes.
        label: what to call it on a terminal.
    """

    urls: tuple[str, ...]
    checksum: str
    size: int
    label: str


@dataclass(frozen=True)
class Settings:
    """How patient downloads are.

    Attributes:
        jobs: how many run at once.
        tries: how often each file is tried before giving up.
        timeout: seconds without an answer, or a byte, after which an attempt fails.
        pause: seconds before the second attempt; each further one waits twice as long.
    """

    jobs: int = 8
    tries: int = 5
    timeout: float = 30.0
    pause: float = 1.0


class _Session(requests.Session):
    """A session that does not follow redirects out of encryption."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target: str | None = super().get_redirect_target(resp)
        scheme = urlsplit(target or "").scheme
        shown = without_credentials(target or "")
        if scheme and scheme not in ("http", "https"):
            raise _Failure(f"it redirects to {shown}, which is not of the web")
        if scheme == "http" and urlsplit(str(resp.url)).scheme == "https":
            raise _Failure(f"it redirects from https to {shown}, which anybody could read")
        return target


@dataclass
class Downloader:
    """Downloads into a cache, with one connection pool for all threads."""

    cache: Cache
    mirrors: Mirrors = field(default_factory=Mirrors)
    progress: Progress = field(default_factory=Progress)
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self._session = _Session()
        self._session.max_redirects = _MAX_REDIRECTS
        # Compression in transit would hide the bytes that the checksums are of.
        self._session.headers.update(
            {"Accept-Encoding": "identity", "User-Agent": "apt2ostree (Debian APT-HTTP/1.3 client)"}
        )
        adapter = HTTPAdapter(pool_maxsize=self.settings.jobs)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._cancelled = threading.Event()
        # Of one run, so that all lockfiles that are updated together see one state of an archive.
        self._fetched: dict[str, bytes] = {}

    def map(self, function: Callable[[U], T], items: Iterable[U]) -> list[T]:
        """Call ``function`` for every item in threads; the first error stops all for good."""
        if self._cancelled.is_set():
            raise Cancelled("the downloads were cancelled")
        todo = deque(enumerate(items))
        results: list[T | None] = [None] * len(todo)
        finished: SimpleQueue[BaseException | None] = SimpleQueue()

        def work() -> None:
            while not self._cancelled.is_set():
                try:
                    number, item = todo.popleft()
                except IndexError:
                    return
                try:
                    results[number] = function(item)
                    finished.put(None)
                except BaseException as error:
                    finished.put(error)

        # Daemons: whoever presses Ctrl-C does not wait for a server that is silent.
        for _ in range(min(self.settings.jobs, len(todo))):
            threading.Thread(target=work, daemon=True).start()
        try:
            for _ in results:
                error = finished.get()
                if error is not None:
                    raise error
        except BaseException:
            self._cancelled.set()
            raise
        return cast("list[T]", results)

    def fetch(self, expected: Expected) -> Path:
        """Return the file, from the cache if it is there.

        Raises:
            DownloadError: with the reason for every URL that was tried.
        """
        found = self.cache.find(expected.checksum, expected.size)
        if found is not None:
            return found
        with self._task(expected.label, expected.size) as advance:
            return self._try_all(
                expected.label,
                expected.urls,
                lambda url: self._fetch_expected(url, expected, advance),
            )

    def fetch_changing(self, url: str, max_size: int) -> bytes:
        """Return a file that may have changed, asking the server once whether it has.

        Raises:
            DownloadError: with the reason for every URL that was tried.
        """
        if url not in self._fetched:
            with self._task(url, None) as advance:
                self._fetched[url] = self._try_all(
                    url, [url], lambda candidate: self._fetch_changing(candidate, max_size, advance)
                )
        return self._fetched[url]

    @contextmanager
    def _task(self, label: str, size: int | None) -> Iterator[Callable[[int], None]]:
        task = self.progress.begin(label, size)
        ok = False
        try:
            yield lambda amount: self.progress.advance(task, amount)
            ok = True
        finally:
            self.progress.end(task, ok)

    def _try_all(self, label: str, urls: Sequence[str], attempt: Callable[[str], T]) -> T:
        """Try every URL, then again those that may recover, with longer and longer pauses."""
        candidates = [c for url in urls for c in self.mirrors.candidates(url)]
        # Mirrors first for all names of the file: by-hash on a mirror, its plain name there, …
        candidates.sort(key=lambda candidate: candidate in urls)
        failures: dict[str, Exception] = {}
        for number in range(self.settings.tries):
            pause = self.settings.pause * 2**number
            for url in candidates:
                if isinstance(failures.get(url), _Failure) or self._distrusted(url, failures):
                    continue
                try:
                    return attempt(url)
                except _Transient as error:
                    failures[url] = error
                    pause = max(pause, error.pause)
                except _Failure as error:
                    failures[url] = error
            if not any(isinstance(error, _Transient) for error in failures.values()):
                break
            if number + 1 < self.settings.tries:
                self._sleep(min(pause, _LONGEST_PAUSE))
        raise _download_error(label, failures, self.settings.tries)

    @staticmethod
    def _distrusted(url: str, failures: dict[str, Exception]) -> bool:
        """Whether its host has sent a wrong file already under another name of the same file."""
        return any(
            isinstance(error, _WrongContent) and urlsplit(bad).netloc == urlsplit(url).netloc
            for bad, error in failures.items()
        )

    def _sleep(self, seconds: float) -> None:
        if self._cancelled.wait(seconds):
            raise Cancelled("the download was cancelled")

    def _fetch_expected(self, url: str, expected: Expected, advance: Callable[[int], None]) -> Path:
        digest = digest_like(expected.checksum)
        done = 0
        with self.cache.temporary() as file:
            try:
                for chunk in self._chunks(url, {}):
                    done += len(chunk)
                    advance(len(chunk))
                    if done > expected.size:
                        raise _WrongContent(
                            f"it is larger than the {expected.size} bytes that the archive promises"
                        )
                    digest.update(chunk)
                    file.write(chunk)
                _check(expected, done, digest.hexdigest())
                return self.cache.keep(file, expected.checksum)
            except BaseException:
                advance(-done)
                raise

    def _fetch_changing(self, url: str, max_size: int, advance: Callable[[int], None]) -> bytes:
        previous = self.cache.answer(url)
        body = bytearray()
        response = _Headers()
        try:
            for chunk in self._chunks(url, previous.validators if previous else {}, response):
                body += chunk
                advance(len(chunk))
                if len(body) > max_size:
                    raise _Failure(f"it is larger than {max_size} bytes, which cannot be right")
        except BaseException:
            advance(-len(body))
            raise
        if response.not_modified and previous:
            return previous.body
        if response.validators:
            self.cache.keep_answer(url, Answer(bytes(body), response.validators))
        return bytes(body)

    def _chunks(
        self, url: str, headers: Mapping[str, str], response: _Headers | None = None
    ) -> Iterator[bytes]:
        if urlsplit(url).scheme in ("file", "copy"):
            return _local_chunks(url)
        return self._http_chunks(url, headers, response or _Headers())

    def _http_chunks(
        self, url: str, headers: Mapping[str, str], response: _Headers
    ) -> Iterator[bytes]:
        timeout = self.settings.timeout
        try:
            with self._session.get(url, headers=headers, stream=True, timeout=timeout) as answer:
                response.take(answer)
                if not response.not_modified:
                    yield from self._body(answer)
        except requests.TooManyRedirects:
            raise _Failure(f"it redirects more than {_MAX_REDIRECTS} times: a loop") from None
        except requests.exceptions.SSLError as error:
            raise _Failure(
                f"its certificate is not trusted ({_innermost(error)}); name the authority's "
                "certificate in REQUESTS_CA_BUNDLE if it is your own"
            ) from None
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise _Transient(f"it stalled: nothing came for {timeout:g} seconds") from None
        except (requests.exceptions.InvalidSchema, ValueError) as error:
            raise _Failure(f"it cannot be used: {error}") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            reason = _innermost(error)
            what = "it was truncated" if "IncompleteRead" in reason else "the connection failed"
            raise _Transient(f"{what}: {reason}") from None

    def _body(self, answer: requests.Response) -> Iterator[bytes]:
        """The body as it came over the wire, complete, at no less than the slowest speed."""
        length = answer.headers.get("Content-Length", "")
        # read() waits for a whole chunk, in which time a slow server could not be told from a
        # fast one. urllib3 before 2.1 has nothing else.
        read = getattr(answer.raw, "read1", answer.raw.read)
        done, window_start, window_done = 0, time.monotonic(), 0
        while True:
            if self._cancelled.is_set():
                raise Cancelled("the download was cancelled")
            chunk = read(_CHUNK)
            if not chunk:
                break
            done += len(chunk)
            window_done += len(chunk)
            elapsed = time.monotonic() - window_start
            if elapsed > self.settings.timeout:
                if window_done < _SLOWEST * elapsed:
                    raise _Transient(f"it stalled: {window_done} bytes in {elapsed:.0f} seconds")
                window_start, window_done = time.monotonic(), 0
            yield chunk
        if length.isdigit() and done < int(length):
            raise _Transient(f"it was truncated: {done} of {length} bytes came")


@dataclass
class _Headers:
    """What a server says before the body."""

    not_modified: bool = False
    validators: dict[str, str] = field(default_factory=dict)

    def take(self, answer: requests.Response) -> None:
        """Note the headers that matter, and raise if they announce no file."""
        status = answer.status_code
        if _is_settled(answer.headers):
            for header, request in _VALIDATORS.items():
                if header in answer.headers:
                    self.validators[request] = answer.headers[header]
        self.not_modified = status == 304
        if status in (200, 304):
            return
        said = f"the server says {status} {answer.reason or ''}".rstrip()
        if status in (404, 410):
            raise _NotFound(f"not found ({status})")
        if status in (401, 403):
            raise _Failure(f"{said}; {_LOGIN}")
        if status in _RETRIED_STATUS:
            pause = answer.headers.get("Retry-After", "")
            raise _Transient(said, float(pause) if pause.isdigit() else 0.0)
        raise _Failure(said)


def _is_settled(headers: Mapping[str, str]) -> bool:
    """Whether the file is older than its times can tell apart (RFC 9110, section 8.8.2.2)."""
    try:
        modified = parsedate_to_datetime(headers["Last-Modified"])
        return parsedate_to_datetime(headers["Date"]) - modified > timedelta(seconds=2)
    except KeyError:
        return True
    except (ValueError, TypeError):
        return False


def _local_chunks(url: str) -> Iterator[bytes]:
    path = Path(unquote(urlsplit(url).path))
    try:
        if path.exists() and not path.is_file():
            raise _Failure("it is not a file")
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except (FileNotFoundError, NotADirectoryError):
        raise _NotFound("not found") from None
    except OSError as error:
        raise _Failure(f"it cannot be read: {error.strerror}") from None


def _check(expected: Expected, size: int, checksum: str) -> None:
    if size < expected.size:
        raise _WrongContent(
            f"it is truncated, or another version: it has {size} bytes, but the archive promises "
            f"{expected.size}. {_OTHER_VERSION}"
        )
    if checksum != expected.checksum:
        raise _WrongContent(
            f"its {field_of(checksum).replace('SHA', 'SHA-')} is {checksum}, but the archive "
            f"promises {expected.checksum}. {_OTHER_VERSION}"
        )


def without_credentials(url: str) -> str:
    """The URL without user and password, fit for a message or a file."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in url else url


def _innermost(error: BaseException) -> str:
    """The words of the error at the bottom, below what requests and urllib3 put around it."""
    reason = getattr(error, "reason", None)
    below = reason if isinstance(reason, BaseException) else None
    for argument in error.args:
        below = argument if isinstance(argument, BaseException) else below
    if below is not None:
        return _innermost(below)
    # urllib3 begins with the connection, as an object or in words: it is in the URL already.
    return _CONNECTION.sub("", str(error) or type(error).__name__)


def _download_error(label: str, failures: Mapping[str, Exception], tries: int) -> DownloadError:
    lines = [f"cannot download {without_credentials(label)}:"]
    for url, error in failures.items():
        often = f" (tried {tries} times)" if isinstance(error, _Transient) and tries > 1 else ""
        lines.append(f"  {without_credentials(url)}: {error}{often}")
    not_found = all(isinstance(error, _NotFound) for error in failures.values())
    return DownloadError("\n".join(lines), not_found)
