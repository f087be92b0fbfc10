"""Lines of tmpfiles.d(5): what a device gets in /var when it boots, where it has not got it yet.

Nothing that is there is changed, but for access lists, which each boot completes: `C` and `L`
leave what exists alone, and a colon before mode and owners of `d` makes them count only for a
directory that is made (systemd 251 and newer; before, the line is an error).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping

from apt2ostree.tree import paths
from apt2ostree.tree.manifest import TARGET, TYPE, Directory, components, decode_xattrs, row_xattrs

_ACCESS, _DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
_ACL_TAGS = {1: "u", 2: "u", 4: "g", 8: "g", 16: "m", 32: "o"}
_NOBODY = 0xFFFFFFFF
"""The id of entries that are of the owner, the group, the mask or all others."""
FACTORY = "usr/share/factory"
"""Where systemd looks for what `C` lines without a source copy."""


def lines(directories: Mapping[str, Directory], root: str) -> Iterator[str]:
    """Yield the lines that make what an image has below `/usr/share/factory/ROOT` in `/ROOT`.

    Args:
        directories: of the image.
        root: `var`; the directory itself is not mentioned.
    """
    top = f"{FACTORY}/{root}"
    for path in sorted(directories, key=components):
        if path != top and not path.startswith(f"{top}/"):
            continue
        directory = directories[path]
        place = path[len(FACTORY) :]
        if path != top:
            owners = f":{directory.uid} :{directory.gid}"
            yield f"d {_quoted(place)} :{directory.mode} {owners} -"
            yield from _access_lists(place, decode_xattrs(directory.xattrs))
        for name, row in sorted(directory.files.items()):
            where = paths.join(place, name)
            yield link(where, row[TARGET]) if row[TYPE] == "symlink" else f"C {_quoted(where)}"
            yield from _access_lists(where, row_xattrs(row))


def link(path: str, target: str) -> str:
    """The line that makes a symlink at an absolute path.

    Only the last field is the rest of its line, whose backslashes are C's.
    """
    return f"L {_quoted(path)} - - - - {_escaped(target)}"


def _access_lists(path: str, xattrs: Mapping[str, bytes]) -> Iterator[str]:
    """The line that gives a path its access lists, which `C` does not copy (acl(5)).

    Who is named in them counts, and all of a directory's default one; the rest is the mode.
    """
    access = [entry for entry in _acl_entries(xattrs.get(_ACCESS, b"")) if "::" not in entry]
    entries = [*access, *(f"d:{entry}" for entry in _acl_entries(xattrs.get(_DEFAULT, b"")))]
    if entries:
        yield f"a+ {_quoted(path)} - - - - {','.join(entries)}"


def _acl_entries(data: bytes) -> Iterator[str]:
    """The entries of an access list as its attribute has it,.

    Version 2 in 4 bytes, then entries of tag, permissions and id (posix_acl_xattr.h of Linux).
    """
    for tag, permissions, number in struct.iter_unpack("<HHI", data[4:]):
        name = "".join(c if permissions & bit else "-" for c, bit in zip("rwx", (4, 2, 1)))
        who = "" if number == _NOBODY else str(number)
        yield f"{_ACL_TAGS[tag]}:{who}:{name}"


def _quoted(path: str) -> str:
    text = path.replace("%", "%%")
    if re.search(r"[\s\"'\\]", text):
        return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
    return text


def _escaped(target: str) -> str:
    return target.replace("\\", "\\\\").replace("%", "%%")
