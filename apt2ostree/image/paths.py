"""Paths inside a tree: relative, `/` between components, the root being the empty string."""

from __future__ import annotations

from apt2ostree.errors import UserError


def normalize(name: str) -> str:
    """Turn a tar member's name into a path inside the tree.

    Raises:
        UserError: an absolute name, or one with `..` in it: neither may be in a package.
    """
    if name.startswith("/"):
        raise UserError(f"{name}: absolute member name; a package's files are relative to ./")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UserError(f"{name}: '..' in a member name; it would leave the package's own tree")
    if "\0" in name:
        raise UserError(f"{name!a}: NUL byte in a member name")
    return "/".join(parts)


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
