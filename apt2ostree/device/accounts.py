"""The file that fixes the ids of an image's users and groups: `accounts` of `ostree_image`.

Maintainer scripts take the next free id, so that another package in the image moves those of all
that come after it, while files in a device's /var keep the numbers they have. The file has the
lines of sysusers.d(5) that are in force before the first script runs; scripts find their users
made. Those that Debian has fixed for all (base-passwd) are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from apt2ostree.tree import sysusers

HEADING = """\
# Users and groups of the image and their ids, which devices' files keep: see sysusers.d(5).
# `bazel run` adds what is new. A line whose package is gone keeps its id from being another's.
"""


def updated(text: str, image: Mapping[str, str], where: str) -> str:
    """The file with what the image has and it lacks.

    Args:
        text: the file's; may be empty.
        image: `Manifest.texts` of the image that was made with it.
        where: what errors call the file.

    Returns:
        Its text: what was in it has the ids it had.

    Raises:
        UserError: a malformed line.
    """
    known, found = sysusers.parse(text, where), sysusers.of_texts(image)
    users = {**found.users, **known.users}
    groups = {**found.groups, **known.groups}
    return HEADING + sysusers.dump(sysusers.Declared(users, groups))


def faults(text: str, image: Mapping[str, str], where: str) -> Iterator[str]:
    """Yield what the file does not say of an image, or says otherwise; see `updated`."""
    known, found = sysusers.parse(text, where), sysusers.of_texts(image)
    for name, user in sorted(found.users.items()):
        if name not in known.users:
            yield f"user {name}, with id {user.uid}, is not in it"
        elif known.users[name].uid != user.uid:
            yield f"user {name} has id {user.uid} in the image, and {known.users[name].uid} in it"
    for name, group in sorted(found.groups.items()):
        if group.gid is None:
            continue
        fixed = known.groups.get(name)
        if fixed is None:
            yield f"group {name}, with id {group.gid}, is not in it"
        elif fixed.gid != group.gid:
            yield f"group {name} has id {group.gid} in the image, and {fixed.gid} in it"
