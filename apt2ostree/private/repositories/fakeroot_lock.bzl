"""Which of the rule set's own locks of fakeroot fits an image."""

load("//apt2ostree/private/lock:version.bzl", "version_satisfies")

# (least version of libc6, suite), the newest first.
_LOCKS = [
    # What libfakeroot is loaded by must be at least the C library that it was built for, and
    # should be no newer than need be: from glibc 2.33 on, programs call stat() by another name.
    ("2.42", "forky"),
    ("2.38", "trixie"),
    ("2.34", "bookworm"),
    ("2.14", "bullseye"),
]

def fakeroot_suite(packages, architectures):
    """The suite whose fakeroot fits an image.

    Args:
        packages: list of structs with `fields`, as `parse_lockfile` gives: the image's lock.
        architectures: list of string: the lock's, the native one first.

    Returns:
        string: of `//apt2ostree/configure/locks`; None if nothing fits.
    """
    native = architectures[0] if architectures else None
    for package in packages:
        fields = package.fields
        if fields["Package"] in ("libc6", "libc6.1") and fields["Architecture"] == native:
            for least, suite in _LOCKS:
                if version_satisfies(fields["Version"], ">=", least):
                    return suite
    return None

def fakeroot_targets(suite, architectures, keys):
    """The labels of the packages that `@LOCK//:fakeroot` stands for.

    Args:
        suite: as `fakeroot_suite` says.
        architectures: list of string: the lock's, the native one first.
        keys: collection of `NAME:ARCHITECTURE`: the packages of the suite's lock.

    Returns:
        list of string: fakeroot, and its library for the foreign architectures, where the suite's
        lock has them. Canonical labels: those locks are of this module's own instance of the
        extension, whichever instance the image's lock is of.
    """
    wanted = [("fakeroot", architectures[0])] + [
        ("libfakeroot", foreign)
        for foreign in architectures[1:]
    ]
    return [
        str(Label("@apt2ostree_fakeroot_{}//{}:{}".format(suite, name, architecture)))
        for name, architecture in wanted
        if name + ":" + architecture in keys
    ]
