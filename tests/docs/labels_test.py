"""What the documentation names is there: files, targets, and a test for each feature."""

from __future__ import annotations

import re
import unittest
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path("MODULE.bazel").resolve().parent
"""The rule set itself: where the runfiles' symlinks lead."""

DOCUMENTS = [
    SOURCES / "README.md",
    SOURCES / "CHANGELOG.md",
    SOURCES / "HACKING.md",
    SOURCES / ".gitlab-ci.yml",
    *sorted((SOURCES / ".github/workflows").glob("*.yml")),
    *sorted((SOURCES / "docs").glob("*.md")),
]
_OURS = "(?:apt2ostree|dev|docs|e2e|examples|tests|tools)"
_LABEL = re.compile(rf"(?<![\w:])(?:@apt2ostree)?//({_OURS}(?:/[\w+-]+)*)(?::([\w.+-]+))?")
_LINK = re.compile(r"\]\(([^):#]+)(?:#[^)]*)?\)")
_ANCHORED = re.compile(r"\]\(([^):#]*)#([^)]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_PATH = re.compile(rf"`({_OURS}/[\w./+-]+)`")
_FEATURES = "### Each feature of the original"


def missing_labels(text: str) -> Iterator[str]:
    """Yield the labels of packages and targets that are not there."""
    for package, target in _LABEL.findall(text):
        build = SOURCES / package / "BUILD.bazel"
        if not build.is_file():
            yield f"//{package}"
        elif target and not _has_target(build, target):
            yield f"//{package}:{target}"


def _has_target(build: Path, target: str) -> bool:
    """Whether a BUILD file has the name, or it is what a macro makes of one: `NAME_test`."""
    names = re.findall(r'"([\w.+-]+)"', build.read_text(encoding="utf-8"))
    return (build.parent / target).is_file() or any(
        target == name or target.startswith(f"{name}_") for name in names
    )


def missing_files(document: Path, text: str) -> Iterator[str]:
    """Yield links and paths that lead nowhere."""
    for link in _LINK.findall(text):
        if not (document.parent / link).exists():
            yield link
    for path in _PATH.findall(text):
        if not (SOURCES / path).exists():
            yield path


def missing_anchors(document: Path, text: str) -> Iterator[str]:
    """Yield links to headings that are not there."""
    for file, anchor in _ANCHORED.findall(text):
        target = document.parent / file if file else document
        if target.suffix == ".md" and (target == document or target.is_file()):
            found = text if target == document else target.read_text(encoding="utf-8")
            if anchor not in {_anchor(title) for title in _HEADING.findall(found)}:
                yield f"{file}#{anchor}"


def _anchor(title: str) -> str:
    """What GitHub and GitLab call a heading."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


class LabelsTest(unittest.TestCase):
    def test_what_documents_name_is_there(self) -> None:
        self.assertGreater(len(DOCUMENTS), 5)
        for document in DOCUMENTS:
            text = document.read_text(encoding="utf-8")
            with self.subTest(document.name):
                self.assertEqual(list(missing_labels(text)), [])
                self.assertEqual(list(missing_files(document, text)), [])
                self.assertEqual(list(missing_anchors(document, text)), [])

    def test_each_feature_of_the_original_has_a_test_that_shows_it(self) -> None:
        text = (SOURCES / "docs/migration.md").read_text(encoding="utf-8")
        table = text.partition(_FEATURES)[2].partition("\n\n|")[2].partition("\n\n")[0]
        rows = table.splitlines()[2:]
        self.assertGreater(len(rows), 20)
        for row in rows:
            with self.subTest(row):
                self.assertRegex(row.rstrip("| ").rpartition("|")[2], "//tests/")

    def test_what_is_not_there_is_found(self) -> None:
        text = (
            "`//tests/nothing:at_all`, `//tests:no_test`, `//tests:errors_test`, `//image:rootfs`"
        )
        self.assertEqual(list(missing_labels(text)), ["//tests/nothing", "//tests:no_test"])
        text = "[one](none.md), [web](http://x/), [two](shipping.md#x), `tests/none`, `tests/tools`"
        found = list(missing_files(SOURCES / "docs/x.md", text))
        self.assertEqual(found, ["none.md", "tests/none"])
        text = "# A b\n[one](#a-b), [two](#c), [three](shipping.md#an-update)"
        found = list(missing_anchors(SOURCES / "docs/x.md", text))
        self.assertEqual(found, ["#c"])


if __name__ == "__main__":
    unittest.main()
