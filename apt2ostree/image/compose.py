"""Composing an image from manifests: no content is read.

The packages' trees are laid over each other, dpkg's database is written, and the result
hashed. What compose makes itself (directories' objects, the commit, the database's few
files) goes into the image's own objects tar.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apt2ostree.dpkg import database, info
from apt2ostree.errors import UserError
from apt2ostree.image import merge, paths, tree, usrmerge
from apt2ostree.image.manifest import Directory, Manifest, PackageRecord, Row, components
from apt2ostree.ostree.objects import Commit, FileHeader
from apt2ostree.ostree.objects_tar import ObjectsWriter


@dataclass(frozen=True)
class Options:
    """What an image is besides its packages.

    Attributes:
        architectures: the native one, then the foreign ones.
        merged_usr: `yes`, `no` or `auto`: see `usrmerge.wanted`.
        timestamp: of the commit, in seconds since 1970.
        subject: of the commit.
    """

    architectures: Sequence[str] = ()
    merged_usr: str = "auto"
    timestamp: int = 0
    subject: str = ""


def compose(
    packages: Sequence[Manifest],
    layers: Mapping[str, Manifest],
    options: Options,
    objects: ObjectsWriter,
) -> tuple[Manifest, str]:
    """Make an image.

    Args:
        packages: one manifest per package, in the lock's order.
        layers: name → tree, laid over the packages.
        options: see there.
        objects: where the objects go that compose makes.

    Returns:
        The image's manifest and its commit checksum.

    Raises:
        UserError: clashes, or packages that cannot be in one image.
    """
    records = _records(packages)
    architectures = _architectures(records, options.architectures)
    sources = [
        *_links_source(records, architectures, options.merged_usr, objects),
        *_package_sources(packages),
        *(merge.Source(f"layer {name}", layer.directories) for name, layer in layers.items()),
    ]
    merged = merge.merge(sources)
    _forbid_devices(merged.directories)
    if records:
        _add_database(merged.directories, records, architectures, objects)
        _correct_lists(merged, sources, objects)
    manifest = Manifest(merged.directories, records)
    manifest.dirtree, manifest.dirmeta, found = tree.hash_tree(merged.directories)
    for type_, data in found.values():
        objects.add_metadata(type_, data)
    commit = Commit(
        manifest.dirtree,
        manifest.dirmeta,
        timestamp=options.timestamp,
        subject=options.subject,
    )
    return manifest, objects.add_metadata("commit", commit.serialize())


def _records(packages: Sequence[Manifest]) -> list[PackageRecord]:
    """The packages' records, each package once."""
    records = [record for manifest in packages for record in manifest.packages]
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
    return records


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
    sources = [
        merge.Source(f"package {record.name} {record.version}", manifest.directories, record)
        for manifest in packages
        for record in manifest.packages
    ]
    # Stable: base-files first, because its directories' owners and modes are to count.
    return sorted(sources, key=lambda source: not source.name.startswith("package base-files "))


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
            if row[0] in tree.DEVICE_TYPES:
                raise UserError(
                    f"/{paths.join(path, name)}: a {row[0]}, which OSTree cannot store; leave "
                    "the package that ships it out of the image (the kernel provides /dev)"
                )


def _add_database(
    directories: dict[str, Directory],
    records: Sequence[PackageRecord],
    architectures: Sequence[str],
    objects: ObjectsWriter,
) -> None:
    info_directory = tree.ensure_directory(directories, info.INFO_DIRECTORY)
    for record in records:
        info_directory.files.update(record.info)
    for path, text in database.files(records, architectures).items():
        above, name = paths.split(path)
        files = tree.ensure_directory(directories, above).files
        files[name] = _add_content(objects, text.encode("utf-8", "surrogateescape"))


def _correct_lists(
    merged: merge.Merged, sources: Sequence[merge.Source], objects: ObjectsWriter
) -> None:
    """A path that another package took over leaves its first package's list, as in dpkg."""
    for index, dropped in merged.dropped.items():
        source = sources[index]
        assert source.package
        listed = _listed(source.directories) - set(dropped)
        name = next(name for name in source.package.info if name.endswith(".list"))
        row = _add_content(objects, info.file_list(sorted(listed, key=components)))
        merged.directories[info.INFO_DIRECTORY].files[name] = row
        source.package.info[name] = row


def _listed(directories: Mapping[str, Directory]) -> set[str]:
    listed = {path for path, directory in directories.items() if not directory.implicit}
    for path, directory in directories.items():
        listed.update(paths.join(path, name) for name in directory.files)
    return listed


def _add_content(objects: ObjectsWriter, data: bytes) -> Row:
    checksum = objects.add_file(FileHeader(0, 0, stat.S_IFREG | 0o644), len(data), [data])
    return ["file", "0644", 0, 0, len(data), checksum]
