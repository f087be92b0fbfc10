"""What an update of a lockfile changes: for the terminal, a commit message or a pull request."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from apt2ostree.debian import version
from apt2ostree.debian.index import Package
from apt2ostree.progress import format_size


@dataclass(frozen=True)
class Change:
    """A package before and after; None where it is not there.

    Attributes:
        name: the package's, with its architecture if the lock has packages of several.
    """

    name: str
    old: Package | None
    new: Package | None

    @property
    def kind(self) -> str:
        """One of :data:`KINDS`."""
        if self.old is None or self.new is None:
            return "added" if self.new else "removed"
        order = version.compare(self.old.version, self.new.version)
        return ("upgraded", "rebuilt", "downgraded")[order + 1]

    @property
    def is_security(self) -> bool:
        """Whether the new version is from a security archive."""
        return self.new is not None and is_security(self.new)


KINDS = ("upgraded", "downgraded", "rebuilt", "added", "removed")
"""In the order in which they are reported. Rebuilt: the same version, but another file."""


@dataclass(frozen=True)
class Summary:
    """The changes between two locks, and the sizes of the new one.

    Attributes:
        name: what the lockfile is called.
        changes: by kind, then by name.
        count: how many packages the new lock has.
        download: bytes of all packages of the new lock.
        fetched: bytes of those of them that the old lock did not have.
        download_delta: change of ``download``, in bytes.
        installed: size of all packages when installed, in bytes.
        installed_delta: change of it, in bytes.
    """

    name: str
    changes: tuple[Change, ...]
    count: int
    download: int
    fetched: int
    download_delta: int
    installed: int
    installed_delta: int

    @property
    def title(self) -> str:
        """One line: the subject of a commit message."""
        counts = [(kind, len(self.of_kind(kind))) for kind in KINDS]
        parts = [f"{count} {kind}" for kind, count in counts if count]
        security = sum(change.is_security for change in self.changes)
        if security:
            parts.append(f"{security} from security")
        return f"Update {self.name}: {', '.join(parts) or 'no package changes'}"

    def of_kind(self, kind: str) -> list[Change]:
        """The changes of one kind."""
        return [change for change in self.changes if change.kind == kind]

    @property
    def sizes(self) -> str:
        """One line about sizes."""
        return (
            f"{self.count} packages; download {format_size(self.download)} "
            f"({_signed(self.download_delta)}), of which {format_size(self.fetched)} new; "
            f"installed {format_size(self.installed)} ({_signed(self.installed_delta)})"
        )


def is_security(package: Package) -> bool:
    """Whether a locked package is from a security archive, by the name of its suite.

    ``trixie-security``, ``noble-security``, and Debian's before 2021: ``buster/updates``.
    """
    return _origin_suite(package).rstrip("/").endswith(("-security", "/updates"))


def summarize(name: str, old: Iterable[Package], new: Iterable[Package]) -> Summary:
    """Compare two locks."""
    before, after = list(old), list(new)
    several = len({p.architecture for p in [*before, *after]} - {"all"}) > 1
    changes = [
        Change(_name(a or b, several), a, b)
        for a, b in _pairs(before, after)
        if _file(a) != _file(b)
    ]
    known = {_file(package) for package in before}
    download, installed = _total(after, "Size", 1), _total(after, *_INSTALLED)
    return Summary(
        name=name,
        changes=tuple(sorted(changes, key=lambda change: KINDS.index(change.kind))),
        count=len(after),
        download=download,
        fetched=_total((p for p in after if _file(p) not in known), "Size", 1),
        download_delta=download - _total(before, "Size", 1),
        installed=installed,
        installed_delta=installed - _total(before, *_INSTALLED),
    )


def markdown(summary: Summary) -> str:
    """The summary as Markdown: a subject, a blank line, lists. No line begins with ``#``."""
    lines = [summary.title]
    for kind in KINDS:
        changes = summary.of_kind(kind)
        if changes:
            lines += ["", f"**{kind.capitalize()}**", ""]
            lines += [f"- {_escaped(change)}" for change in changes]
    return "\n".join([*lines, "", f"{summary.sizes}."]) + "\n"


def print_summary(summary: Summary, stream: TextIO) -> None:
    """Print the summary, with colours if ``stream`` is a terminal and $NO_COLOR is not set."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        for line in _plain(summary):
            print(line, file=stream)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream)
    console.print(Text(summary.title, style="bold"))
    table = Table(box=None, show_header=False, pad_edge=False)
    for change in summary.changes:
        mark = Text("security", style="bold red") if change.is_security else Text("")
        words = (change.name, _versions(change), _suite(change))
        table.add_row(Text(change.kind, style=_STYLES[change.kind]), *map(Text, words), mark)
    if summary.changes:
        console.print(table)
    console.print(Text(summary.sizes, style="dim"))


_STYLES = {
    "added": "green",
    "removed": "red",
    "upgraded": "cyan",
    "downgraded": "yellow",
    "rebuilt": "magenta",
}
# Policy 5.6.20: in units of 1024 bytes.
_INSTALLED = ("Installed-Size", 1024)


def _plain(summary: Summary) -> Iterator[str]:
    yield summary.title
    for change in summary.changes:
        words = [change.kind, change.name, _versions(change), _suite(change)]
        yield "  " + " ".join([*words, "security"] if change.is_security else words)
    yield summary.sizes


def _escaped(change: Change) -> str:
    mark = " **security**" if change.is_security else ""
    suite = f" ({_suite(change)})" if _suite(change) else ""
    return f"`{change.name}` {_versions(change)}{suite}{mark}"


def _versions(change: Change) -> str:
    versions: Sequence[str] = [p.version for p in (change.old, change.new) if p]
    if len(versions) == 2 and versions[0] == versions[1]:
        return versions[0]
    return " → ".join(versions)


def _suite(change: Change) -> str:
    package = change.new or change.old
    return _origin_suite(package) if package else ""


def _origin_suite(package: Package) -> str:
    return package.origins[0].suite if package.origins else ""


def _pairs(
    old: Iterable[Package], new: Iterable[Package]
) -> Iterator[tuple[Package | None, Package | None]]:
    """Match packages by name, and by architecture where one side has several of a name."""
    before, after = _by_name(old), _by_name(new)
    for name in sorted(before.keys() | after.keys()):
        olds, news = before.get(name, {}), after.get(name, {})
        if len(olds) == len(news) == 1:
            yield next(iter(olds.values())), next(iter(news.values()))
            continue
        for architecture in sorted(olds.keys() | news.keys()):
            yield olds.get(architecture), news.get(architecture)


def _by_name(packages: Iterable[Package]) -> dict[str, dict[str, Package]]:
    names: dict[str, dict[str, Package]] = {}
    for package in packages:
        names.setdefault(package.name, {})[package.architecture] = package
    return names


def _name(package: Package | None, with_architecture: bool) -> str:
    assert package
    return f"{package.name}:{package.architecture}" if with_architecture else package.name


def _file(package: Package | None) -> tuple[str, str] | None:
    return (package.version, package.checksum) if package else None


def _total(packages: Iterable[Package], field: str, unit: int) -> int:
    values = (package.get(field) for package in packages)
    return unit * sum(int(value) for value in values if value.isascii() and value.isdigit())


def _signed(size: int) -> str:
    return f"{'-' if size < 0 else '+'}{format_size(abs(size))}"
