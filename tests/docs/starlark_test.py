"""The Starlark in the documentation is Starlark, and uses what the reference has."""

from __future__ import annotations

import ast
import re
import unittest
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path("MODULE.bazel").resolve().parent
"""The rule set itself: where the runfiles' symlinks lead."""

DOCUMENTS = [SOURCES / "README.md", *sorted((SOURCES / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^ *```starlark\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([a-z_.]+\([^`]*=[^`]*\))`")
_HEADING = re.compile(r"^#{3,4} ([\w.]+)$")
_ATTRIBUTE = re.compile(r"^- `(\w+)`")
# What is Bazel's own, or the original's and other rule sets' in comparisons with them.
_OTHERS = {
    "archive_override",
    "bazel_dep",
    "filegroup",
    "git_override",
    "glob",
    "load",
    "local_path_override",
    "module",
    "select",
    "use_extension",
    "use_repo",
}
_THEIRS = re.compile(
    r"^(apt\.(install|build_image|image_from|second_stage)|AptSource|multistrap\(|oci_"
    r"|ostree_(addfile|combine)\.)"
)
_OF_ALL_RULES = {"exec_properties", "name", "tags", "testonly", "visibility"}


def reference() -> dict[str, set[str]]:
    """Name of a rule, macro, function or tag class → its attributes."""
    found: dict[str, set[str]] = {}
    name = ""
    for line in (SOURCES / "docs/reference.md").read_text(encoding="utf-8").splitlines():
        if heading := _HEADING.match(line):
            name = heading[1]
            found[name] = set()
        elif name and (attribute := _ATTRIBUTE.match(line)):
            found[name].add(attribute[1])
    for attributes in found.values():
        if "kwargs" in attributes:
            attributes |= found["ostree_image"]
    return found


def snippets(text: str) -> Iterator[str]:
    """Yield a document's Starlark, what `…` stands for left out."""
    for block in [*_BLOCK.findall(text), *_INLINE.findall(text)]:
        if not _THEIRS.match(block):
            known = re.sub(r"= …", "= None", re.sub(r"\[…\]", "[]", block))
            yield re.sub(r",?\s*…,?", "", known)


def unknown(snippet: str, known: dict[str, set[str]]) -> Iterator[str]:
    """Yield the calls and attributes that the reference does not have."""
    for call in ast.walk(ast.parse(snippet)):
        if isinstance(call, ast.Call):
            name = ast.unparse(call.func)
            given = {keyword.arg or "**" for keyword in call.keywords}
            if name in known:
                yield from (f"{name}({each})" for each in given - known[name] - _OF_ALL_RULES)
            elif name not in _OTHERS:
                yield name


class StarlarkTest(unittest.TestCase):
    def test_the_documents_use_what_there_is(self) -> None:
        known = reference()
        self.assertIn("configure", known["ostree_image"])
        count = 0
        for document in DOCUMENTS:
            for snippet in snippets(document.read_text(encoding="utf-8")):
                count += 1
                with self.subTest(document.name, snippet=snippet):
                    self.assertEqual(list(unknown(snippet, known)), [])
        self.assertGreater(count, 30)

    def test_what_there_is_not_is_found(self) -> None:
        known = {"rule": {"one"}, "apt.lock": {"archive"}}
        text = "rule(name = 'x', one = [1], two = other())\napt.lock(archive = '', x = None)"
        self.assertEqual(sorted(unknown(text, known)), ["apt.lock(x)", "other", "rule(two)"])


if __name__ == "__main__":
    unittest.main()
