"""What a user can ask for: one item of a list of wanted packages.

As apt-get(8) reads its arguments: ``name``, ``name:architecture``, ``name=version`` and
``name/suite``, where the suite is a suite, codename or version of a release.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from apt2ostree.errors import UserError

_ITEM = re.compile(
    r"""(?P<name> [A-Za-z0-9][A-Za-z0-9+._-]* )
        (?: : (?P<architecture> [a-z0-9][a-z0-9-]* ) )?
        (?: = (?P<version> [A-Za-z0-9.+:~_-]+ ) | / (?P<suite> [A-Za-z0-9][A-Za-z0-9._/-]* ) )?""",
    re.VERBOSE,
)


class WantedError(UserError):
    """An item that is not understood."""


@dataclass(frozen=True)
class Wanted:
    """A wanted package; what the item does not say is "". `text` is the item itself."""

    text: str
    name: str
    architecture: str = ""
    version: str = ""
    suite: str = ""


def parse_wanted(text: str) -> Wanted:
    """Read one item; raises WantedError."""
    match = _ITEM.fullmatch(text)
    if match is None:
        raise WantedError(
            f"{text!r} is not a package to ask for; expected 'name', 'name:architecture', "
            "'name=version' or 'name/suite'"
        )
    return Wanted(text, **{key: value or "" for key, value in match.groupdict().items()})
