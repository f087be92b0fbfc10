"""Packages made for tests, by Python's tarfile and by hand: the other side of our readers."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

Entry = tuple[tarfile.TarInfo, bytes]
"""A tar member and its content."""

COMPRESSORS: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
}
"""deb(5)'s suffixes that Python of any version can write."""


def file(name: str, data: bytes = b"", mode: int = 0o644, **attributes: Any) -> Entry:
    """A regular file."""
    return _entry(name, tarfile.REGTYPE, data, mode=mode, **attributes)


def directory(name: str, mode: int = 0o755, **attributes: Any) -> Entry:
    """A directory."""
    return _entry(name, tarfile.DIRTYPE, mode=mode, **attributes)


def symlink(name: str, target: str, mode: int = 0o777, **attributes: Any) -> Entry:
    """A symlink."""
    return _entry(name, tarfile.SYMTYPE, linkname=target, mode=mode, **attributes)


def hardlink(name: str, target: str, **attributes: Any) -> Entry:
    """A hard link to a member before it."""
    return _entry(name, tarfile.LNKTYPE, linkname=target, **attributes)


def special(name: str, kind: bytes, major: int = 1, minor: int = 3) -> Entry:
    """A device node or a fifo: one of tarfile's type constants."""
    return _entry(name, kind, devmajor=major, devminor=minor)


def _entry(name: str, kind: bytes, data: bytes = b"", **attributes: Any) -> Entry:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(data)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, data


ROOT = directory("./")


def tar(*entries: Entry, format: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format, errors="surrogateescape") as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def ar(*members: tuple[str, bytes]) -> bytes:
    """An ar archive as deb(5) wants it."""
    parts = [b"!<arch>\n"]
    for name, data in members:
        header = f"{name:16}{0:<12}{0:<6}{0:<6}{'100644':8}{len(data):<10}`\n"
        parts += [header.encode("ascii"), data, b"\n" * (len(data) % 2)]
    return b"".join(parts)


def control(package: str = "tiny", version: str = "1", **fields: str) -> str:
    """A control file's text; underscores in field names stand for hyphens."""
    stanza = {
        "Package": package,
        "Version": version,
        "Architecture": "amd64",
        "Maintainer": "Nobody <nobody@example.org>",
        "Description": "made for a test",
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    return "".join(f"{name}: {value}\n" for name, value in stanza.items())


def deb(
    *entries: Entry,
    control: str = control(),
    scripts: Mapping[str, str] | None = None,
    compression: str = ".xz",
    data: bytes | None = None,
) -> bytes:
    """A package.

    Args:
        *entries: members of data.tar; the root comes first by itself.
        control: text of the file `control`.
        scripts: further control files, executable where they start with `#!`.
        compression: suffix of both tars.
        data: data.tar in place of `entries`.
    """
    files = {"control": control, **(scripts or {})}
    control_tar = tar(
        ROOT,
        *(
            file(f"./{name}", text.encode("utf-8", "surrogateescape"), _script_mode(text))
            for name, text in files.items()
        ),
    )
    compress = COMPRESSORS[compression]
    return ar(
        ("debian-binary", b"2.0\n"),
        (f"control.tar{compression}", compress(control_tar)),
        (f"data.tar{compression}", compress(tar(ROOT, *entries) if data is None else data)),
    )


def _script_mode(text: str) -> int:
    return 0o755 if text.startswith("#!") else 0o644


def write(path: Path, data: bytes) -> Path:
    """Write a file, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
