"""Leaving files out of an image by pattern.

Patterns are those of `globs`; one that matches a directory takes everything below it along.
`!PATTERN` keeps what it matches, whatever the others say. A pattern is expected to match
something; `?PATTERN` (or `!?PATTERN`) need not, as in a preset that is used for many images.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from apt2ostree.tree import globs, paths
from apt2ostree.tree.manifest import Directory, components


@dataclass
class Removed:
    """What was removed.

    Attributes:
        paths: files and directories.
        unmatched: patterns that matched nothing.
    """

    paths: set[str]
    unmatched: list[str]


@dataclass(frozen=True)
class _Pattern:
    text: str
    start: str
    expression: re.Pattern[str]

    def matches(self, path: str) -> bool:
        return path.startswith(self.start) and self.expression.fullmatch(path) is not None


def remove(directories: dict[str, Directory], patterns: Sequence[str]) -> Removed:
    """Remove what the patterns match from `directories`.

    Of directories, those go that match and in which nothing is left.

    Raises:
        UserError: a malformed pattern.
    """
    keep = [_pattern(text[1:]) for text in patterns if text.startswith("!")]
    drop = [_pattern(text) for text in patterns if not text.startswith("!")]
    used: set[str] = set()
    removed: set[str] = set()

    def goes(path: str) -> bool:
        matching = [pattern.text for pattern in drop if pattern.matches(path)]
        used.update(matching)
        if not matching:
            return False
        keeping = [pattern.text for pattern in keep if pattern.matches(path)]
        used.update(keeping)
        return not keeping

    children = Counter(paths.parent(path) for path in directories if path)
    for path in sorted(directories, key=components, reverse=True):
        files = directories[path].files
        for name in [name for name in files if goes(paths.join(path, name))]:
            del files[name]
            removed.add(paths.join(path, name))
        if path and goes(path) and not files and not children[path]:
            del directories[path]
            removed.add(path)
            children[paths.parent(path)] -= 1
    unmatched = [
        text
        for text in patterns
        if not text.startswith(("?", "!?")) and text.lstrip("!") not in used
    ]
    return Removed(removed, unmatched)


def _pattern(text: str) -> _Pattern:
    pattern = text[1:] if text.startswith("?") else text
    return _Pattern(text, globs.literal_start(pattern), globs.compile_glob(pattern, below=True))
