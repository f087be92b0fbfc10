"""What configuring leaves behind and an image shall not have.

A list is a text file: a pattern per line, `#` starts a comment. Patterns are paths relative
to the root with `*`, `?` and `[…]` within a component and `**` for any number of
components; one that starts with `!` keeps what an earlier one removes; the last that fits
decides, as in gitignore(5). `pattern -> pattern` means symlinks whose target fits the second.
What the packages ship is never removed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from re import Pattern

from apt2ostree.errors import UserError


@dataclass(frozen=True)
class Rule:
    """A line of a list.

    Attributes:
        pattern: fits whole paths.
        keep: keep what fits rather than remove it.
        target: if given, only symlinks fit, whose targets this fits.
    """

    pattern: Pattern[str]
    keep: bool
    target: Pattern[str] | None = None

    def fits(self, path: str, target: str) -> bool:
        """Whether the rule is about a path, a symlink to `target` unless that is empty."""
        if self.target and not self.target.fullmatch(target):
            return False
        return self.pattern.fullmatch(path) is not None


class Cleanup:
    """Lists, one after the other."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = list(rules)
        self._directories: dict[str, bool] = {}

    def removes(self, path: str, target: str = "") -> bool:
        """Whether a path, or a directory it is in, is to be removed.

        Args:
            path: relative to the root.
            target: of a symlink: the path that it leads to, relative to the root.
        """
        above = path.rpartition("/")[0]
        return self._decides(path, target) or self._removes_directory(above)

    def _removes_directory(self, path: str) -> bool:
        """Whether a directory, or one it is in, is to be removed: asked of each path below it."""
        asked = []
        while path and path not in self._directories:
            asked.append(path)
            path = path.rpartition("/")[0]
        removed = self._directories.get(path, False)
        for directory in reversed(asked):
            removed = removed or self._decides(directory, "")
            self._directories[directory] = removed
        return removed

    def _decides(self, path: str, target: str) -> bool:
        """Whether the last rule that fits a path removes it."""
        for rule in reversed(self._rules):
            if rule.fits(path, target):
                return not rule.keep
        return False


def parse(text: str, name: str) -> list[Rule]:
    """Read a list.

    Args:
        text: its content.
        name: of the file, for errors.

    Raises:
        UserError: a pattern is absolute or leads out of the root.
    """
    rules = []
    for number, line in enumerate(text.splitlines(), 1):
        pattern = line.partition("#")[0].strip()
        if not pattern:
            continue
        keep = pattern.startswith("!")
        patterns = [part.strip() for part in pattern[keep:].split(" -> ", 1)]
        for pattern in patterns:
            if pattern.startswith("/") or ".." in pattern.split("/"):
                raise UserError(
                    f"{name}:{number}: {pattern}: expected a path relative to the image's root, "
                    "without '..'"
                )
        compiled = [re.compile(_translate(pattern.rstrip("/"))) for pattern in patterns]
        rules.append(Rule(compiled[0], keep, compiled[1] if len(compiled) > 1 else None))
    return rules


def _translate(pattern: str) -> str:
    """A pattern as a regular expression."""
    result = ""
    parts = pattern.split("/")
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            result += ".*" if last else "(?:.*/)?"
        else:
            result += _translate_component(part) + ("" if last else "/")
    return result


def _translate_component(part: str) -> str:
    pieces = re.split(r"(\*|\?|\[!?[^]]+\])", part)
    translated = []
    for piece in pieces:
        if piece == "*":
            translated.append("[^/]*")
        elif piece == "?":
            translated.append("[^/]")
        elif piece.startswith("[") and piece.endswith("]"):
            translated.append(piece.replace("[!", "[^", 1))
        else:
            translated.append(re.escape(piece))
    return "".join(translated)
