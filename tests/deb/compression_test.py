import bz2
import gzip
import io
import lzma
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import tracemalloc
import unittest
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from apt2ostree.deb import compression
from apt2ostree.errors import UserError
from tests.support import debs, judges

TEXT = random.Random(1).randbytes(3 * compression.CHUNK + 17) + bytes(3 * compression.CHUNK)


def compress(suffix: str, data: bytes) -> bytes:
    if suffix == ".zst":
        return subprocess.run(["zstd", "-cq"], input=data, capture_output=True, check=True).stdout
    return debs.COMPRESSORS[suffix](data)


def suffixes() -> list[str]:
    return [*debs.COMPRESSORS, *([".zst"] if shutil.which("zstd") else [])]


def read(suffix: str, data: bytes, zstd: "str | None" = None) -> bytes:
    return b"".join(compression.chunks(suffix, io.BytesIO(data), zstd))


class RoundTripTest(unittest.TestCase):
    def test_every_compression_of_deb_5_is_read(self) -> None:
        judges.need(self, "zstd")
        for suffix in suffixes():
            with self.subTest(suffix):
                self.assertEqual(read(suffix, compress(suffix, TEXT)), TEXT)
                self.assertEqual(read(suffix, compress(suffix, b"")), b"")

    def test_concatenated_streams_are_one(self) -> None:
        for suffix in (".gz", ".bz2", ".xz"):
            with self.subTest(suffix):
                data = compress(suffix, b"one") + compress(suffix, b"two")
                self.assertEqual(read(suffix, data), b"onetwo")

    def test_zero_bytes_after_the_end_are_padding(self) -> None:
        for suffix in (".gz", ".bz2", ".xz"):
            with self.subTest(suffix):
                self.assertEqual(read(suffix, compress(suffix, b"one") + bytes(1024)), b"one")

    def test_a_source_that_gives_a_byte_at_a_time(self) -> None:
        class Trickle(io.BytesIO):
            def read(self, size: "int | None" = -1, /) -> bytes:
                return super().read(1)

        for suffix in suffixes():
            with self.subTest(suffix):
                data = compress(suffix, b"some text" * 50)
                parts = compression.chunks(suffix, Trickle(data))
                self.assertEqual(b"".join(parts), b"some text" * 50)

    def test_what_xz_itself_writes(self) -> None:
        judges.need(self, "xz")
        for options in (["-9e"], ["-0"], ["--check=none"], ["-T2", "--block-size=65536"]):
            with self.subTest(options):
                command = ["xz", "-c", *options]
                data = subprocess.run(command, input=TEXT, capture_output=True, check=True).stdout
                self.assertEqual(read(".xz", data), TEXT)


class MemoryTest(unittest.TestCase):
    def test_a_bomb_is_given_in_small_chunks(self) -> None:
        zeros = bytes(32 << 20)
        bombs = {suffix: compress(suffix, zeros) for suffix in suffixes() if suffix}
        del zeros
        for suffix, bomb in bombs.items():
            with self.subTest(suffix):
                tracemalloc.start()
                total = 0
                for chunk in compression.chunks(suffix, io.BytesIO(bomb)):
                    self.assertLessEqual(len(chunk), compression.CHUNK)
                    total += len(chunk)
                _, peak = tracemalloc.get_traced_memory()
                tracemalloc.stop()
                self.assertEqual(total, 32 << 20)
                self.assertLess(peak, 16 << 20)  # xz -6 has a dictionary of 8 MiB

    def test_a_dictionary_beyond_those_of_xz_9_is_refused(self) -> None:
        filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 256 << 20}]
        data = lzma.compress(b"x" * 1000, filters=filters)
        with self.assertRaisesRegex(UserError, r"\.xz data needs .* more than 80 MiB"):
            read(".xz", data)


class BadInputTest(unittest.TestCase):
    def test_an_unknown_compression(self) -> None:
        with self.assertRaisesRegex(UserError, r"unknown compression '\.lz4': expected none or"):
            read(".lz4", b"")

    def test_every_truncation_is_noticed(self) -> None:
        for suffix in suffixes():
            if not suffix:
                continue
            data = compress(suffix, b"some text" * 20)
            for length in range(len(data)):
                with self.subTest(suffix, length=length), self.assertRaises(UserError) as caught:
                    read(suffix, data[:length])
                self.assertRegex(str(caught.exception), "truncated|corrupt")

    def test_noise_after_the_end_is_corrupt(self) -> None:
        for suffix in (".gz", ".xz", ".bz2"):
            with self.subTest(suffix), self.assertRaisesRegex(UserError, "corrupt|truncated"):
                read(suffix, compress(suffix, b"one") + b"noise and more noise")

    def test_a_flipped_bit_in_the_middle_is_noticed(self) -> None:
        for suffix in (".gz", ".xz", ".bz2"):
            data = bytearray(compress(suffix, TEXT[:100_000]))
            data[len(data) // 2] ^= 1
            with self.subTest(suffix), self.assertRaisesRegex(UserError, "corrupt|truncated"):
                read(suffix, bytes(data))

    @settings(max_examples=100)
    @given(st.sampled_from([".gz", ".xz", ".bz2", ".lzma"]), st.binary(max_size=300), st.data())
    def test_mutations_never_raise_anything_else(
        self, suffix: str, noise: bytes, draw: st.DataObject
    ) -> None:
        data = compress(suffix, b"some text" * 20)
        cut = draw.draw(st.integers(0, len(data)))
        for hostile in (noise, data[:cut] + noise, noise + data[cut:]):
            try:
                read(suffix, hostile)
            except UserError as error:
                self.assertTrue(str(error))


class ZstdTest(unittest.TestCase):
    def setUp(self) -> None:
        judges.need(self, "zstd")
        self.program = shutil.which("zstd")

    def test_the_given_program_is_used(self) -> None:
        self.assertEqual(read(".zst", compress(".zst", TEXT), self.program), TEXT)

    def test_the_program_notices_corrupt_and_truncated_data(self) -> None:
        data = compress(".zst", TEXT)
        for broken in (b"noise", data[: len(data) // 2]):
            with self.assertRaisesRegex(UserError, r"corrupt \.zst data: .*download"):
                read(".zst", broken, self.program)

    def test_the_program_is_ended_when_the_reader_stops(self) -> None:
        started: list[subprocess.Popen[bytes]] = []

        class Noted(subprocess.Popen):  # type: ignore[type-arg]
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **options)
                started.append(self)

        data = compress(".zst", TEXT * 8)
        threads = threading.active_count()
        with mock.patch.object(subprocess, "Popen", Noted):
            chunks = compression.chunks(".zst", io.BytesIO(data), self.program)
            next(chunks)
        (program,) = started
        self.assertIsNone(program.poll())
        chunks.close()  # type: ignore[attr-defined]
        self.assertEqual(program.returncode, -signal.SIGKILL)
        self.assertEqual(threading.active_count(), threads)

    def test_an_error_of_the_source_comes_through(self) -> None:
        class Broken(io.BytesIO):
            def read(self, size: "int | None" = -1, /) -> bytes:
                raise UserError("the source ended")

        with self.assertRaisesRegex(UserError, "the source ended"):
            b"".join(compression.chunks(".zst", Broken(), self.program))

    def test_old_pythons_without_a_program_are_told_what_to_do(self) -> None:
        with (
            mock.patch.object(sys, "version_info", (3, 9, 0)),
            mock.patch.dict(os.environ, {"PATH": ""}),
            self.assertRaisesRegex(UserError, "settings:zstd"),
        ):
            read(".zst", b"")


class FormatTest(unittest.TestCase):
    def test_gzip_headers_with_names_and_comments(self) -> None:
        buffer = io.BytesIO()
        with gzip.GzipFile("a name", "wb", fileobj=buffer) as file:
            file.write(b"x")
        self.assertEqual(read(".gz", buffer.getvalue()), b"x")

    def test_bzip2_of_every_level(self) -> None:
        for level in (1, 9):
            self.assertEqual(read(".bz2", bz2.compress(TEXT, level)), TEXT)


if __name__ == "__main__":
    unittest.main()
