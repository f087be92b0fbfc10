"""What the repositories are called that the module extension makes."""

def deb_repository_name(lock, fields):
    """The repository of a package of a lock, the same for all its versions.

    When the set of names changes that an extension makes, Bazel loads and analyzes anew whatever
    is in its repositories, because each of them could name each other. So nothing of a name
    changes with a new version.

    Args:
        lock: name of the lock.
        fields: dict: the package's stanza.

    Returns:
        `LOCK__NAME__ARCHITECTURE`. In each of the three `_` is written `_u`, and `+`, which Bazel
        allows in no name, `_p`; so no two packages have one name.
    """
    parts = [lock, fields["Package"], fields["Architecture"]]
    return "__".join([part.replace("_", "_u").replace("+", "_p") for part in parts])

def lock_repository_name(lock):
    """The repository beside a lock's hub, with the lock itself."""
    return lock + "__lock"

def data_repository_name(lock):
    """The repository beside a lock's hub, with what its targets are made of."""
    return lock + "__data"

def edges_repository_name(lock):
    """The repository beside a lock's hub, with which package needs which."""
    return lock + "__edges"
