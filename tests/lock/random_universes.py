"""Small universes of packages at random, full of alternatives and conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from apt2ostree.debian.index import Package, parse_index
from tests.lock.universes import index

_NAMES = "abcdefghij"
_OPERATORS = ("<<", "<=", "=", ">=", ">=", ">>")
_PRIORITIES = ("required", "important", "standard", "optional", "optional", "optional", "extra")


class RandomUniverse:
    """Ten packages, three names that some provide, and what to want of them.

    `lines` are those of `universes.index` for each architecture, `wants` lists of items. All
    names begin with `prefix`.
    """

    def __init__(self, draw: Random, prefix: str, architectures: Sequence[str]) -> None:
        self._draw = draw
        self._architectures = architectures
        self._real = [prefix + name for name in _NAMES]
        self._virtual = [f"{prefix}v{number}" for number in range(3)]
        self.lines: dict[str, list[str]] = {name: [] for name in architectures}
        for name in draw.sample(self._real, len(self._real)):
            for version in draw.sample("123", 2 if self._chance(0.3) else 1):
                self._add(name, version)
        self.wants = [self._want() for _ in range(4)]

    def packages(self) -> list[Package]:
        """The packages of all architectures."""
        return [
            package
            for architecture in self._architectures
            for package in parse_index(self.index(architecture), architecture)
        ]

    def index(self, architecture: str) -> bytes:
        """The Packages index of one architecture."""
        return index("\n".join(self.lines[architecture]))

    def _chance(self, probability: float) -> bool:
        return self._draw.random() < probability

    @property
    def _many(self) -> bool:
        return len(self._architectures) > 1

    def _add(self, name: str, version: str) -> None:
        """Add a version for all architectures, most often alike, or one for them all."""
        if self._many and self._chance(0.15):
            line = "; ".join([f"{name}:all {version}", *self._fields(False)])
            for lines in self.lines.values():
                lines.append(line)
            return
        fields = self._fields(self._many)
        for architecture, lines in self.lines.items():
            if self._many and self._chance(0.1):
                fields = self._fields(True)
            if not self._many or not self._chance(0.15):
                lines.append("; ".join([f"{name}:{architecture} {version}", *fields]))

    def _fields(self, same: bool) -> list[str]:
        fields = []
        if self._chance(0.6):
            fields.append(f"Priority: {self._draw.choice(_PRIORITIES)}")
        if self._chance(0.03):
            fields.append("Essential: yes")
        if self._chance(0.03):
            fields.append("Important: yes")
        if self._many and self._chance(0.6):
            values = ["foreign", "foreign", "allowed", *(["same", "same"] if same else [])]
            fields.append(f"Multi-Arch: {self._draw.choice(values)}")
        if self._chance(0.3):
            provided = {self._provided() for _ in range(self._draw.choice([1, 1, 2]))}
            fields.append(f"Provides: {', '.join(sorted(provided))}")
        for field, probability, most in (
            ("Pre-Depends", 0.15, 1),
            ("Depends", 0.65, 3),
            ("Recommends", 0.2, 1),
            ("Suggests", 0.15, 1),
        ):
            if self._chance(probability):
                groups = [self._group() for _ in range(self._draw.randint(1, most))]
                fields.append(f"{field}: {', '.join(groups)}")
        for field in ("Conflicts", "Breaks"):
            if self._chance(0.12):
                fields.append(f"{field}: {self._relation()}")
        return fields

    def _provided(self) -> str:
        name = self._draw.choice(self._virtual if self._chance(0.8) else self._real)
        return f"{name} (= {self._draw.choice('123')})" if self._chance(0.4) else name

    def _group(self) -> str:
        return " | ".join(self._relation() for _ in range(self._draw.choice([1, 1, 1, 2, 2, 3])))

    def _relation(self) -> str:
        everything = self._real + self._virtual
        name = self._draw.choice(everything if self._chance(0.6) else self._real)
        if self._many and self._chance(0.15):
            name += ":" + self._draw.choice(["any", "any", *self._architectures])
        if self._chance(0.3):
            name += f" ({self._draw.choice(_OPERATORS)} {self._draw.choice('123')})"
        return name

    def _want(self) -> list[str]:
        want = self._draw.sample(self._real, self._draw.choice([1, 1, 2, 3]))
        if self._chance(0.1):
            want[0] = self._draw.choice(self._virtual)
        if self._many:
            want = [
                f"{name}:{self._draw.choice(self._architectures)}" if self._chance(0.35) else name
                for name in want
            ]
        return want
