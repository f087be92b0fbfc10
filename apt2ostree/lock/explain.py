"""Why wanted packages cannot be had: a text that a person can follow.

From each wanted package that fails down to what is missing: the dependency, each alternative,
each version of it that exists, and what is wrong with that version.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from apt2ostree.debian.index import Package
from apt2ostree.debian.relations import OrGroup, Relation, format_group
from apt2ostree.debian.wanted import Wanted
from apt2ostree.lock.selection import Cause, Conflict, Dependency, Excluded, Selection

_INDENT = "  "
_MAX_VERSIONS = 8
_MAX_DEPTH = 40


def explain_missing(selection: Selection, items: Sequence[Wanted]) -> str:
    """Explain why each of some wanted items names no package that could be taken."""
    lines = [line for item in items for line in _missing(selection, item)]
    if any(_is_unknown(selection, item) for item in items):
        lines.append("check the spelling, and that your sources list the suite and component")
    return "\n".join(lines)


def _is_unknown(selection: Selection, item: Wanted) -> bool:
    """Whether no source has the name in any way."""
    universe = selection.universe
    return not universe.versions(item.name) and not any(universe.related(Relation(item.name)))


def explain_broken(selection: Selection, wanted: Mapping[Package, str]) -> str:
    """Explain what is wrong with a selection that could not be repaired."""
    explainer = _Explainer(selection, wanted)
    lines = ["the wanted packages cannot be installed together:"]
    broken = [package for package in selection if selection.broken(package)]
    # What was asked for says most; a package that nobody asked for only if nothing else is left.
    for package in [p for p in broken if p in wanted] or broken:
        lines += explainer.broken(package)
    for name in sorted(explainer.excluded):
        lines.append(
            f"{name} is excluded, and what is told above needs it: take it out of `exclude`, or "
            "do without what needs it"
        )
    return "\n".join(lines)


def _missing(selection: Selection, item: Wanted) -> Iterator[str]:
    universe = selection.universe
    yield f"{item.text} cannot be had:"
    versions = universe.versions(item.name)
    providers = [
        package for package in universe.related(Relation(item.name)) if package not in versions
    ]
    if versions:
        explainer = _Explainer(selection, {})
        for package in versions[:_MAX_VERSIONS]:
            yield _INDENT + f"{_label(package)}: {explainer.why_not(package, item)}"
    elif providers:
        names = sorted({package.name for package in providers if selection.is_candidate(package)})
        yield _INDENT + f"{item.name} is not a package, only a name that packages provide"
        if names:
            yield _INDENT + f"name the one you want: {', '.join(names)}"
        else:
            yield (
                _INDENT
                + "no package that provides it may be installed: "
                + ", ".join(sorted(map(_label, providers))[:_MAX_VERSIONS])
            )
    else:
        yield _INDENT + f"no source has a package {item.name}, and none provides it"
        known = sorted({package.name for package in universe})
        similar = difflib.get_close_matches(item.name, known, 3, 0.8)
        if similar:
            yield _INDENT + f"did you mean {' or '.join(similar)}?"


class _Explainer:
    def __init__(self, selection: Selection, wanted: Mapping[Package, str]) -> None:
        self._selection = selection
        self._universe = selection.universe
        self._wanted = wanted
        self._told: set[tuple[OrGroup, str]] = set()
        self.excluded: set[str] = set()
        """Names of excluded packages that would have done."""

    def broken(self, package: Package) -> Iterator[str]:
        """The lines about a selected package that is broken."""
        yield _INDENT + f"{package} ({self._why_here(package)})"
        for dependency in self._selection.unsatisfied(package):
            yield from self._dependency(dependency, 2)
        for conflict in self._selection.conflicts(package):
            yield _INDENT * 2 + self._conflict(conflict)

    def _why_here(self, package: Package) -> str:
        """The chain from a package to the wanted one that leads to it."""
        chain: list[str] = []
        seen = set()
        while package not in self._wanted and package not in seen:
            seen.add(package)
            dependency = self._selection.pulled.get(self._universe.node(package))
            if dependency is None:
                return ", ".join(chain) or "selected while resolving"
            package = dependency.package
            chain.append(f"needed by {package}")
        if package in self._wanted:
            chain.append("wanted" if not chain else "which is wanted")
        return ", ".join(chain)

    def _dependency(self, dependency: Dependency, depth: int) -> Iterator[str]:
        line = _INDENT * depth + f"{dependency.field}: {format_group(dependency.group)}"
        asked = dependency.group, self._universe.architecture_of(dependency.package)
        if asked in self._told or depth > _MAX_DEPTH:
            yield line + " (see above)"
            return
        self._told.add(asked)
        yield line
        listed: set[Package] = set()
        for relation in dependency.group:
            yield from self._alternative(dependency.package, relation, depth + 1, listed)

    def _alternative(
        self, package: Package, relation: Relation, depth: int, listed: set[Package]
    ) -> Iterator[str]:
        """The lines about the packages that are or provide what a relation names."""
        related = list(self._universe.related(relation))
        found = sorted(
            (other for other in related if other not in listed),
            key=lambda other: (
                other.name != relation.name,
                self._universe.candidate(self._universe.node(other)) is not other,
            ),
        )
        listed.update(found)
        if not related:
            yield _INDENT * depth + (
                f"{relation.name}: no source has such a package, and none provides it"
            )
        for other in found[:_MAX_VERSIONS]:
            reason, cause = self._objection(package, relation, other)
            yield _INDENT * depth + f"{_label(other)}: {reason}"
            if isinstance(cause, Dependency):
                yield from self._dependency(cause, depth + 1)
        if len(found) > _MAX_VERSIONS:
            yield _INDENT * depth + f"and {len(found) - _MAX_VERSIONS} more"

    def _objection(
        self, package: Package, relation: Relation, other: Package
    ) -> tuple[str, Cause | None]:
        """What is wrong with one version for one dependency."""
        universe = self._universe
        architecture = universe.architecture_of(package)
        if not universe.satisfies(other, relation, architecture):
            own_architecture = universe.architecture_of(other)
            unversioned = Relation(relation.name, relation.qualifier)
            if universe.satisfies(other, unversioned, architecture):
                if other.name == relation.name:
                    return f"does not meet {relation.operator} {relation.version}", None
                return f"provides {_provided(other, relation.name)}, not {relation}", None
            if relation.qualifier == "any":
                return f"is not Multi-Arch: allowed, which {relation} asks for", None
            needed = relation.qualifier or architecture
            return (
                f"is for {own_architecture} (Multi-Arch: {other.multi_arch}), {needed} is needed"
            ), None
        return self._exclusion(other)

    def _exclusion(self, package: Package) -> tuple[str, Cause | None]:
        """Why a version that would do was not taken."""
        node = self._universe.node(package)
        selection = self._selection
        cause = selection.discarded.get(node)
        if isinstance(cause, Excluded):
            self.excluded.add(package.name)
            return "you excluded it", None
        preferred = self._preferred(package)
        if preferred:
            return preferred, None
        if isinstance(cause, Dependency):
            return "cannot be installed:", cause
        if isinstance(cause, Conflict):
            return self._conflict(cause), None
        if node in selection.refused:
            return self._conflict(selection.refused[node]), None
        for other in selection:
            for conflict in selection.conflicts(other):
                if conflict.other is package or (package in selection and other is package):
                    return self._conflict(conflict), None
        unmet = selection.unsatisfied(package)
        if unmet:
            return "cannot be installed:", unmet[0]
        for conflict in selection.conflicts(package):
            return self._conflict(conflict), None
        return "was given up for other packages that are wanted", None

    def _preferred(self, package: Package) -> str:
        """What the pins say against a version, "" if nothing."""
        candidate = self._universe.candidate(self._universe.node(package))
        if candidate is package:
            return ""
        native = self._universe.architecture
        preferences = self._universe.preferences
        priority, where = preferences.reasoned_priority(package, native)
        if priority <= 0:
            return f"is ruled out by its priority {priority} ({where})"
        if candidate is None:
            return f"has priority {priority} ({where})"
        higher, reason = preferences.reasoned_priority(candidate, native)
        if higher == priority:
            return f"the newer {candidate.version} is preferred"
        return (
            f"{candidate.version} is preferred: priority {higher} ({reason}), "
            f"this one has {priority} ({where})"
        )

    def _conflict(self, conflict: Conflict) -> str:
        other = conflict.other
        here = f"{other} ({self._why_here(other)})"
        if conflict.relation is None:
            return f"cannot be with {here}: {_architectures(conflict.package, other)}"
        if conflict.owner is conflict.package:
            return f"cannot be with {here}: {conflict.field}: {conflict.relation}"
        return f"cannot be with {here}, which says {conflict.field}: {conflict.relation}"

    def why_not(self, package: Package, item: Wanted) -> str:
        """What is wrong with one version for a wanted item."""
        if item.version and package.version != item.version:
            return f"is not version {item.version}"
        architecture = self._universe.architecture_of(package)
        if item.architecture not in ("", "any", "native", "all", architecture):
            serves = f", and serves {item.architecture} too: ask for {item.name}"
            return f"is for {architecture}" + (serves if package.multi_arch == "foreign" else "")
        if item.suite:
            suites = ", ".join(origin.suite for origin in package.origins) or "an unknown suite"
            return f"is in {suites}, not in {item.suite}"
        return self._exclusion(package)[0]


def _architectures(package: Package, other: Package) -> str:
    if package.multi_arch == other.multi_arch == "same":
        return "Multi-Arch: same asks for one version of both"
    return "only packages that are Multi-Arch: same can be there for several architectures"


def _provided(package: Package, name: str) -> str:
    return " and ".join(str(provided) for provided in package.provided() if provided.name == name)


def _label(package: Package) -> str:
    """A package and where it comes from."""
    origins = ", ".join(_origin_label(package))
    return f"{package} ({origins})" if origins else str(package)


def _origin_label(package: Package) -> Sequence[str]:
    return [
        f"{origin.suite}/{origin.component}" if origin.component else f"{origin.uri} {origin.suite}"
        for origin in package.origins
    ]
