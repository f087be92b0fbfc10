"""Tests of reference.py."""

from __future__ import annotations

import argparse
import unittest

from apt2ostree.errors import UserError
from dev import reference

MACRO = r"""
module_docstring: "Rules."
file: "//apt2ostree:defs.bzl"
func_info {
  function_name: "image"
  parameter {
    name: "name"
    doc_string: "of\nthe target."
    mandatory: true
  }
  parameter {
    name: "kwargs"
  }
  doc_string: "An image \303\242\302\206\302\222 a \"commit\"."
  return {
    doc_string: "nothing."
  }
}
"""
RULE = r"""
file: "//apt2ostree/private:image.bzl"
rule_info {
  rule_name: "image"
  attribute {
    name: "name"
    type: NAME
  }
  attribute {
    name: "layers"
    doc_string: "Trees."
    type: LABEL_LIST
    default_value: "[]"
  }
  attribute {
    name: "_tool"
  }
}
"""


class ReferenceTest(unittest.TestCase):
    def test_a_macro_is_documented_with_the_attributes_of_its_rule(self) -> None:
        modules = [reference.parse(text) for text in (MACRO, RULE)]
        self.assertEqual(
            "\n".join(reference.starlark(modules)),
            """
## `@apt2ostree//apt2ostree:defs.bzl`

Rules.

### image

An image → a "commit".

- `name` (required): of the target.
- `layers` (label list, default `[]`): Trees.

Returns nothing.""",
        )

    def test_what_is_not_the_text_format_is_refused_by_its_line(self) -> None:
        for text, said in [
            ("a {\n}\n}\n", "line 3 is no field of a message: '}'"),
            ("a {\nb\n}\n", "line 2 is no field of a message: 'b'"),
            ("a {\n", "a message does not end"),
        ]:
            with self.subTest(text), self.assertRaisesRegex(UserError, said):
                reference.parse(text)

    def test_a_command_is_documented_with_its_own_commands(self) -> None:
        parser = argparse.ArgumentParser(description="Does it.")
        parser.add_argument("--hidden", help=argparse.SUPPRESS)
        parser.add_argument("-j", "--jobs", default=8, help="at once (default: %(default)s)")
        command = parser.add_subparsers().add_parser("show", description="Shows it.")
        command.add_argument("path", nargs="?", help="of a file")
        command.add_argument("--all", action="store_true", help="100%% of it")
        command.add_argument("--kind", choices=["a", "b"])
        self.assertEqual(
            "\n".join(reference.command(parser, "do")),
            """
### `do`

Does it.

- `-j JOBS`, `--jobs JOBS`: at once (default: 8)

### `do show`

Shows it.

- `PATH`: of a file
- `--all`: 100% of it
- `--kind a|b`""",
        )

    def test_settings_are_documented_by_the_comments_above_them(self) -> None:
        build_file = (
            'load("//x:y.bzl", "bool_flag")\n\n# Of no use\n# here.\nfilegroup(name = "none")\n\n'
            '# Libraries of\n# tools.\nlabel_flag(\n    name = "one",\n'
            '    build_setting_default = ":none",\n)\n\n'
            'bool_flag(\n    name = "two",\n    build_setting_default = False,\n)\n'
        )
        self.assertEqual(
            list(reference.settings(build_file))[-2:],
            [
                "- `one` (default `:none`): Libraries of tools.",
                "- `two` (default `False`): Libraries of tools.",
            ],
        )

    def test_the_contents_lead_to_every_heading(self) -> None:
        lines = ["## `@x//y:z.bzl`", "### image", "text", "#### apt.lock", "## Commands"]
        self.assertEqual(
            list(reference.contents(lines)),
            [
                "- [`@x//y:z.bzl`](#xyzbzl): [image](#image), [apt.lock](#aptlock)",
                "- [Commands](#commands)",
            ],
        )
        self.assertEqual(reference.anchor("`bazel run IMAGE -- ls`"), "bazel-run-image----ls")


if __name__ == "__main__":
    unittest.main()
