"""Diversions (dpkg-divert(1)): what dpkg does with them around a preinst, done after the fact.

dpkg unpacks after a preinst that diverts a file; here everything is there already. Source:
Policy appendix G.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Callable

from apt2ostree.errors import UserError
from apt2ostree.image import dpkg_database
from apt2ostree.sandbox.tree import Tree
from apt2ostree.tree.manifest import PackageRecord

PATH = f"{dpkg_database.DIRECTORY}/diversions"
_OWN = ".apt2ostree-own"
"""Added to the name of a file that is not to be seen while a preinst runs."""


@dataclass(frozen=True)
class Diversion:
    """An entry of dpkg's database of diversions.

    Attributes:
        path: the diverted file, absolute.
        target: what it is called now.
        package: the one whose own file stays at `path`; `:` for none.
    """

    path: str
    target: str
    package: str


def parse(text: str) -> list[Diversion]:
    """Read `/var/lib/dpkg/diversions`: three lines per entry."""
    lines = text.splitlines()
    return [Diversion(*lines[at : at + 3]) for at in range(0, len(lines) - 2, 3)]


def of(
    path: str, package: str, entries: Iterable[Diversion], real: Callable[[str], str]
) -> Diversion | None:
    """The diversion that makes room for a package's file.

    Args:
        path: of the file, relative to the root.
        package: whose it is.
        entries: the diversions there are.
        real: makes an absolute path such a relative one, without symlinks.
    """
    for entry in entries:
        if entry.package == package and real(entry.path) == path:
            return entry
    return None


def wrong(new: Collection[Diversion], package: str, shipped: Collection[str]) -> list[Diversion]:
    """The diversions with which a preinst renamed its own package's file.

    Where dpkg unpacks after the preinst, the package's own file is not there yet to be renamed.

    Args:
        new: what the preinst registered.
        package: whose preinst it was.
        shipped: the absolute paths that the package ships.
    """
    return [entry for entry in new if entry.package == package and entry.path in shipped]


class Diversions:
    """The diversions of a tree whose preinsts run.

    Args:
        tree: the tree.
        diverted: files of which two packages have one: see `Manifest`.
    """

    def __init__(self, tree: Tree, diverted: Sequence[tuple[str, str, str]]) -> None:
        self._tree = tree
        self._diverted = diverted

    def forget_registered(self) -> None:
        """Take what compose has registered out of the database: the preinsts do that."""
        if self._diverted:
            registered = dpkg_database.diversions(self._diverted)
            text = self._text().replace(registered, "", 1)
            self._tree.write(PATH, text.encode("utf-8", "surrogateescape"))

    @contextlib.contextmanager
    def around(
        self, package: PackageRecord, shipped: Callable[[], Collection[str]]
    ) -> Iterator[None]:
        """Let the block run a package's preinst that diverts.

        Args:
            package: the package.
            shipped: gives the absolute paths that it ships.

        Raises:
            UserError: it does not divert what it shares with another package.
        """
        before = parse(self._text())
        with self._others_in_place(package):
            yield
        new = [entry for entry in parse(self._text()) if entry not in before]
        for entry in wrong(new, package.name, shipped()) if new else ():
            if not self._tree.exists(entry.path) and self._tree.exists(entry.target):
                self._tree.rename(entry.target, entry.path)

    @contextlib.contextmanager
    def _others_in_place(self, package: PackageRecord) -> Iterator[None]:
        """Another package's files where dpkg has them while the preinst runs that diverts them."""
        tree = self._tree
        ours = [entry for entry in self._diverted if entry[2] == package.name]
        for path, aside, _ in ours:
            tree.rename(path, path + _OWN)
            tree.rename(aside, path)
        yield
        entries = parse(self._text())
        for path, _, name in ours:
            entry = of(path, name, entries, self._real)
            if not entry:
                raise UserError(
                    f"/{path}: package {name} {package.version} and another one ship it, and its "
                    "preinst, which calls dpkg-divert, did not divert it; leave one of the two out"
                )
            if tree.exists(path):  # diverted without being renamed
                tree.rename(path, entry.target)
            tree.rename(path + _OWN, path)

    def _real(self, path: str) -> str:
        try:
            return self._tree.real(path)
        except (OSError, UserError):  # it is none that a package ships
            return ""

    def _text(self) -> str:
        try:
            return self._tree.read_text(PATH)
        except FileNotFoundError:
            return ""
