"""Where a package is downloaded from: mirrors, the origin, the snapshot archive."""

_LOGIN = "{}: there is a login in a URL; put it into ~/.netrc, or the file that NETRC names, or use Bazel's --credential_helper, and leave it out here"

# What most filenames are all of.
_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-~"

# What RFC 3986 has for other uses than in a path, or for none; "%" first.
_PERCENT_ENCODED = [
    ("%", "%25"),
    (" ", "%20"),
    ("\"", "%22"),
    ("#", "%23"),
    ("<", "%3C"),
    (">", "%3E"),
    ("?", "%3F"),
    ("[", "%5B"),
    ("\\", "%5C"),
    ("]", "%5D"),
    ("^", "%5E"),
    ("`", "%60"),
    ("{", "%7B"),
    ("|", "%7C"),
    ("}", "%7D"),
]

def package_urls(fields, archive = ""):
    """The URLs at which a stanza's package should be, mirrors apart.

    Args:
        fields: dict: the stanza. `APT-Sources` names the origin as apt prints it (`URI
            SUITE/COMPONENT ARCHITECTURE Packages`); `Snapshot`, if there, the base URL of the
            archive as it was at the time of the lock.
        archive: base URL for stanzas without an origin (locks of the original apt2ostree).

    Returns:
        A list of URLs, the first to be tried first; empty if the stanza has no origin and
        `archive` is empty.
    """
    origin = fields.get("APT-Sources", "").strip().split(" ")[0] or archive
    bases = [origin, fields.get("Snapshot", "")]
    return [_join(base, fields["Filename"]) for base in bases if base]

def mirrored(urls, mirrors):
    """Put the mirrors' URLs before the ones they stand for.

    Args:
        urls: list of URLs.
        mirrors: list of (from, to): a URL that starts with `from` is also at `to`. A `from`
            matches whole path components.

    Returns:
        A list of URLs, without duplicates: all mirrors' first, in the order of `mirrors`.
    """
    found = {}
    for start, replacement in mirrors:
        start = start.rstrip("/")
        for url in urls:
            if url == start or url.startswith(start + "/"):
                found[replacement.rstrip("/") + url[len(start):]] = None
    for url in urls:
        found[url] = None
    return found.keys()

def parse_mirrors(text):
    """Parse the value of `APT2OSTREE_MIRRORS`.

    Args:
        text: `FROM=TO[,FROM=TO…]`.

    Returns:
        (list of (from, to), error message or None).
    """
    mirrors = []
    for item in text.split(","):
        if not item.strip():
            continue
        start, equals, replacement = item.strip().partition("=")
        if not equals or "://" not in start or "://" not in replacement:
            # What follows an "@" somewhere, or stands before one, may be of a password.
            return [], "APT2OSTREE_MIRRORS: expected FROM=TO with two URLs, got {}".format(
                "something that is not shown, as there may be a password in it" if "@" in text else repr(item),
            )
        if has_login(start) or has_login(replacement):
            return [], _LOGIN.format("APT2OSTREE_MIRRORS or an apt.mirror()")
        mirrors.append((start, replacement))
    return mirrors, None

def has_login(url):
    """Whether a URL has a user in it, and most often a password.

    Args:
        url: string.

    Returns:
        bool.
    """
    authority = url.partition("://")[2].partition("/")[0]

    # A slash in a password, which should be written %2F, ends the part that has the host; what is
    # before it then looks like a host with a port that is no number.
    port = authority.rpartition("]")[2].partition(":")[2]
    return "@" in authority or bool("@" in url and port and not port.isdigit())

def login_error(place):
    """What is to be said of a URL with a login.

    Args:
        place: string: where it is.

    Returns:
        string.
    """
    return _LOGIN.format(place)

def _join(base, filename):
    # A flat archive's Filename may start with "./".
    filename = filename[2:] if filename.startswith("./") else filename

    if filename.strip(_PLAIN):
        for character, code in _PERCENT_ENCODED:
            filename = filename.replace(character, code)
    return base.rstrip("/") + "/" + filename
