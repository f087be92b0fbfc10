"""Composing an image from manifests: no content is read.

The packages' trees, upon a base image if there is one, are laid over each other, dpkg's
database is written, and the result hashed. What compose makes itself (directories' objects,
the commit, the database's few files) goes into the image's own objects tar.
"""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Callable

from apt2ostree import messages
from apt2ostree.debian import info
from apt2ostree.errors import UserError
from apt2ostree.image import (
    dpkg_database,
    extended_states,
    local_packages,
    merge,
    ownership,
    quirks,
    removal,
    usrmerge,
)
from apt2ostree.image.quirks import Quirk
from apt2ostree.image.seal import seal
from apt2ostree.ostree.objects import FileHeader
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import accounts, paths, tree
from apt2ostree.tree.manifest import (
    SIZE,
    TYPE,
    Directory,
    Group,
    Manifest,
    PackageKey,
    PackageRecord,
    Row,
    User,
    components,
)
from apt2ostree.tree.sysusers import Declared

SHADOW_GID = 42
"""Debian's group shadow, one of the fixed ids of Policy §9.2."""


@dataclass(frozen=True)
class Options:
    """What an image is besides its packages.

    Attributes:
        architectures: the native one, then the foreign ones.
        merged_usr: `yes`, `no` or `auto`: see `usrmerge.wanted`.
        overlay_conflicts: `error` or `replace`: see `merge.merge`.
        remove: patterns of paths to leave out of base and packages: see `removal`.
        unmatched_globs: `warning` or `error`: what becomes of patterns that match nothing.
        automatic: `NAME:ARCHITECTURE` of the packages that nobody asked for.
        local: those that no lock names: see `local_packages`.
        quirks: corrections of packages; those of which the image has none do nothing.
        accounts: users and groups to add, with ids that no script shall choose.
        timestamp: of the commit, in seconds since 1970.
        subject: of the commit.
    """

    architectures: Sequence[str] = ()
    merged_usr: str = "auto"
    overlay_conflicts: str = "error"
    remove: Sequence[str] = ()
    unmatched_globs: str = "warning"
    automatic: Collection[str] = ()
    local: Collection[PackageKey] = ()
    quirks: Sequence[Quirk] = ()
    accounts: Declared = field(default_factory=Declared)
    timestamp: int = 0
    subject: str = ""


@dataclass(frozen=True)
class Base:
    """An image that another is made upon.

    Attributes:
        name: what errors call it.
        image: its manifest.
        packages: loads the manifests of its packages, as they were before they became the
            image. Few images need them.
    """

    name: str
    image: Manifest
    packages: Callable[[], Sequence[Manifest]]


def compose(
    packages: Sequence[Manifest],
    layers: Mapping[str, Manifest],
    options: Options,
    objects: ObjectsWriter,
    base: Base | None = None,
) -> tuple[Manifest, str]:
    """Make an image.

    Args:
        packages: one manifest per package, in the lock's order.
        layers: name → tree, laid over the packages.
        options: see there.
        objects: where the objects go that compose makes.
        base: the image to begin with.

    Returns:
        The image's manifest and its commit checksum.

    Raises:
        UserError: clashes, or packages that cannot be in one image.
    """
    packages = [_marked(manifest, options) for manifest in _without_known(packages, base)]
    lost: Lost = {}
    diverted = list(base.image.diverted) if base else []
    for manifest in packages:
        if quirks.apply(manifest, options.quirks, objects):
            lost.update({record.key: set() for record in manifest.packages})
    base_records = base.image.packages if base else []
    new_records = [record for manifest in packages for record in manifest.packages]
    records = [*base_records, *new_records]
    _check_once(records)
    architectures = _architectures(records, options.architectures)
    local_packages.check(records, options.local, architectures)
    sources = [
        *(
            [_base_source(base)]
            if base
            else _links_source(records, architectures, options.merged_usr, objects)
        ),
        *_package_sources(packages),
    ]
    layer_sources = [
        merge.Source(f"layer {name}", layer.directories) for name, layer in layers.items()
    ]

    def shipped() -> list[Manifest]:
        return [*(base.packages() if base else ()), *packages]

    if options.remove:
        merged = merge.merge(sources, options.overlay_conflicts)
        _note_dropped(lost, merged, sources)
        diverted += merged.diverted
        below = Manifest(merged.directories, records)
        owners = _Lazy(lambda: ownership.owners(below, shipped()))
        _remove(below, shipped(), options, lost)
        sources = [merge.Source("the packages", merged.directories, owner=owners.get)]
    merged = merge.merge([*sources, *layer_sources], options.overlay_conflicts)
    _note_dropped(lost, merged, sources)
    diverted += merged.diverted
    _forbid_devices(merged.directories)
    parts = [*([base.image] if base else []), *packages, *layers.values()]
    declared: list[Manifest | Declared] = [*layers.values(), options.accounts]
    texts = _add_accounts(merged.directories, parts, declared, objects)
    if records:
        native = architectures[0] if architectures else ""
        databases = dpkg_database.files(records, architectures, diverted)
        states = extended_states.text(records, native)
        if states:
            databases[extended_states.PATH] = states
        _forbid_directories([*sources, *layer_sources], databases, records)
        _add_database(merged.directories, new_records, databases, objects)
        if lost:
            records = _correct_lists(merged.directories, shipped(), records, lost, objects)
    manifest = Manifest(merged.directories, records, texts=texts, diverted=diverted)
    return manifest, seal(manifest, objects, options.subject, options.timestamp)


Lost = dict[PackageKey, set[str]]
"""Package → paths, as it ships them, that are not its own in the image."""


def _marked(manifest: Manifest, options: Options) -> Manifest:
    """The package with what the image, and not the package itself, says of it."""
    records = [
        replace(record, automatic=f"{record.name}:{record.architecture}" in options.automatic)
        for record in manifest.packages
    ]
    return replace(manifest, packages=records)


class _Lazy:
    """A mapping that is computed when first asked."""

    def __init__(self, compute: Callable[[], Mapping[str, PackageRecord]]) -> None:
        self._compute = compute
        self._value: Mapping[str, PackageRecord] | None = None

    def get(self, path: str) -> PackageRecord | None:
        if self._value is None:
            self._value = self._compute()
        return self._value.get(path)


def _base_source(base: Base) -> merge.Source:
    owners = _Lazy(lambda: ownership.owners(base.image, base.packages()))
    return merge.Source(f"base {base.name}", base.image.directories, owner=owners.get)


def _without_known(packages: Sequence[Manifest], base: Base | None) -> list[Manifest]:
    """The packages that the base does not have: closures may name them again."""
    known = {record.key: record for record in base.image.packages} if base else {}
    new = []
    for manifest in packages:
        (record,) = manifest.packages
        other = known.get(record.key)
        if other is None:
            new.append(manifest)
        elif other.version != record.version or other.control != record.control:
            assert base
            raise UserError(
                f"package {record.name}: {base.name} has version {other.version}, and `packages` "
                f"version {record.version}: make both from locks that agree"
            )
    return new


def _note_dropped(lost: Lost, merged: merge.Merged, sources: Sequence[merge.Source]) -> None:
    """Remember paths that one package took over from another."""
    for index, dropped in merged.dropped.items():
        for path in dropped:
            record = sources[index].package_of(path)
            assert record
            lost.setdefault(record.key, set()).add(path)


def _remove(image: Manifest, packages: Sequence[Manifest], options: Options, lost: Lost) -> None:
    """Remove files by pattern, and from the lists of the packages that ship them."""
    resolver = ownership.PathResolver(image.directories)
    places = [
        (record, resolver.directory(path), path, directory)
        for manifest in packages
        for record in manifest.packages
        for path, directory in manifest.directories.items()
    ]
    removed = removal.remove(image.directories, options.remove)
    if removed.unmatched:
        message = (
            f"remove: {', '.join(map(repr, removed.unmatched))} matches nothing in base and "
            "packages; take it out, or put a '?' before it if it need not match"
        )
        if options.unmatched_globs == "error":
            raise UserError(message)
        messages.warning(message)
    for record, place, path, directory in places:
        gone = {
            paths.join(path, name)
            for name in directory.files
            if paths.join(place, name) in removed.paths
        }
        if place in removed.paths:
            gone.add(path)
        if gone:
            lost.setdefault(record.key, set()).update(gone)


def _add_accounts(
    directories: dict[str, Directory],
    parts: Sequence[Manifest],
    declared: Iterable[Manifest | Declared],
    objects: ObjectsWriter,
) -> dict[str, str]:
    """Add the users and groups of layers and `accounts`; return the texts that the image keeps."""
    merged = Manifest(directories)
    texts = {
        path: text
        for part in parts
        for path, text in part.texts.items()
        if part.row(path) == merged.row(path)
    }
    users: dict[str, User] = {}
    groups: dict[str, Group] = {}
    for part in declared:
        for name, user in part.users.items():
            if users.setdefault(name, user) != user:
                raise UserError(
                    f"user {name}: two layers declare it, and differently (`accounts` is as one)"
                )
        for name, group in part.groups.items():
            if groups.setdefault(name, group) != group:
                raise UserError(
                    f"group {name}: two layers declare it, and differently (`accounts` is as one)"
                )
    if not users and not groups:
        return texts
    for path, text in accounts.add(texts, users, groups).items():
        above, name = paths.split(path)
        files = tree.ensure_directory(directories, above).files
        row = files.get(name)
        if row and row[TYPE] != "file":
            raise UserError(f"/{path}: a {row[TYPE]}, and users and groups are added to a file")
        secret = ["file", "0640", 0, SHADOW_GID] if "shadow" in name else ["file", "0644", 0, 0]
        files[name] = _add_content(objects, text, row[:SIZE] if row else secret)
        texts[path] = text
    return texts


def _check_once(records: Iterable[PackageRecord]) -> None:
    """Refuse a package that is there twice."""
    seen: dict[str, PackageRecord] = {}
    for record in records:
        for start in {name.rpartition(".")[0] for name in record.info if name.endswith(".list")}:
            other = seen.setdefault(start, record)
            if other is not record:
                raise UserError(
                    f"package {record.name} is in the image twice: version {other.version} "
                    f"for {other.architecture} and version {record.version} for "
                    f"{record.architecture}; leave one out"
                )


def _architectures(records: Sequence[PackageRecord], declared: Sequence[str]) -> list[str]:
    found = sorted({record.architecture for record in records} - {"all"})
    if not declared:
        if len(found) > 1:
            raise UserError(
                f"packages of several architectures ({', '.join(found)}): declare them with "
                '`architectures = ["NATIVE", "FOREIGN", …]`, the native one first'
            )
        return found
    for record in records:
        if record.architecture != "all" and record.architecture not in declared:
            raise UserError(
                f"package {record.name} {record.version} is for {record.architecture}, and the "
                f"image declares {', '.join(declared)}: update the lock, or declare it too"
            )
    return list(declared)


def _package_sources(packages: Sequence[Manifest]) -> list[merge.Source]:
    records = [record for manifest in packages for record in manifest.packages]
    times = Counter(record.name for record in records)
    sources = []
    for manifest in packages:
        for record in manifest.packages:
            # Of one package for two architectures the version does not tell which is meant.
            of = f":{record.architecture}" if times[record.name] > 1 else ""
            name = f"package {record.name}{of} {record.version}"
            sources.append(merge.Source(name, manifest.directories, record))
    # Stable: base-files first, because its directories' owners and modes are to count.
    return sorted(sources, key=lambda source: source.name.split()[1] != "base-files")


def _links_source(
    records: Sequence[PackageRecord],
    architectures: Sequence[str],
    setting: str,
    objects: ObjectsWriter,
) -> list[merge.Source]:
    if not usrmerge.wanted(setting, [record.name for record in records]):
        return []
    links = usrmerge.links(architectures[0] if architectures else "")
    return [merge.Source("merged /usr", _link_tree(links, objects))]


def _link_tree(links: Mapping[str, str], objects: ObjectsWriter) -> dict[str, Directory]:
    """A tree of symlinks in the root, and the directories they lead to."""
    directories = {"": Directory(implicit=True)}
    for name, target in links.items():
        header = FileHeader(0, 0, stat.S_IFLNK | 0o777, target)
        checksum = objects.add_file(header, 0, [])
        directories[""].files[name] = ["symlink", "0777", 0, 0, target, checksum]
        tree.ensure_directory(directories, target)
    return directories


def _forbid_devices(directories: Mapping[str, Directory]) -> None:
    for path, directory in directories.items():
        for name, row in directory.files.items():
            if row[TYPE] in tree.DEVICE_TYPES:
                raise UserError(
                    f"/{paths.join(path, name)}: a {row[TYPE]}, which OSTree cannot store; leave "
                    "the package that ships it out of the image (the kernel provides /dev)"
                )


def _forbid_directories(
    sources: Sequence[merge.Source], databases: Iterable[str], records: Sequence[PackageRecord]
) -> None:
    """Refuse directories where files of dpkg's database are to be."""
    names = {paths.join(info.INFO_DIRECTORY, name) for record in records for name in record.info}
    taken = names.union(databases)
    for source in sources:
        for path in taken.intersection(source.directories):
            raise UserError(
                f"/{path}: {source.name} ships a directory there, where dpkg's database has a "
                "file; leave it out of the image"
            )


def _add_database(
    directories: dict[str, Directory],
    new: Iterable[PackageRecord],
    databases: Mapping[str, str],
    objects: ObjectsWriter,
) -> None:
    """Write dpkg's database; `new` are the packages that the base does not have."""
    info_directory = tree.ensure_directory(directories, info.INFO_DIRECTORY)
    for record in new:
        info_directory.files.update(record.info)
    for path, text in databases.items():
        above, name = paths.split(path)
        files = tree.ensure_directory(directories, above).files
        if name in files and name in dpkg_database.NOT_OF_PACKAGES:
            continue  # a configured base may have diversions and overrides of its own
        files[name] = _add_content(objects, text)


def _correct_lists(
    directories: Mapping[str, Directory],
    packages: Sequence[Manifest],
    records: Sequence[PackageRecord],
    lost: Lost,
    objects: ObjectsWriter,
) -> list[PackageRecord]:
    """Paths that another package took over, or that were removed, leave their package's list.

    As dpkg does in the first case; in the second `dpkg --verify` would miss them.

    Returns:
        The packages, those whose list changed with the new one.
    """
    by_key = {record.key: record for record in records}
    resolver = ownership.PathResolver(directories)
    files = directories[info.INFO_DIRECTORY].files
    for manifest in packages:
        for shipped in manifest.packages:
            if shipped.key not in lost:
                continue
            # What a base lost before is not in it any more.
            listed = {
                path
                for path in _listed(manifest.directories) - lost[shipped.key]
                if _exists(directories, resolver.path(path))
            }
            record = by_key[shipped.key]
            name = next(name for name in record.info if name.endswith(".list"))
            text = info.file_list(sorted(listed, key=components))
            files[name] = _add_content(objects, text.decode("utf-8", "surrogateescape"))
            by_key[shipped.key] = replace(record, info={**record.info, name: files[name]})
    return [by_key[record.key] for record in records]


def _exists(directories: Mapping[str, Directory], path: str) -> bool:
    above, name = paths.split(path)
    directory = directories.get(above)
    return path in directories or (directory is not None and name in directory.files)


def _listed(directories: Mapping[str, Directory]) -> set[str]:
    listed = {path for path, directory in directories.items() if not directory.implicit}
    for path, directory in directories.items():
        listed.update(paths.join(path, name) for name in directory.files)
    return listed


def _add_content(
    objects: ObjectsWriter, text: str, start: Sequence[Any] = ("file", "0644", 0, 0)
) -> Row:
    """Add a file; `start` is what its row begins with: type, mode, owner, group."""
    _, mode, uid, gid = start
    data = text.encode("utf-8", "surrogateescape")
    header = FileHeader(uid, gid, stat.S_IFREG | int(mode, 8))
    return [*start, len(data), objects.add_file(header, len(data), [data])]
