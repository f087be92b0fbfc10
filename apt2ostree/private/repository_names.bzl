"""What the repositories are called that the module extension makes."""

def deb_repository_name(fields):
    """The repository of a package: one per distinct .deb, whichever lock names it.

    Args:
        fields: dict: the package's stanza.

    Returns:
        `deb_NAME_` and the start of the SHA-256. The extension checks that no two packages
        come to share a name.
    """
    name = "".join([
        character if character.isalnum() else "_"
        for character in fields["Package"].elems()
    ])
    return "deb_{}_{}".format(name, fields["SHA256"][:16])

_LOCK_SUFFIX = "__lock"

def lock_repository_name(lock):
    """The repository beside a lock's hub, with what the lock says."""
    return lock + _LOCK_SUFFIX

def lock_of_repository(name):
    """The lock whose data a repository has, out of the repository's canonical name."""
    return name.rpartition("~")[2].rpartition("+")[2].removesuffix(_LOCK_SUFFIX)
