"""Every parser, for a few seconds, on inputs that grow out of those that it takes.

    FUZZ_SECONDS=3600 python3 -m tests.fuzz.fuzz_test    for longer, over all targets
    python3 -m tests.fuzz.fuzz_test --atheris TARGET     guided by coverage, until it is stopped

The second needs atheris (PyPI), and takes libFuzzer's options. Without it inputs are mutated at
random, from a fixed seed. Each has a time that it may take, so that a parser that takes the square
of an input's length fails on one that repeats something a great many times.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import resource
import sys
import time
import unittest

from tests.fuzz.targets import TARGETS, Target

_SECONDS = float(os.environ.get("FUZZ_SECONDS", "40"))
#: What one input may take: processor seconds, for 128 KiB, many times what is needed.
_LIMIT = 5.0
_LONGEST = 128 << 10
_MEMORY = 2 << 30
_TOKENS = (
    b"\n",
    b"\n\n",
    b" ",
    b":",
    b"|",
    b",",
    b"(",
    b")",
    b"=",
    b"\0",
    b"\xff",
    b"~",
    b"/",
    b"..",
)


def run(target: Target, data: bytes) -> None:
    """Give an input to a target; raises whatever is no refusal."""
    with contextlib.suppress(*target.refusals):
        target.run(data)


def mutate(draw: random.Random, data: bytes) -> bytes:
    """Change an input in one of the ways that find things."""
    start, end = sorted(draw.randint(0, len(data)) for _ in range(2))
    kind = draw.randrange(6)
    if kind == 0:
        return data[:start] + data[end:]
    if kind == 1:
        return data[:start] + draw.choice(_TOKENS) + data[start:]
    if kind == 2:
        return data[:start] + draw.randbytes(end - start) + data[end:]
    if kind == 3:
        times = draw.choice((2, 10, 1000, 100_000))
        piece = data[start:end] or draw.choice(_TOKENS)
        return (data[:start] + piece * min(times, _LONGEST // len(piece)) + data[end:])[:_LONGEST]
    if kind == 4:
        return data[:start] + data[end:] + data[start:end]
    return data + data[start:end]


class FuzzTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, hard))

    def test_any_bytes_are_read_or_refused_in_time(self) -> None:
        for name, target in TARGETS.items():
            with self.subTest(name):
                count = self._fuzz(name, target, _SECONDS / len(TARGETS))
                print(f"{name}: {count} inputs", file=sys.stderr)

    def _fuzz(self, name: str, target: Target, seconds: float) -> int:
        draw = random.Random(name)
        pool = list(target.seeds)
        count, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            data = draw.choice(pool)
            for _ in range(draw.randint(1, 4)):
                data = mutate(draw, data)
            start = time.process_time()
            try:
                run(target, data)
            except Exception as error:
                self.fail(f"{name}: {error!r} for {data[:300]!r} ({len(data)} bytes)")
            taken = time.process_time() - start
            self.assertLess(taken, _LIMIT, f"{name}: {data[:300]!r} ({len(data)} bytes)")
            count += 1
            if len(data) < 4096 and len(pool) < 200:
                pool.append(data)
        return count


def _atheris(arguments: list[str]) -> None:
    atheris = importlib.import_module("atheris")
    target = TARGETS[arguments[0]]
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *arguments[1:]], lambda data: run(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--atheris"]:
        _atheris(sys.argv[2:])
    else:
        unittest.main()
