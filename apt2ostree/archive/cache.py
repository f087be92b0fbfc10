"""What was downloaded before: files by their SHA-256, and answers to conditional requests.

It lies in ``$XDG_CACHE_HOME/apt2ostree`` (XDG Base Directory Specification; ``~/.cache`` by
default) and can be deleted at any time. Files appear in it whole, by renaming, so several
processes can share it, and nothing in it is believed without being checked again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from apt2ostree.debian.checksum import FIELDS, digest_like, field_of

_DAY = 24 * 3600
_KEPT_UNUSED = 30 * _DAY


def default_cache(environment: Mapping[str, str]) -> Cache:
    """The cache of the user whose environment it is."""
    home = environment.get("XDG_CACHE_HOME", "")
    # The specification wants a relative path to be ignored.
    base = Path(home) if Path(home).is_absolute() else Path("~/.cache").expanduser()
    return Cache(base / "apt2ostree")


@dataclass(frozen=True)
class Answer:
    """What a server sent before, and what it wants to hear to say whether that still holds.

    Attributes:
        body: the file.
        validators: headers of HTTP (RFC 9110, section 13.1) for the next request.
    """

    body: bytes
    validators: Mapping[str, str]


@dataclass(frozen=True)
class Cache:
    """A directory of files that can be had again."""

    root: Path

    def path(self, checksum: str) -> Path:
        """Where the file with this checksum is, or would be."""
        return self.root / field_of(checksum).lower() / checksum[:2] / checksum

    def find(self, checksum: str, size: int | None = None) -> Path | None:
        """The file with this checksum, if it is here, and of this size; its use is noted."""
        path = self.path(checksum)
        try:
            os.utime(path)
            is_whole = size is None or path.stat().st_size == size
        except OSError:
            return None
        return path if is_whole else None

    def read(self, checksum: str) -> bytes | None:
        """What is in the file with this checksum, or None; a damaged file is removed."""
        path = self.find(checksum)
        if path is None:
            return None
        data = path.read_bytes()
        digest = digest_like(checksum)
        digest.update(data)
        if digest.hexdigest() == checksum:
            return data
        path.unlink(missing_ok=True)
        return None

    @contextmanager
    def temporary(self) -> Iterator[BinaryIO]:
        """A new file in the cache, removed at the end unless :meth:`keep` has named it."""
        directory = self.root / "tmp"
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=directory, delete=False) as file:
            try:
                yield file  # type: ignore[misc]
            finally:
                Path(file.name).unlink(missing_ok=True)

    def keep(self, file: BinaryIO, checksum: str) -> Path:
        """Give a temporary file its name; the caller has checked its checksum."""
        file.flush()
        path = self.path(checksum)
        path.parent.mkdir(parents=True, exist_ok=True)
        Path(file.name).rename(path)
        return path

    def answer(self, url: str) -> Answer | None:
        """What the server sent for this URL the last time, or None."""
        try:
            header, _, body = self._answer_path(url).read_bytes().partition(b"\n")
            validators = json.loads(header)
            os.utime(self._answer_path(url))
        except (OSError, ValueError):
            return None
        return Answer(body, validators) if isinstance(validators, dict) else None

    def keep_answer(self, url: str, answer: Answer) -> None:
        """Remember what the server sent for a URL."""
        path = self._answer_path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.temporary() as file:
            file.write(json.dumps(dict(answer.validators)).encode() + b"\n" + answer.body)
            file.flush()
            Path(file.name).rename(path)

    def prune(self, now: float | None = None) -> None:
        """Remove what nobody has used for a month, and what a killed process left."""
        now = time.time() if now is None else now
        kept = dict.fromkeys((*map(str.lower, FIELDS.values()), "answers"), _KEPT_UNUSED)
        for directory, age in {"tmp": _DAY, **kept}.items():
            for path in (self.root / directory).rglob("*"):
                if path.is_file() and path.stat().st_mtime < now - age:
                    path.unlink(missing_ok=True)

    def _answer_path(self, url: str) -> Path:
        return self.root / "answers" / hashlib.sha256(url.encode()).hexdigest()
