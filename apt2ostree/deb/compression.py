"""Decompressing the members of a .deb, as a stream of bounded memory.

deb(5) names the compressions by the member's suffix: none, `.gz`, `.xz`, `.zst`, and
the older `.bz2` and `.lzma`.
"""

from __future__ import annotations

import bz2
import contextlib
import importlib
import lzma
import shutil
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from typing import Any, Callable, Protocol

from apt2ostree.errors import UserError

CHUNK = 1 << 18
"""Bytes read, and at most decompressed, in one step."""

XZ_MEMORY_LIMIT = 80 << 20
"""Bytes an xz decoder may use: `xz -9`, the largest preset, needs 65 MiB."""


class Reader(Protocol):
    """Anything that gives bytes in order."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; empty at the end."""
        ...


def chunks(suffix: str, source: Reader, zstd: str | None = None) -> Iterator[bytes]:
    """Yield the decompressed content of `source` in chunks of at most about `CHUNK` bytes.

    Args:
        suffix: what follows `.tar` in the member's name: `""`, `".gz"`, `".xz"`, `".zst"`,
            `".bz2"` or `".lzma"`.
        source: the compressed bytes.
        zstd: the `zstd` program to use where Python has none of its own (before 3.14);
            `None`: the one on the PATH.

    Raises:
        UserError: unknown compression, corrupt or truncated data, or no zstd to be had.
    """
    if suffix == "":
        return _plain(source)
    if suffix == ".zst":
        return _zstd(source, zstd)
    factory = _DECOMPRESSORS.get(suffix)
    if factory is None:
        known = ", ".join(sorted([*_DECOMPRESSORS, ".zst"]))
        raise UserError(f"unknown compression {suffix!r}: expected none or one of {known}")
    return _decompress(source, factory, suffix)


def _plain(source: Reader) -> Iterator[bytes]:
    while data := source.read(CHUNK):
        yield data


class _Gzip:
    """zlib's decompressor with the interface of lzma's and bz2's."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)
        self._output_left = False

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail and not self._output_left

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        # A full buffer may mean that zlib has more to give without more input.
        self._output_left = len(out) == max_length
        return out


_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    ".gz": _Gzip,
    ".bz2": bz2.BZ2Decompressor,
    ".xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_LIMIT),
    ".lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=XZ_MEMORY_LIMIT),
}


def _decompress(source: Reader, factory: Callable[[], Any], suffix: str) -> Iterator[bytes]:
    """Decompress one or more concatenated streams."""
    decompressor = factory()
    pending = b""
    try:
        while True:
            if decompressor.eof:
                # gzip and xz files may be concatenated; zero bytes after the end are padding.
                pending = (decompressor.unused_data + pending).lstrip(b"\0") or source.read(CHUNK)
                pending = pending.lstrip(b"\0")
                if not pending:
                    return
                decompressor = factory()
            if decompressor.needs_input and not pending:
                pending = source.read(CHUNK)
                if not pending:
                    raise UserError(
                        f"truncated: the {suffix} data ends early; download the package again"
                    )
            data, pending = pending, b""
            out = decompressor.decompress(data, CHUNK)
            if out:
                yield out
    except (lzma.LZMAError, zlib.error, OSError, EOFError) as error:
        if "Memory usage limit" in str(error):
            raise UserError(
                f"the {suffix} data needs a decompressor of more than {XZ_MEMORY_LIMIT >> 20} MiB; "
                "dpkg-deb compresses with at most xz -9, which needs 65"
            ) from error
        raise UserError(f"corrupt {suffix} data: {error}; download the package again") from error


def _zstd(source: Reader, program: str | None) -> Iterator[bytes]:
    """zstd by Python's own module (3.14 on), else by a `zstd` program."""
    if program is None and sys.version_info >= (3, 14):
        zstd = importlib.import_module("compression.zstd")
        _DECOMPRESSORS.setdefault(".zst", zstd.ZstdDecompressor)
        try:
            yield from _decompress(source, zstd.ZstdDecompressor, ".zst")
        except zstd.ZstdError as error:
            raise UserError(f"corrupt .zst data: {error}; download the package again") from error
        return
    path = program or shutil.which("zstd")
    if path is None:
        raise UserError(
            "zstd-compressed, and this Python is older than 3.14, which has zstd of its own: "
            "put a `zstd` program on the executor's PATH, or point "
            "--@apt2ostree//apt2ostree/settings:zstd at one"
        )
    yield from _through_program([path, "-dcq", "-M128MB"], source)


def _through_program(command: list[str], source: Reader) -> Iterator[bytes]:
    """Yield what `command` makes of `source`, fed by a thread so that neither side waits."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        stdin = process.stdin
        failure: list[BaseException] = []

        def feed() -> None:
            try:
                while data := source.read(CHUNK):
                    stdin.write(data)
            except BrokenPipeError:
                pass  # The program's exit status says what went wrong.
            except BaseException as error:
                failure.append(error)
            finally:
                with contextlib.suppress(BrokenPipeError):
                    stdin.close()

        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        try:
            while data := process.stdout.read(CHUNK):
                yield data
        except GeneratorExit:
            process.kill()
            feeder.join()  # It closes the pipe, which still has something to write.
            raise
        feeder.join()
        message = process.stderr.read().decode(errors="replace").strip()
        status = process.wait()
    if failure:
        raise failure[0]
    if status:
        raise UserError(f"corrupt .zst data: {message}; download the package again")
