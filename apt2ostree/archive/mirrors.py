"""Where else a file of an archive may be had: ``APT2OSTREE_MIRRORS``.

A lockfile names the archive; a mirror is the machine's own affair. The variable holds
``FROM=TO[,FROM=TO…]``: a URL that begins with FROM is tried with TO in its place first. FROM ends
where a part of the path ends, so ``http://h/debian`` is no prefix of ``http://h/debian-security``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from apt2ostree.archive.login import has_login
from apt2ostree.errors import UserError

VARIABLE = "APT2OSTREE_MIRRORS"


@dataclass(frozen=True)
class Mirrors:
    """Prefixes of URLs and what to try in the place of each, in this order."""

    rules: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Mirrors:
        """Read ``FROM=TO[,FROM=TO…]``; blanks around an entry do not matter.

        Raises:
            UserError: at an entry that is not of this form, or has a login in it.
        """
        rules = []
        entries = filter(None, (part.strip() for part in text.split(",")))
        for number, entry in enumerate(entries, 1):
            old, separator, new = entry.partition("=")
            if not separator or "://" not in old or ":/" not in new:
                # What follows an "@" somewhere, or stands before one, may be of a password.
                found = f"entry {number}, which" if "@" in text else repr(entry)
                raise UserError(
                    f"{VARIABLE}: expected FROM=TO, both URLs such as "
                    f"http://ftp.debian.org/debian=http://mirror.example/debian, found {found}"
                    + (" is not shown, as there may be a password in it" if "@" in text else "")
                )
            if has_login(old) or has_login(new):
                raise UserError(
                    f"{VARIABLE}: there is a login in the URL of entry {number}; put it into "
                    "~/.netrc, or the file that NETRC names, and leave it out here"
                )
            rules.append((old.strip(), new.strip()))
        return cls(tuple(rules))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Mirrors:
        """Read them from the environment variable."""
        return cls.parse(environment.get(VARIABLE, ""))

    def candidates(self, url: str) -> tuple[str, ...]:
        """Every URL to try for a file, the mirrors' first, the file's own last."""
        mirrored = [
            new.rstrip("/") + url[len(old.rstrip("/")) :]
            for old, new in self.rules
            if (url + "/").startswith(old.rstrip("/") + "/")
        ]
        return tuple(dict.fromkeys([*mirrored, url]))
