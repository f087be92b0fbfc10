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

FAKEROOT_LOCK_NAME = "apt2ostree_fakeroot_{}"

def fakeroot_targets(packages, architectures, locks):
    """The labels of the packages that `@LOCK//:fakeroot` stands for.

    Args:
        packages: list of structs with `fields`, as `parse_lockfile` gives: the image's lock.
        architectures: list of string: the lock's, the native one first.
        locks: dict: name of a lock → its package keys (`NAME:ARCHITECTURE`), as containers.

    Returns:
        list of labels: fakeroot, and its library for the foreign architectures; empty if nothing
        fits.
    """
    native = architectures[0] if architectures else None
    for package in packages:
        fields = package.fields
        if fields["Package"] in ("libc6", "libc6.1") and fields["Architecture"] == native:
            for least, suite in _LOCKS:
                lock = FAKEROOT_LOCK_NAME.format(suite)
                if version_satisfies(fields["Version"], ">=", least):
                    return [
                        "@{}//{}:{}".format(lock, name, architecture)
                        for name, architecture in [("fakeroot", native)] + [
                            ("libfakeroot", foreign)
                            for foreign in architectures[1:]
                        ]
                        if name + ":" + architecture in locks.get(lock, [])
                    ]
    return []
