"""Differences between images as a terminal's tables, as Markdown, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from apt2ostree.progress import format_size
from apt2ostree.ship.changes import Group, grouped
from apt2ostree.ship.diff import Diff, FileChange

PATHS = 10
"""Paths of a package that Markdown lists."""
GROUPS = 60
"""Packages that Markdown lists."""
_SIGNS = {"added": "+", "removed": "-", "changed": "~", "upgraded": "↑", "downgraded": "↓"}
_PACKAGE_TITLES = ("", "Package", "Architecture", "Old version", "New version")
_FILE_TITLES = ("", "Path", "What differs", "Size")


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
    return "\n".join(_text(diff, limit))


def as_markdown(diff: Diff, owner: Mapping[str, str], limit: int | None = None) -> str:
    """A table of packages and, folded, lists of paths by package, for a merge request.

    Args:
        diff: what.
        owner: path → the package, or other part of the image, that has it.
        limit: paths to list of each package at most; `None`: `PATHS`.
    """
    return "\n".join(_markdown(diff, owner, PATHS if limit is None else limit))


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


def _text(diff: Diff, limit: int | None) -> Iterator[str]:
    yield summary(diff)
    if diff.packages:
        rows = [
            (_SIGNS[change.kind], change.name, change.architecture, change.old, change.new)
            for change in diff.packages
        ]
        yield ""
        yield from _text_table(_PACKAGE_TITLES, rows)
    if diff.files:
        shown = diff.files[:limit]
        lines = [(_SIGNS[c.kind], _path(c), differs(c), _growth(c.growth)) for c in shown]
        yield ""
        yield from _text_table(_FILE_TITLES, lines)
        if len(shown) < len(diff.files):
            yield f"and {len(diff.files) - len(shown)} more"


def _markdown(diff: Diff, owner: Mapping[str, str], limit: int) -> Iterator[str]:
    yield summary(diff)
    groups = grouped(diff, owner)
    packages = [(group.package, group.growth) for group in groups if group.package]
    if packages:
        yield ""
        yield _markdown_row(["", "Package", "Old version", "New version", "Size"])
        yield "|---|---|---|---|--:|"
        for change, growth in packages[:GROUPS]:
            cells = map(_code, (change.name, change.old, change.new))
            yield _markdown_row([_SIGNS[change.kind], *cells, _growth(growth)])
        if len(packages) > GROUPS:
            yield f"\nand {len(packages) - GROUPS} more packages"
    with_files = [group for group in groups if group.files or group.folded]
    if with_files:
        yield from ("", "<details><summary>Paths</summary>")
        for group in with_files[:GROUPS]:
            yield from ("", f"{_code(group.name)}:", "")
            yield from _markdown_list(group, limit)
        if len(with_files) > GROUPS:
            yield from ("", f"and those of {len(with_files) - GROUPS} more")
        yield from ("", "</details>")


def _markdown_list(group: Group, limit: int) -> Iterator[str]:
    for change in group.files[:limit]:
        words = [_SIGNS[change.kind], _code(_path(change))]
        notes = [note for note in (differs(change), _growth(change.growth)) if note]
        yield f"- {' '.join(words)}" + (f" ({'; '.join(notes)})" if notes else "")
    more = len(group.files) - limit
    rest = [f"and {more} more"] if more > 0 else []
    if group.folded:
        rest.append(f"{len(group.folded)} of documentation, translations or databases")
    if rest:
        yield f"- {', '.join(rest)}"


def differs(change: FileChange) -> str:
    """What of a path is not as before: `content`, `mode 0644 → 0755`, `owner 0:0 → 0:42`."""
    old, new = change.old, change.new
    if old is None or new is None:
        return ""
    said = []
    if "type" in change.what:
        said.append(f"{old.type} → {new.type}")
    if "mode" in change.what:
        said.append(f"mode {old.mode} → {new.mode}")
    if "owner" in change.what:
        said.append(f"owner {old.uid}:{old.gid} → {new.uid}:{new.gid}")
    if "target" in change.what:
        said.append(f"target {_shown(old.target)} → {_shown(new.target)}")
    if "size" in change.what or "content" in change.what:
        said.append("content")
    return ", ".join(said)


def _path(change: FileChange) -> str:
    facts = change.new or change.old
    return f"/{_shown(change.path)}{'/' if facts and facts.type == 'directory' else ''}"


def _shown(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _growth(growth: int) -> str:
    return f"{growth:+,}" if growth else ""


def _text_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in [titles, *rows]) for column in range(len(titles))]
    for row in [titles, *rows]:
        cells = (
            cell.rjust(width) if title == "Size" else cell.ljust(width)
            for cell, width, title in zip(row, widths, titles)
        )
        yield "  ".join(cells).rstrip()


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _code(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|").replace("\n", " ") + "`" if text else ""
