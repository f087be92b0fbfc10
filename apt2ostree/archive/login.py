"""Logins in URLs, `http://USER:PASSWORD@HOST/…`, which belong into ~/.netrc."""

from __future__ import annotations


def has_login(url: str) -> bool:
    """Whether there is a user in a URL, with or without a password.

    A slash in a password, which should be written %2F, ends the part that has the host; what is
    before it then looks like a host with a port that is no number.
    """
    authority = url.partition(":")[2].lstrip("/").partition("/")[0]
    port = authority.rpartition("]")[2].partition(":")[2]
    return "@" in authority or ("@" in url and bool(port) and not port.isdigit())
