"""Write docs/reference.md from the docstrings of the rules and the help of the commands.

`bazel run //docs:update_reference` writes it; `--check` says whether it is up to date.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Union

from apt2ostree import errors
from apt2ostree.errors import UserError
from tools import image, init, update_lock

HEADING = """\
# Reference

Made by `bazel run //docs:update_reference` from the docstrings; a test holds it to them.
"""
SETTINGS = Path(__file__).parents[1] / "apt2ostree/settings/BUILD.bazel"
_LINE = re.compile(r"\s*(?:(?P<name>\w+)(?:: (?P<value>.+?)| (?P<open>{))|(?P<close>}))\s*")
_KINDS = [
    ("func_info", "function_name"),
    ("rule_info", "rule_name"),
    ("provider_info", "provider_name"),
    ("module_extension_info", "extension_name"),
]

Value = Union[str, "Message"]


class Message(dict[str, list[Value]]):
    """A message of a protocol buffer: values by field, each a text or a message."""

    def text(self, name: str) -> str:
        """The first text of a field; empty if there is none."""
        return next((value for value in self.get(name, ()) if isinstance(value, str)), "")

    def messages(self, name: str) -> list[Message]:
        """The messages of a field."""
        return [value for value in self.get(name, ()) if isinstance(value, Message)]


def parse(text: str) -> Message:
    """Parse protocol buffers' text format, as `starlark_doc_extract` writes it.

    Raises:
        UserError: a line is not of that format.
    """
    stack = [Message()]
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line)
        if not found or (found["close"] and len(stack) == 1):
            raise UserError(f"line {number} is no field of a message: {line!r}")
        if found["close"]:
            stack.pop()
        elif found["open"]:
            message = Message()
            stack[-1].setdefault(found["name"], []).append(message)
            stack.append(message)
        else:
            stack[-1].setdefault(found["name"], []).append(_scalar(found["value"]))
    if len(stack) > 1:
        raise UserError("a message does not end")
    return stack[0]


def _scalar(text: str) -> str:
    if not text.startswith('"'):
        return text
    decoded = str(ast.literal_eval("b" + text).decode())
    try:
        # Bazel 7 holds sources as Latin-1 and encodes them a second time.
        return decoded.encode("latin-1").decode()
    except UnicodeError:
        return decoded


def starlark(modules: Sequence[Message]) -> Iterator[str]:
    """Yield the lines that document modules.

    A macro that stands for a rule of its name takes the rule's attributes too.
    """
    rules = {
        rule.text("rule_name"): rule for module in modules for rule in module.messages("rule_info")
    }
    for module in modules:
        file = module.text("file").removeprefix("//").replace(":", "/")
        if "/private/" in file:
            continue
        yield from ("", f"## `@apt2ostree//{module.text('file').removeprefix('//')}`", "")
        yield module.text("module_docstring")
        items = [(item.text(name), item) for kind, name in _KINDS for item in module.messages(kind)]
        for name, item in sorted(items, key=lambda pair: pair[0]):
            yield from ("", f"### {name}", "", item.text("doc_string"), "")
            fields = item.messages("parameter") + item.messages("field_info")
            fields += item.messages("attribute")
            if "function_name" in item and name in rules:
                fields = _united(fields, rules[name].messages("attribute"))
            yield from _fields(fields)
            for returned in item.messages("return"):
                yield from ("", f"Returns {returned.text('doc_string')}")
            for tag in item.messages("tag_class"):
                yield from (
                    "",
                    f"#### {name}.{tag.text('tag_name')}",
                    "",
                    tag.text("doc_string"),
                    "",
                )
                yield from _fields(tag.messages("attribute"))


def _united(parameters: Sequence[Message], attributes: Sequence[Message]) -> list[Message]:
    named = {parameter.text("name") for parameter in parameters}
    return [parameter for parameter in parameters if parameter.text("name") != "kwargs"] + [
        attribute for attribute in attributes if attribute.text("name") not in named
    ]


def _fields(fields: Sequence[Message]) -> Iterator[str]:
    for field in fields:
        name = field.text("name")
        if name.startswith("_"):
            continue
        default = field.text("default_value")
        kind = field.text("type").lower().replace("_", " ")
        notes = [kind if kind not in ("", "name") else ""]
        notes.append("required" if field.text("mandatory") == "true" else "")
        notes.append(f"default `{default}`" if default not in ("", '""', "None") else "")
        said = ", ".join(note for note in notes if note)
        text = _paragraph(field.text("doc_string"))
        yield f"- `{name}`" + (f" ({said})" if said else "") + (f": {text}" if text else "")


def _paragraph(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def command(parser: argparse.ArgumentParser, call: str) -> Iterator[str]:
    """Yield the lines that document a command: its arguments, then its own commands."""
    description = f"{parser.description or ''}\n\n{parser.epilog or ''}".strip()
    yield from ("", f"### `{call}`", "", description, "")
    below: list[tuple[str, argparse.ArgumentParser]] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            below += action.choices.items()
        elif action.help != argparse.SUPPRESS and action.dest != "help":
            yield f"- {_argument(action)}"
    for name, subparser in below:
        yield from command(subparser, f"{call} {name}")


def _argument(action: argparse.Action) -> str:
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if action.choices:
        metavar = "|".join(str(choice) for choice in action.choices)
    if isinstance(action.metavar, tuple):
        metavar = " ".join(action.metavar)
    names = [
        f"`{option}{' ' + metavar if action.nargs != 0 else ''}`"
        for option in action.option_strings
    ] or [f"`{metavar}`"]
    text = (action.help or "").replace("%(default)s", str(action.default)).replace("%%", "%")
    return ", ".join(names) + (f": {text}" if text else "")


def settings(build_file: str) -> Iterator[str]:
    """Yield the lines that document the flags of a BUILD file, by the comments above them."""
    yield from ("", "## `@apt2ostree//apt2ostree/settings`", "")
    yield "On the command line or in `.bazelrc`: `--@apt2ostree//apt2ostree/settings:…=VALUE`."
    yield ""
    lines = build_file.splitlines()
    comment = ""
    for node in ast.parse(build_file).body:
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            above = list(_comment_above(lines, node.lineno))
            comment = " ".join(above) or comment
            values = {word.arg: word.value for word in call.keywords}
            if call.func.id.endswith("_flag"):
                name, default = (
                    ast.literal_eval(values[key]) for key in ("name", "build_setting_default")
                )
                yield f"- `{name}` (default `{default}`): {comment}"


def _comment_above(lines: Sequence[str], number: int) -> Iterator[str]:
    """The text of the comment that ends in the line before a line."""
    first = number - 1
    while first and lines[first - 1].startswith("#"):
        first -= 1
    for line in lines[first : number - 1]:
        yield line.lstrip("# ")


def contents(lines: Sequence[str]) -> Iterator[str]:
    """Yield a table of contents: a line for each chapter, with links to its sections."""
    chapter, sections = "", list[str]()
    for line in [*lines, "## "]:
        if line.startswith("## "):
            if chapter:
                yield f"- {chapter}" + (f": {', '.join(sections)}" if sections else "")
            chapter, sections = _link(line), []
        elif line.startswith(("### ", "#### ")):
            sections.append(_link(line))


def _link(heading: str) -> str:
    title = heading.lstrip("#").strip()
    return f"[{title}](#{anchor(title)})"


def anchor(title: str) -> str:
    """What GitHub and GitLab call a heading in links."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def reference(modules: Sequence[Message], build_file: str) -> str:
    """Return the whole page.

    Args:
        modules: of the rules, as `starlark_doc_extract` writes them.
        build_file: the BUILD file of the settings.
    """
    body = [
        *starlark(modules),
        *settings(build_file),
        *("", "## Commands"),
        *command(image.parser(), "bazel run IMAGE --"),
        *command(update_lock.parser(), "bazel run APT_LOCK --"),
        *command(init.parser(), "bazel run @apt2ostree//tools:init --"),
    ]
    lines = [*HEADING.splitlines(), "", *contents(body), *body]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines) + "\n")


def main(arguments: Sequence[str]) -> int:
    """Run it; see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path, help="docs/reference.md")
    parser.add_argument("modules", type=Path, nargs="+", help="of starlark_doc_extract, as text")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    modules = [parse(path.read_text(encoding="utf-8")) for path in options.modules]
    wanted = reference(modules, SETTINGS.read_text(encoding="utf-8"))
    if not options.check:
        page = Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", ".")) / options.page
        page.write_text(wanted, encoding="utf-8")
        return 0
    found = options.page.read_text(encoding="utf-8") if options.page.exists() else ""
    changes = difflib.unified_diff(
        found.splitlines(), wanted.splitlines(), str(options.page), "docstrings", lineterm=""
    )
    if found != wanted:
        raise UserError(
            f"{options.page} is not what the docstrings say; `bazel run //docs:update_reference` "
            "writes it:\n" + "\n".join(changes)
        )
    return 0


if __name__ == "__main__":
    errors.run(main)
