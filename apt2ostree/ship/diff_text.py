"""Differences between images as a terminal's tables, as Markdown, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Callable

from apt2ostree.progress import format_size
from apt2ostree.ship.diff import Diff, FileChange, FileFacts

_Table = Callable[[Sequence[str], Sequence[Sequence[str]]], Iterator[str]]
_SIGNS = {"added": "+", "removed": "-", "changed": "~", "upgraded": "↑", "downgraded": "↓"}
_PACKAGE_TITLES = ("", "Package", "Architecture", "Old version", "New version")
_FILE_TITLES = ("", "Path", "What", "Old", "New", "Size")


def as_json(diff: Diff) -> str:
    """All of it, with `packages`, `files` and `growth`, in bytes."""
    data = {
        "packages": [asdict(change) for change in diff.packages],
        "files": [
            {key: value for key, value in asdict(change).items() if value not in (None, ())}
            for change in diff.files
        ],
        "growth": diff.growth,
    }
    return json.dumps(data, indent=2)


def as_text(diff: Diff, limit: int | None = None) -> str:
    """Tables for a terminal.

    Args:
        diff: what.
        limit: files to list at most; `None`: all.
    """
    return "\n".join(_lines(diff, limit, _text_table))


def as_markdown(diff: Diff, limit: int | None = None) -> str:
    """Tables for a merge request."""
    return "\n".join(_lines(diff, limit, _markdown_table))


def summary(diff: Diff) -> str:
    """One line: `1 package upgraded; 3 files added, 2 changed; 12.3 kB more`."""
    parts = [
        _count([change.kind for change in diff.packages], "package"),
        _count([change.kind for change in diff.files], "path"),
    ]
    size = format_size(abs(diff.growth))
    parts.append(f"{size} {'more' if diff.growth >= 0 else 'less'}" if diff.growth else "same size")
    return "; ".join(parts)


def _count(kinds: Sequence[str], what: str) -> str:
    counts = {kind: kinds.count(kind) for kind in _SIGNS if kind in kinds}
    if not counts:
        return f"no {what} changed"
    words = [f"{count} {kind}" for kind, count in counts.items()]
    return f"{what}s: {', '.join(words)}"


def _lines(diff: Diff, limit: int | None, table: _Table) -> Iterator[str]:
    yield summary(diff)
    if diff.packages:
        rows = [
            (_SIGNS[change.kind], change.name, change.architecture, change.old, change.new)
            for change in diff.packages
        ]
        yield ""
        yield from table(_PACKAGE_TITLES, rows)
    if diff.files:
        shown = diff.files[:limit]
        yield ""
        yield from table(_FILE_TITLES, [_file_row(change) for change in shown])
        if len(shown) < len(diff.files):
            yield f"and {len(diff.files) - len(shown)} more"


def _file_row(change: FileChange) -> tuple[str, ...]:
    path = "/" + change.path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    facts = change.new or change.old
    if facts and facts.type == "directory":
        path += "/"
    growth = f"{change.growth:+,}" if change.growth else ""
    what = ", ".join(change.what)
    return _SIGNS[change.kind], path, what, _facts(change.old), _facts(change.new), growth


def _facts(facts: FileFacts | None) -> str:
    if facts is None:
        return ""
    if facts.type == "symlink":
        return f"-> {facts.target}"
    return f"{facts.mode} {facts.uid}:{facts.gid}"


def _text_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in [titles, *rows]) for column in range(len(titles))]
    for row in [titles, *rows]:
        cells = (
            cell.rjust(width) if title == "Size" else cell.ljust(width)
            for cell, width, title in zip(row, widths, titles)
        )
        yield "  ".join(cells).rstrip()


def _markdown_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _markdown_row(titles)
    yield "|" + "|".join("--:" if title == "Size" else "---" for title in titles) + "|"
    for row in rows:
        yield _markdown_row([cell if cell in _SIGNS.values() else _code(cell) for cell in row])


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _code(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|").replace("\n", " ") + "`" if text else ""
