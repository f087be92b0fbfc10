"""Every command in the documentation has the options that it uses, and a test or a reason.

`bazel run` of a target of ours is read by the parser of the program behind it; the README's first
commands are run by tests/e2e/release_test.py. Other programs are in `ELSEWHERE`, with the test that
runs them as the page has them, or why none does.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import shlex
import unittest
from collections.abc import Iterator
from pathlib import Path

from dev import release
from tools import image, init, update_accounts, update_lock

SOURCES = Path("MODULE.bazel").resolve().parent
"""The rule set itself: where the runfiles' symlinks lead."""

DOCUMENTS = [SOURCES / "README.md", *sorted((SOURCES / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^ *```(sh|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_ASSIGNMENT = re.compile(r"^\w+=\S* ")

ELSEWHERE = {
    "docker": "no container engine where the tests run; namespaces_test.py has what one forbids",
    "git": "tests/e2e/release_test.py has git; pushing needs a server",
    "gpg": "tests/scenarios/variants/shipping_test.py",
    "mkdir": "any system has it",
    "ostree": "tests/scenarios/variants/shipping_test.py",
    "skopeo": "tests/ship/oci_test.py, from and to directories: a registry needs a server",
    "touch": "any system has it",
}


def commands(text: str) -> Iterator[str]:
    """Yield the commands of a page, one a line, scripts (with a `#!`) left out."""
    for kind, block in _BLOCK.findall(text):
        joined = block.replace("\\\n", " ")
        if joined.startswith("#!"):
            continue
        for line in joined.splitlines():
            if kind == "console" and not line.startswith("$ "):
                continue
            command = re.split(r"  #| > ", line.removeprefix("$ "))[0].strip()
            if command:
                yield _ASSIGNMENT.sub("", command)


def parser(label: str) -> tuple[argparse.ArgumentParser, list[str]]:
    """The parser of the program behind a target, and what its launcher passes."""
    if label == "@apt2ostree//tools:init":
        return init.parser(), []
    if label == "//dev:release":
        return release.parser(), []
    if label.rpartition(":")[2].startswith("update_lock"):
        return update_lock.parser(), ["--config=c"]
    if label.endswith(":update_accounts"):
        return update_accounts.parser(), ["--target=t", "--image=i", "--accounts=a"]
    return image.parser(), ["--image=i", "--runfiles=r"]


def wrong(command: str) -> str:
    """What is wrong with a command; empty if nothing is."""
    words = shlex.split(command, comments=True)
    if words[0] == "bazel" and words[1] == "run":
        label = next(word for word in words[2:] if not word.startswith("-"))
        if label.startswith(("//docs", "//tests", "//examples")):
            return ""
        program, given = parser(label)
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
                arguments = words[words.index("--") + 1 :] if "--" in words else []
                program.parse_args([*given, *arguments])
        except SystemExit as end:
            return said.getvalue().splitlines()[-1] if end.code else ""
        return ""
    known = {"bazel", "tools/bazelw", *ELSEWHERE}
    return "" if words[0] in known else f"{words[0]}: who runs it?"


class CommandsTest(unittest.TestCase):
    def test_every_command_is_one(self) -> None:
        count = 0
        for document in DOCUMENTS:
            for command in commands(document.read_text(encoding="utf-8")):
                count += 1
                with self.subTest(document.name, command=command):
                    self.assertEqual(wrong(command), "")
        self.assertGreater(count, 30)

    def test_the_tests_that_are_named_are_there(self) -> None:
        for reason in ELSEWHERE.values():
            for path in re.findall(r"tests/[\w/]+\.py", reason):
                self.assertTrue((SOURCES / path).is_file(), path)

    def test_what_is_wrong_is_found(self) -> None:
        self.assertIn("--rcursive", wrong("bazel run //image:rootfs -- ls --rcursive"))
        self.assertIn("'luck'", wrong("bazel run //image:update_lock -- luck"))
        self.assertIn("who runs it?", wrong("rm -rf /"))
        self.assertEqual(list(commands("```sh\na \\\n  b  # c\n```\n")), ["a    b"])


if __name__ == "__main__":
    unittest.main()
