"""Paths inside a tree: relative, `/` between components, the root being the empty string."""

from __future__ import annotations

from apt2ostree.errors import UserError

MAX_PATH = 4095
"""Bytes of a path, and of a symlink's target (PATH_MAX without the final NUL)."""
MAX_NAME = 255
"""Bytes of one component (NAME_MAX)."""


def normalize(name: str) -> str:
    """Turn a tar member's name into a path inside the tree.

    Raises:
        UserError: an absolute name, one with `..` in it, with a newline (dpkg's lists are lines),
            or longer than Linux has them: none of these may be in a package.
    """
    if name.startswith("/"):
        raise UserError(f"{name}: absolute member name; a package's files are relative to ./")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UserError(f"{name}: '..' in a member name; it would leave the package's own tree")
    if "\0" in name or "\n" in name:
        raise UserError(f"{name[:MAX_NAME]!a}: a NUL byte or a newline in a member name")
    check_length(name)
    for part in parts:
        if len(_bytes(part)) > MAX_NAME:
            raise UserError(f"{part[:40]}…: a name of more than {MAX_NAME} bytes")
    return "/".join(parts)


def check_length(path: str) -> None:
    """Refuse a path or a symlink's target that Linux could not hold.

    Raises:
        UserError: it is too long.
    """
    if len(_bytes(path)) > MAX_PATH:
        raise UserError(f"{path[:40]}…: a path of more than {MAX_PATH} bytes")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def parent(path: str) -> str:
    """The directory that holds `path`; of the root, the root."""
    return path.rpartition("/")[0]


def split(path: str) -> tuple[str, str]:
    """(directory, name)."""
    directory, _, name = path.rpartition("/")
    return directory, name


def join(directory: str, name: str) -> str:
    """The path of `name` in `directory`."""
    return f"{directory}/{name}" if directory else name
