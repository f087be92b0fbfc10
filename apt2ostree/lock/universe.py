"""All packages of all indexes, and the candidate among each package's versions.

A package is known by its name and architecture; ``Architecture: all`` counts as the native
architecture, as in apt and dpkg. The order of the packages given is the order of the sources,
and it matters: see the resolver.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from apt2ostree.debian import version
from apt2ostree.debian.index import Package
from apt2ostree.debian.relations import Relation
from apt2ostree.lock.mentions import Mentions
from apt2ostree.lock.preferences import Preferences

Node = tuple[str, str]
"""A package as apt and dpkg know it: name and architecture, never ``all``."""


_AFFIRMATIVE = ("Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances", "Provides")


class Universe:
    """Packages by name and by what they provide, with their candidates.

    Stanzas of one name, version and architecture are one package with several origins; the first
    stanza is the one that is kept, as apt downloads from the source listed first.
    `disagreement` tells where they are different files. Packages of architectures other than
    `architecture`, `foreign_architectures` and ``all`` are left out.
    """

    def __init__(
        self,
        packages: Iterable[Package],
        architecture: str,
        foreign_architectures: Sequence[str] = (),
        preferences: Preferences | None = None,
    ) -> None:
        self.architecture = architecture
        self.architectures = (architecture, *foreign_architectures)
        self.preferences = preferences or Preferences()
        packages = list(packages)
        self._disagreements: dict[str, str] = {}
        self._by_name = self._group(packages)
        self._providers = _providers(self._by_name)
        self._candidates: dict[Node, Package | None] = {}
        self.mentions = Mentions({id(package.text): package.text for package in packages}.values())

    def __iter__(self) -> Iterator[Package]:
        for packages in self._by_name.values():
            yield from packages

    def architecture_of(self, package: Package) -> str:
        """The architecture a package counts for."""
        return self.architecture if package.architecture == "all" else package.architecture

    def node(self, package: Package) -> Node:
        """The name and architecture under which only one version can be installed."""
        return package.name, self.architecture_of(package)

    def versions(self, name: str, architecture: str = "") -> list[Package]:
        """The stanzas of a package, newest first; of all architectures if none is given."""
        found = [
            package
            for package in self._by_name.get(name, ())
            if not architecture or self.architecture_of(package) == architecture
        ]
        if len(found) > 1:
            found.sort(key=lambda package: version.key(package.version), reverse=True)
        return found

    def providers(self, name: str) -> Sequence[tuple[Package, Relation]]:
        """The stanzas, in the order of the indexes, that provide a name, with what they say."""
        return self._providers.get(name, ())

    def candidate(self, node: Node) -> Package | None:
        """The version that pins choose: the highest priority, and of those the newest version.

        None where no version has a positive priority.
        """
        try:
            return self._candidates[node]
        except KeyError:
            candidate = self._candidates[node] = self._find_candidate(node)
            return candidate

    def is_essential(self, package: Package) -> bool:
        """Whether any version of the package is Essential: apt gives the flag to all of them."""
        return any(other.essential for other in self._all_versions(package))

    def is_important(self, package: Package) -> bool:
        """Whether any version of the package is Important or Protected."""
        return any(other.important for other in self._all_versions(package))

    def _all_versions(self, package: Package) -> list[Package]:
        return self.versions(*self.node(package))

    def related(self, relation: Relation) -> Iterator[Package]:
        """The stanzas of the name in a relation, then those that provide it; each once."""
        named = self._by_name.get(relation.name, ())
        yield from named
        previous = None
        for package, _ in self._providers.get(relation.name, ()):
            if package is not previous and package not in named:
                yield package
            previous = package

    def is_spoken_of(self, name: str, architecture: str) -> bool:
        """Whether a package for an architecture needs, suggests or provides a name."""
        text = name.encode()
        return any(
            relation.name == name
            for package in self
            if package.architecture == architecture and text in package.raw
            for field in _AFFIRMATIVE
            for group in package.relations(field)
            for relation in group
        )

    def satisfies(self, package: Package, relation: Relation, architecture: str) -> bool:
        """Whether a package meets a dependency of a package for `architecture`.

        Without a qualifier a package of the same architecture does, and one that is Multi-Arch:
        foreign; ``:any`` asks for Multi-Arch: allowed; another qualifier names the architecture.
        """
        own = self.architecture_of(package)
        if package.name == relation.name and _admits(
            own, package.multi_arch, relation.qualifier, architecture, self.architecture
        ):
            if not relation.operator:
                return True
            if version.satisfies(package.version, relation.operator, relation.version):
                return True
        return any(
            _provides(provided, relation)
            and _provider_admits(
                provided.qualifier,
                own,
                package.multi_arch,
                relation.qualifier,
                architecture,
                self.architecture,
            )
            for provided in package.provided()
        )

    def hits(self, owner: Package, relation: Relation, other: Package) -> bool:
        """Whether a Conflicts or Breaks of `owner` excludes `other`.

        Without a qualifier it speaks of all architectures. A package never excludes one of its
        own name this way (Policy 7.4).
        """
        if other.name == owner.name:
            return False
        architecture = self.architecture_of(other)
        return self.satisfies(other, relation, architecture)

    def clash_of_architectures(self, package: Package, other: Package) -> bool:
        """Whether `package` cannot be beside `other`, the same package for another architecture.

        Packages that are Multi-Arch: same can, in one version.
        """
        if package.name != other.name:
            return False
        if self.architecture_of(package) == self.architecture_of(other):
            return False
        return package.multi_arch != "same" or package.version != other.version

    def disagreement(self, package: Package) -> str:
        """What the archives say of a version that is two different files; "" mostly."""
        return self._disagreements.get(str(package), "")

    def _group(self, packages: Iterable[Package]) -> dict[str, list[Package]]:
        architectures = {"all", *self.architectures}
        by_name: dict[str, list[Package]] = {}
        for package in packages:
            if package.architecture not in architectures:
                continue
            known = by_name.get(package.name)
            if known is None:
                by_name[package.name] = [package]
            else:
                self._add(known, package)
        return by_name

    def _add(self, known: list[Package], package: Package) -> None:
        for position, other in enumerate(known):
            if (other.version, other.architecture) == (package.version, package.architecture):
                difference = _difference(other, package)
                if difference:
                    self._disagreements.setdefault(str(package), difference)
                known[position] = other.with_origins(other.origins + package.origins)
                return
        known.append(package)

    def _find_candidate(self, node: Node) -> Package | None:
        best, best_priority = None, 0
        for package in self.versions(*node):
            priority = self.preferences.priority(package, self.architecture)
            if priority > best_priority:
                best, best_priority = package, priority
        return best


def _difference(first: Package, second: Package) -> str:
    """How two stanzas of one version show that they are of different files, or ""."""
    for field in ("SHA256", "SHA512", "MD5sum", "Size"):
        hashes = first.get(field), second.get(field)
        if all(hashes):
            if hashes[0].lower() == hashes[1].lower():
                return ""
            return (
                f"two different files for {first}: {field} {hashes[0]} at {_place(first)}, "
                f"but {hashes[1]} at {_place(second)}; the first one is taken, as its source is "
                "listed first. Remove one of the two sources, or ask their owners which one is "
                "right"
            )
    return ""


def _place(package: Package) -> str:
    origin = f" ({package.origins[0]})" if package.origins else ""
    return f"{package.where}{origin}"


def _providers(by_name: dict[str, list[Package]]) -> dict[str, list[tuple[Package, Relation]]]:
    providers: dict[str, list[tuple[Package, Relation]]] = {}
    for packages in by_name.values():
        for package in packages:
            for provided in package.provided():
                providers.setdefault(provided.name, []).append((package, provided))
    return providers


def _admits(
    own: str, multi_arch: str, qualifier: str | None, architecture: str, native: str
) -> bool:
    """Whether a package for `own` meets a qualifier in a package for `architecture`."""
    if qualifier is None:
        return own == architecture or multi_arch == "foreign"
    if qualifier == "any":
        return multi_arch == "allowed"
    return own == (native if qualifier == "native" else qualifier)


def _provides(provided: Relation, relation: Relation) -> bool:
    """Whether a provided name is the one asked for; without a version it meets no version."""
    if provided.name != relation.name:
        return False
    if not relation.operator:
        return True
    return bool(provided.operator) and version.satisfies(
        provided.version, relation.operator, relation.version
    )


def _provider_admits(
    provided_qualifier: str | None,
    own: str,
    multi_arch: str,
    qualifier: str | None,
    architecture: str,
    native: str,
) -> bool:
    """As `_admits`, for a provided name, which may have a qualifier of its own."""
    if provided_qualifier is None:
        return _admits(own, multi_arch, qualifier, architecture, native)
    if provided_qualifier == "any":
        return qualifier == "any"
    return _admits(provided_qualifier, "no", qualifier, architecture, native)
