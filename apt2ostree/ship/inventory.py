"""What a bill of materials lists: an image's packages with licence, origin and checksum."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from apt2ostree import messages
from apt2ostree.debian.index import Package, parse_index
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.image.ownership import PathResolver
from apt2ostree.ship import dependencies, licenses
from apt2ostree.ship.contents import Contents
from apt2ostree.ship.licenses import Licenses
from apt2ostree.tree.manifest import Manifest, PackageKey, PackageRecord


@dataclass(frozen=True)
class Item:
    """A package.

    Attributes:
        name: of the package.
        version: in full.
        architecture: `amd64`, …, or `all`.
        purl: its package URL.
        source: (name, version) of the source package.
        summary: first line of the description.
        maintainer: who packages it.
        homepage: of its upstream, or empty.
        url: where it was downloaded from; empty for a package of no lock.
        checksum: SHA-256 or SHA-512 of the .deb; empty likewise.
        licenses: what its copyright file says.
        needs: purls of the packages that it depends on.
    """

    name: str
    version: str
    architecture: str
    purl: str
    source: tuple[str, str]
    summary: str
    maintainer: str
    homepage: str
    url: str
    checksum: str
    licenses: Licenses
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Inventory:
    """An image.

    Attributes:
        label: the Bazel target.
        commit: its checksum.
        distribution: `debian`, `ubuntu`, …: `ID` of its os-release(5).
        release: `12`: `VERSION_ID`, else the code name; may be empty.
        items: its packages, by name.
        created: time of the document, `2026-11-23T06:20:31Z`.
    """

    label: str
    commit: str
    distribution: str
    release: str
    items: Sequence[Item]
    created: str

    @property
    def uuid(self) -> uuid.UUID:
        """The same for the same image."""
        return uuid.uuid5(uuid.NAMESPACE_URL, f"{self.label} {self.commit}")


def take(image: BuiltImage, created: str) -> Inventory:
    """Make an image's inventory.

    Args:
        image: the image.
        created: time of the document.
    """
    manifest = image.manifest
    locked = _locked(image.lockfiles)
    with Contents(image) as contents:
        release = _os_release(manifest, contents)
        distribution = release.get("ID", "debian")
        number = release.get("VERSION_ID") or release.get("VERSION_CODENAME", "")
        if not number:
            messages.warning(
                f"{image.label}: no VERSION_ID in its os-release: package URLs lack the release"
            )
        distro = f"{distribution}-{number}" if number else distribution
        urls = {
            record.key: package_url(record, distribution, distro) for record in manifest.packages
        }
        needs = dependencies.edges(manifest.packages)
        items = []
        for record in sorted(manifest.packages, key=lambda record: record.key):
            text = _read(manifest, contents, f"usr/share/doc/{record.name}/copyright")
            strong = [
                urls[edge.target] for edge in needs[record.key] if edge.field in dependencies.STRONG
            ]
            items.append(
                _item(record, urls[record.key], locked, licenses.parse(text), tuple(sorted(strong)))
            )
    return Inventory(image.label, image.commit, distribution, number, items, created)


def package_url(record: PackageRecord, distribution: str, distro: str) -> str:
    """The package URL (purl) of type `deb`, with what it is built from if that differs.

    Args:
        record: the package.
        distribution: the namespace, `debian`.
        distro: value of the qualifier, `debian-12`.
    """
    name, version = _source(record)
    qualifiers = f"arch={_quote(record.architecture)}&distro={_quote(distro)}"
    if name != record.name:
        upstream = name if version == record.version else f"{name}@{version}"
        qualifiers += f"&upstream={_quote(upstream)}"
    return f"pkg:deb/{distribution}/{_quote(record.name)}@{_quote(record.version)}?{qualifiers}"


def _os_release(manifest: Manifest, contents: Contents) -> dict[str, str]:
    """The first there is of the two places; images made for deploying have no /etc."""
    texts = (_read(manifest, contents, f"{place}/os-release") for place in ("etc", "usr/lib"))
    return parse_os_release(next(filter(None, texts), ""))


def parse_os_release(text: str) -> dict[str, str]:
    """Parse os-release(5)."""
    values = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            try:
                values[key.strip()] = "".join(shlex.split(value))
            except ValueError:
                continue
    return values


def _item(
    record: PackageRecord,
    purl: str,
    locked: Mapping[PackageKey, Package],
    found: Licenses,
    needs: tuple[str, ...],
) -> Item:
    fields = dependencies.fields_of(record)
    package = locked.get(record.key)
    if package is not None and package.version != record.version:
        package = None
    origin = package.get("APT-Sources").split(" ")[0] if package else ""
    return Item(
        name=record.name,
        version=record.version,
        architecture=record.architecture,
        purl=purl,
        source=_source(record),
        summary=_text(fields.get("Description", "").split("\n")[0]),
        maintainer=_text(fields.get("Maintainer", "")),
        homepage=_text(fields.get("Homepage", "")),
        url=f"{origin.rstrip('/')}/{package.get('Filename')}" if package and origin else "",
        checksum=package.checksum if package else "",
        licenses=found,
        needs=needs,
    )


def _source(record: PackageRecord) -> tuple[str, str]:
    """Name and version of the source package (Policy §5.6.1)."""
    name, _, version = dependencies.fields_of(record).get("Source", record.name).partition(" ")
    return name, version.strip("() ") or record.version


def _locked(lockfiles: Sequence[tuple[str, Path]]) -> dict[PackageKey, Package]:
    return {
        (package.name, package.architecture): package
        for name, path in lockfiles
        for package in parse_index(path.read_bytes(), name)
    }


def _read(manifest: Manifest, contents: Contents, path: str) -> str:
    """A file's text, links followed; empty if it is not there."""
    resolver = PathResolver(manifest.directories)
    # As a directory, so that a last component that is a link is followed too.
    text = contents.read_text(resolver.directory(path))
    return _text(text or "")


def _quote(text: str) -> str:
    # purl keeps the colon.
    return quote(text, safe=":~")


def _text(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
