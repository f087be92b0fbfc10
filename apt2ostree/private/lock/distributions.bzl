"""The archives of Debian and Ubuntu, by the name of a release, for the `sources` of `apt_lock`.

Which host, suites and keyrings that means depends on the release and the architecture, and is
worked out when the lock is updated: `bazel run //image:update_lock -- sources` prints it.
"""

def debian_sources(suite, components = ["main"], updates = True, security = True, backports = False, check_valid_until = True):
    """Debian's own archives: the release, its updates and its security archive.

    Args:
        suite: the release's codename, such as `trixie`, or `sid`; also one that has moved to
            archive.debian.org.
        components: such as `main`, `contrib`, `non-free`, `non-free-firmware`.
        updates: whether to take the updates that come between point releases.
        security: whether to take the security archive.
        backports: whether to make backports available. None is installed unless pinned.
        check_valid_until: False takes Release files past their Valid-Until, as a mirror that is
            behind has them.

    Returns:
        string: an element for the `sources` of `apt_lock`.
    """
    return _named("debian", suite, components, updates, security, backports, check_valid_until)

def ubuntu_sources(suite, components = ["main", "universe"], updates = True, security = True, backports = False, check_valid_until = True):
    """Ubuntu's own archives: the release, its updates and its security archive.

    Architectures other than amd64 and i386 are taken from ports.ubuntu.com, and releases that are
    no longer supported from old-releases.ubuntu.com.

    Args:
        suite: the release's codename, such as `noble`.
        components: such as `main`, `restricted`, `universe`, `multiverse`.
        updates: whether to take updates.
        security: whether to take the security archive.
        backports: whether to make backports available. None is installed unless pinned.
        check_valid_until: False takes Release files past their Valid-Until, as a mirror that is
            behind has them.

    Returns:
        string: an element for the `sources` of `apt_lock`.
    """
    return _named("ubuntu", suite, components, updates, security, backports, check_valid_until)

def _named(distribution, suite, components, updates, security, backports, check_valid_until):
    return json.encode({
        "backports": backports,
        "check_valid_until": check_valid_until,
        "components": components,
        "distribution": distribution,
        "security": security,
        "suite": suite,
        "updates": updates,
    })
