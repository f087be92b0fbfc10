"""Each message in docs/troubleshooting.md is one that the code has."""

from __future__ import annotations

import ast
import re
import unittest
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path("MODULE.bazel").resolve().parent
"""The rule set itself: where the runfiles' symlinks lead."""

_HEADING = re.compile(r"^### `(.*)`[^`]*$", re.MULTILINE)


def texts() -> Iterator[str]:
    """Yield the texts in the code: strings, and the parts of f-strings between what is put in."""
    for folder in ("apt2ostree", "tools"):
        for path in sorted((SOURCES / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value
        for path in sorted((SOURCES / folder).rglob("*.bzl")):
            # Texts that go on in the next line are one.
            yield re.sub(r'" \+\s*"', "", path.read_text(encoding="utf-8"))


class TroubleshootingTest(unittest.TestCase):
    def test_its_messages_are_the_codes(self) -> None:
        text = (SOURCES / "docs/troubleshooting.md").read_text(encoding="utf-8")
        known = list(texts())
        headings = _HEADING.findall(text)
        self.assertGreater(len(headings), 25)
        for heading in headings:
            for part in re.split(r"…|` and `", heading):
                with self.subTest(heading, part=part):
                    words = part.strip()
                    self.assertTrue(not words or any(words in each for each in known))


if __name__ == "__main__":
    unittest.main()
