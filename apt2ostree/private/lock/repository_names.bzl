"""What the repositories are called that the module extensions make."""

# How many extensions share the packages.
PARTS = 16

def deb_repository_name(fields):
    """The repository of a package: one per distinct .deb, whichever lock names it.

    Args:
        fields: dict: the package's stanza.

    Returns:
        `deb_NAME_` and the start of the SHA-256. The extension checks that no two packages
        come to share a name.
    """
    name = fields["Package"].replace("+", "_").replace("-", "_").replace(".", "_")
    return "deb_{}_{}".format(name, fields["SHA256"][:16])

def deb_part(deb):
    """The number of the extension that has a package, the same for all its versions.

    Args:
        deb: the package's repository, as `deb_repository_name` calls it.

    Returns:
        int, less than `PARTS`.
    """
    return hash(deb.rpartition("_")[0]) % PARTS

def deb_canonical_name(deb, canonical, name):
    """The canonical name of a package's repository.

    Args:
        deb: the repository, as `deb_repository_name` calls it.
        canonical: canonical name of a repository of the extension `apt`.
        name: that one's name in the extension.

    Returns:
        string.
    """

    # MODULE, a separator (`~` up to Bazel 7, then `+`), EXTENSION, the separator, NAME.
    extension = canonical.removesuffix(name)
    separator = extension[-1]
    module = extension.removesuffix("apt" + separator)
    return "{}debs_{}{}{}".format(module, deb_part(deb), separator, deb)

_LOCK_SUFFIX = "__lock"

def lock_repository_name(lock):
    """The repository beside a lock's hub, with what the lock says."""
    return lock + _LOCK_SUFFIX

def edges_repository_name(lock):
    """The repository beside a lock's hub, with which package needs which."""
    return lock + "__edges"

def lock_of_repository(name):
    """The lock whose data a repository has, out of the repository's canonical name."""
    return name.rpartition("~")[2].rpartition("+")[2].removesuffix(_LOCK_SUFFIX)
