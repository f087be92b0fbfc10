"""The layout of a tree that boots from OSTree, made from an image's: metadata, no content read.

| in the image | in the deployment |
|---|---|
| `/boot/{vmlinuz,initrd.img,config,System.map}-RELEASE` | `/usr/lib/modules/RELEASE` |
| `/etc` | `/usr/etc`, which each deployment has its own `/etc` from |
| `/var/lib/dpkg` | `/usr/lib/sysimage/dpkg`: it tells of the version that runs |
| the rest of `/var` | `/usr/share/factory/var`; a device gets what it lacks when it boots |
| `/opt/X` | `/usr/lib/opt/X`, and a link in the device's `/var/opt` |
| `/home`, `/mnt`, `/root`, `/srv`, `/usr/local` | links into the device's `/var` |
| `/media` | a link to `/run/media` |

/var belongs to the device, and to all its versions: OSTree does not touch it after the first
deployment. An `/etc/passwd` that was changed on a device stays as it is there; users that a
version brings are added by systemd-sysusers, with the ids that they have in the image. Sources:
"Adapting existing mainstream distributions" and "Deployments" of OSTree's manual; hier(7);
tmpfiles.d(5); sysusers.d(5); systemd.preset(5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from apt2ostree.device import kernel, tmpfiles
from apt2ostree.device.editor import Editor
from apt2ostree.errors import UserError
from apt2ostree.image import dpkg_database
from apt2ostree.image.seal import seal
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import paths, sysusers
from apt2ostree.tree.manifest import TYPE, Directory, Manifest

DPKG = "usr/lib/sysimage/dpkg"
TMPFILES = "usr/lib/tmpfiles.d/zz-apt2ostree.conf"
"""Read after all others, so that what a package says of a path of its own counts."""
SYSUSERS = "usr/lib/sysusers.d/00-apt2ostree.conf"
"""Read before all others, so that these ids count."""
SYSUSERS_DROP_IN = "usr/lib/systemd/system/systemd-sysusers.service.d/50-apt2ostree.conf"
PRESET = "usr/lib/systemd/system-preset/00-apt2ostree.preset"
_NO_PRESET = """\
# A device's first boot would enable units by presets: what the image has enabled is enough. (It
# enables only, and disables none.)
disable *
"""
_EVERY_BOOT = """\
# At each boot: a version may bring users that /etc/passwd, changed on the device, does not have.
[Unit]
ConditionNeedsUpdate=
"""
_OPT = "usr/lib/opt"
_OWN = {
    "home": "var/home",
    "mnt": "var/mnt",
    "root": "var/roothome",
    "srv": "var/srv",
    "usr/local": "var/usrlocal",
}
"""Directories that are the device's own → where in /var they are."""
_MADE = (f"{tmpfiles.FACTORY}/var", DPKG, _OPT)
"""Where what is moved goes."""
_MOUNT_POINTS = {
    "dev": "0755",
    "proc": "0755",
    "run": "0755",
    "sys": "0755",
    "sysroot": "0755",
    "tmp": "1777",
}
"""Directory → mode, of those that something is mounted upon."""
_NEEDED = {
    "ostree": "the program that updates a device",
    "ostree-boot": "ostree-prepare-root, which makes a deployment the root",
}
"""Package → what of it a device needs."""


def lay_out(image: Manifest, version: str, objects: ObjectsWriter) -> tuple[Manifest, str]:
    """Lay an image out.

    Args:
        image: as its packages know it, configured; its directories are changed.
        version: what people call it; may be empty.
        objects: where the objects go that the image's own tars do not hold.

    Returns:
        The laid out image's manifest and its commit checksum.

    Raises:
        UserError: such an image would not boot, or not be updated.
    """
    faults = list(_faults(image))
    if faults:
        raise UserError("\n".join(["the image cannot be made bootable:", *faults]))
    editor = Editor(image.directories, objects)
    release = kernel.move(editor)
    _move_dpkg(editor)
    links = list(_move_opt(editor))
    for path, place in _OWN.items():
        _give(editor, path, place)
    editor.link("media", "run/media")
    editor.move("var", f"{tmpfiles.FACTORY}/var")
    editor.make("var")
    for path, mode in _MOUNT_POINTS.items():
        editor.make(path, mode)
    editor.link("ostree", "sysroot/ostree")
    editor.write(PRESET, _NO_PRESET)
    editor.move("etc", "usr/etc")
    lines = [*tmpfiles.lines(editor.directories, "var"), *links, "d /run/media 0755 root root -"]
    editor.write(TMPFILES, "".join(f"{line}\n" for line in lines))
    _write_accounts(editor, image.texts)
    metadata: dict[str, str | bool] = {"ostree.bootable": True, "ostree.linux": release}
    if version:
        metadata["version"] = version
    manifest = replace(image, metadata=metadata)
    return manifest, seal(manifest, objects, "", 0)


def deployed(directories: Mapping[str, Directory]) -> dict[str, Directory]:
    """The directories of a laid out image as a device has them that boots it for the first time.

    Those of an image that is not laid out are returned as they are.
    """
    result = dict(directories)
    if "usr/etc" not in directories:
        return result
    factory = f"{tmpfiles.FACTORY}/var"
    for path, directory in directories.items():
        for start, place in ((factory, "var"), ("usr/etc", "etc")):
            if path == start or path.startswith(f"{start}/"):
                result[place + path[len(start) :]] = directory
    return result


def _faults(image: Manifest) -> Iterator[str]:
    """What keeps an image from being laid out."""
    directories = image.directories
    names = {record.name for record in image.packages}
    for name, use in _NEEDED.items():
        if name not in names:
            yield f"the package {name} is not in it: it has {use}; add it to the packages"
    if "lib" in directories or "sbin" in directories:
        yield (
            "/lib or /sbin is a directory, not a link into /usr, and a deployment has its system "
            'in /usr: add the package usr-is-merged, or `merged_usr = "yes"`'
        )
    elif "init" not in directories.get("usr/sbin", Directory()).files:
        yield (
            "there is no /sbin/init for the kernel to start: add the package systemd-sysv to the "
            "packages"
        )
    if "etc" not in directories:
        yield "there is no /etc"
    if "usr/etc" in directories:
        yield (
            "there are both /etc and /usr/etc: `bootable` moves the one to the other; take out the "
            "hook or the layer that makes /usr/etc"
        )
    for top in [*_MOUNT_POINTS, "media", "ostree"]:
        for path in _content(directories, top)[:1]:
            yield (
                f"/{path}: what lies in /{top} would be covered by what a device has there; "
                "leave it out, or put it into /usr"
            )
    for place in _MADE:
        if place in directories:
            yield f"there is a /{place}, which `bootable` makes itself: leave out what has it"
    for path, place in _OWN.items():
        if path in directories and place in directories:
            yield f"/{path} is a link to /{place} on a device, and both are there: leave one out"
    for path in _content(directories, "usr/local", links=False)[:1]:
        yield (
            f"/{path}: /usr/local is the device's own, and no update would change it there; put "
            "it elsewhere in /usr, or into /opt"
        )


def _content(directories: Mapping[str, Directory], top: str, links: bool = True) -> list[str]:
    """Paths, sorted, of the files below a directory, and if `links` of the symlinks."""
    return sorted(
        paths.join(path, name)
        for path, directory in directories.items()
        if path == top or path.startswith(f"{top}/")
        for name, row in directory.files.items()
        if links or row[TYPE] != "symlink"
    ) + ([top] if links and top in directories[""].files else [])


def _move_dpkg(editor: Editor) -> None:
    editor.move(dpkg_database.DIRECTORY, DPKG)
    editor.link(dpkg_database.DIRECTORY, f"/{DPKG}")


def _move_opt(editor: Editor) -> Iterator[str]:
    """Move what packages have in /opt; yield the tmpfiles.d lines that link it to there."""
    if "opt" in editor.directories:
        files = sorted(editor.directories["opt"].files)
        directories = [path[len("opt/") :] for path in editor.below("opt") if path != "opt"]
        names = sorted({*files, *(path.partition("/")[TYPE] for path in directories)})
        if names:
            editor.move("opt", _OPT)
        for name in names:
            yield tmpfiles.link(f"/var/opt/{name}", f"/{_OPT}/{name}")
    if "var/opt" not in editor.directories:
        editor.make("var/opt")
    editor.link("opt", "var/opt")


def _give(editor: Editor, path: str, place: str) -> None:
    """Make a directory the device's own."""
    if path in editor.directories:
        editor.move(path, place)
    elif place not in editor.directories:
        editor.make(place)
    editor.link(path, "../" * path.count("/") + place)


def _write_accounts(editor: Editor, texts: Mapping[str, str]) -> None:
    """Make users that a version adds known to a device whose own passwd it keeps."""
    lines = sysusers.dump(sysusers.of_texts(texts))
    if lines:
        editor.write(SYSUSERS, lines)
        editor.write(SYSUSERS_DROP_IN, _EVERY_BOOT)
