"""Patterns for paths in a tree.

`*` and `?` match within a component, `**` any number of components, `[…]` a character of a
set; a leading slash is optional.
"""

from __future__ import annotations

import re
from functools import lru_cache

from apt2ostree.errors import UserError

_TOKEN = re.compile(r"\*\*/|/\*\*$|\*|\?|\[!?\]?[^]]*\]|.", re.DOTALL)


@lru_cache(maxsize=1024)
def compile_glob(pattern: str, below: bool = False) -> re.Pattern[str]:
    """Return an expression to be matched in full against paths without a leading slash.

    Args:
        pattern: see the module's description.
        below: what lies below a directory that matches matches too, as in a .gitignore.

    Raises:
        UserError: an empty pattern, or one with `..` or `**` within a component.
    """
    text = pattern.strip("/")
    parts = text.split("/")
    if not text or ".." in parts or any("**" in part and part != "**" for part in parts):
        raise UserError(
            f"pattern {pattern!r}: expected a path with '*', '?', '[…]' in its components, or "
            "'**' as a whole component"
        )
    if text == "**":
        return re.compile(r".+", re.DOTALL)
    body = "".join(_translate(token) for token in _TOKEN.findall(text))
    return re.compile(rf"{body}(?:/.*)?" if below else body, re.DOTALL)


def literal_start(pattern: str) -> str:
    """The part of a pattern before its first special character: what all its matches share."""
    return re.split(r"[*?\[]", pattern.strip("/"), maxsplit=1)[0]


def _translate(token: str) -> str:
    if token == "**/":
        return "(?:[^/]+/)*"
    if token == "/**":
        return "/.+"
    if token == "*":
        return "[^/]*"
    if token == "?":
        return "[^/]"
    if token.startswith("[") and len(token) > 2:
        inner = token[1:-1].replace("\\", "\\\\")
        return "[^/" + inner[1:] + "]" if inner.startswith("!") else f"[{inner}]"
    return re.escape(token)
