from __future__ import annotations

import os
import random
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from apt2ostree.debian.version import VersionError, compare, key, satisfies, split
from tests.support.judges import need

# The heavy target asks about many more.
_PAIRS = int(os.environ.get("VERSION_PAIRS", "300"))
_OPERATORS = {-1: "lt", 0: "eq", 1: "gt"}
_LOOP = (
    "while read -r a operator b; do "
    'dpkg --compare-versions "$a" "$operator" "$b" || echo "$a $operator $b"; done'
)
_VERSIONS = (
    "1.0-1",
    "1.0~rc1-1",
    "2.36-9+deb12u14",
    "1:4.13+dfsg1-1+deb12u2",
    "20230311",
    "0.0.17+nmu1",
    "5.36.0-7+deb12u4",
    "3.0.22-1~deb12u2",
    "12.2.0-14+deb12u1",
    "1:1.2.13.dfsg-1",
)


class CompareTest(unittest.TestCase):
    def test_orders_as_dpkg_does(self) -> None:
        need(self, "dpkg", "sh")
        pairs = list(generate_pairs(_PAIRS))
        lines = [f"{a} {_OPERATORS[compare(a, b)]} {b}" for a, b in pairs]
        chunks = [lines[start::4] for start in range(4)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            denied = [line for answer in pool.map(_ask_dpkg, chunks) for line in answer]
        self.assertEqual(denied, [])
        if _PAIRS >= 10_000:
            self.assertGreater(len({compare(a, b) for a, b in pairs}), 2)

    def test_tilde_sorts_before_the_end(self) -> None:
        self.assertEqual(sorted(["1", "1~", "1~~", "1~a"], key=key), ["1~~", "1~", "1~a", "1"])

    def test_letters_sort_before_other_characters(self) -> None:
        self.assertEqual(sorted(["1+", "1a", "1.", "1Z"], key=key), ["1Z", "1a", "1+", "1."])

    def test_an_epoch_outweighs_everything(self) -> None:
        self.assertEqual(compare("1:0", "99999"), 1)

    def test_no_revision_equals_revision_0(self) -> None:
        self.assertEqual(compare("1.0", "1.0-0"), 0)

    def test_numbers_of_any_length_are_compared(self) -> None:
        self.assertEqual(compare("1" * 9000, "1" * 8999 + "2"), -1)

    @given(st.lists(st.from_regex(r"[0-9][0-9a-z.+~-]{0,5}[0-9]", fullmatch=True), max_size=6))
    def test_is_an_order(self, versions: list[str]) -> None:
        ordered = sorted(versions, key=key)
        for first, second in zip(ordered, ordered[1:]):
            self.assertLessEqual(compare(first, second), 0)
            self.assertGreaterEqual(compare(second, first), 0)


class SatisfiesTest(unittest.TestCase):
    def test_knows_the_operators_of_relationship_fields(self) -> None:
        for operator, expected in {
            "<<": (True, False, False),
            "<=": (True, True, False),
            "=": (False, True, False),
            ">=": (False, True, True),
            ">>": (False, False, True),
        }.items():
            with self.subTest(operator):
                found = tuple(satisfies(version, operator, "2") for version in "123")
                self.assertEqual(found, expected)

    def test_refuses_another_operator(self) -> None:
        with self.assertRaisesRegex(
            ValueError, "unknown version operator '!='; expected one of << <="
        ):
            satisfies("1", "!=", "2")


class SplitTest(unittest.TestCase):
    def test_finds_epoch_upstream_and_revision(self) -> None:
        self.assertEqual(split("1:2.3-4-5"), (1, "2.3-4", "5"))
        self.assertEqual(split("2.3"), (0, "2.3", ""))

    def test_says_what_is_wrong(self) -> None:
        for version, reason in {
            "": "it is empty",
            "1 2": "it contains a space",
            "a:1": "the epoch before ':' is not a number",
            ":1": "the epoch before ':' is not a number",
            "2147483648:1": "the epoch is too big",
            "9" * 5000 + ":1": "the epoch is too big",
            "1:": "nothing follows the ':'",
            "1-": "nothing follows the last '-'",
            "-1": "the upstream version is empty",
        }.items():
            with self.subTest(version), self.assertRaises(VersionError) as caught:
                split(version)
            self.assertTrue(str(caught.exception).endswith(reason))

    def test_refuses_what_dpkg_refuses(self) -> None:
        need(self, "dpkg")
        for version in ("1:", "a:1", ":1", "1-", "1 2", "2147483648:1", "1:-1", "1-1:2"):
            with self.subTest(version):
                self.assertRaises(VersionError, key, version)
                command = ["dpkg", "--compare-versions", version, "eq", "1"]
                result = subprocess.run(command, capture_output=True, check=False)
                self.assertEqual(result.returncode, 2)


def generate_pairs(count: int) -> list[tuple[str, str]]:
    """Pairs of versions, most of them alike: those are hard to order."""
    draw = random.Random(11)
    return [_pair(draw) for _ in range(count)]


def _pair(draw: random.Random) -> tuple[str, str]:
    first = draw.choice(_VERSIONS) if draw.random() < 0.3 else _version(draw)
    kind = draw.random()
    if kind < 0.15:
        return first, _version(draw)
    second = first
    for _ in range(draw.randint(1, 3)):
        second = _changed(draw, second)
    return (first, second) if draw.random() < 0.5 else (second, first)


def _version(draw: random.Random) -> str:
    epoch = draw.choice(["", "", "", "0:", "1:", "10:"])
    revision = draw.choice(["", "", "-" + _text(draw, ".+~", 4)])
    return epoch + draw.choice("0123456789") + _text(draw, ".+~-" if revision else ".+~") + revision


def _text(draw: random.Random, punctuation: str, most: int = 7) -> str:
    alphabet = "0001123459" + "aZbdrcz" + punctuation * 2
    text = "".join(draw.choice(alphabet) for _ in range(draw.randint(1, most)))
    return text.strip("-") or "0"


def _changed(draw: random.Random, version: str) -> str:
    """A version with one character put in, taken away or replaced; itself if that is none."""
    at = draw.randrange(len(version) + 1)
    piece = draw.choice(["", "0", "1", "~", "+", ".", "a", "Z", "00", "-1", "-0", "+b1", "~rc1"])
    changed = version[:at] + piece + version[at + draw.randint(0, 1) :]
    try:
        split(changed)
    except VersionError:
        return version
    # dpkg would take it for an option.
    return version if changed.startswith("-") else changed


def _ask_dpkg(lines: list[str]) -> list[str]:
    """The lines that dpkg denies or refuses."""
    result = subprocess.run(
        ["sh", "-c", _LOOP],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.splitlines()


if __name__ == "__main__":
    unittest.main()
