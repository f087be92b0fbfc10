"""The text of the files in a lock's repositories. See hub_repository.bzl for what they are."""

load("//apt2ostree/private/lock:repository_names.bzl", "data_repository_name", "edges_repository_name", "lock_repository_name")

_TOP = """\
load("@apt2ostree//apt2ostree/private/rules:deb_packages.bzl", "lock_packages", "united_packages")
load("@{data}//:lock.bzl", "ARCHITECTURES", "AUTOMATIC", "DEBS", "EMULATOR", "FAKEROOT", "LOCK")

# What configures images of this lock, and is no part of them.
united_packages(
    name = "fakeroot",
    packages = FAKEROOT,
    visibility = ["//visibility:public"],
)

alias(
    name = "emulator",
    actual = EMULATOR,
    visibility = ["//visibility:public"],
)

alias(
    name = "Packages.lock",
    actual = "@{lock}//:Packages.lock",
    visibility = ["//visibility:public"],
)

lock_packages(
    name = "packages",
    architectures = ARCHITECTURES,
    automatic = AUTOMATIC,
    lock = LOCK,
    manual = [key for key in DEBS if key not in AUTOMATIC],
    trees = ["@{{}}//:tree".format(deb) for deb in DEBS.values()],
    visibility = ["//visibility:public"],
)

# The packages themselves, as they were downloaded.
filegroup(
    name = "debs",
    srcs = ["@{{}}//:package.deb".format(deb) for deb in DEBS.values()],
    visibility = ["//visibility:public"],
)
"""

_PACKAGE = """\
load("@apt2ostree//apt2ostree/private/rules:deb_packages.bzl", "package_targets")
load("@{data}//:lock.bzl", "ARCHITECTURES", "AUTOMATIC", "DEBS", "LOCK")
load("@{edges}//:edges.bzl", "EDGES")

package_targets({name}, ARCHITECTURES, AUTOMATIC, DEBS, EDGES, LOCK)
"""

_DATA = '''\
"""The lock's packages and their repositories, without their versions."""

LOCK = {lock}

ARCHITECTURES = {architectures}

# Packages that nobody asked for, and that are there because others need them.
AUTOMATIC = {automatic}

EMULATOR = {emulator}

FAKEROOT = {fakeroot}

DEBS = {debs}
'''

_EDGES = '''\
"""Which packages of the lock need which."""

EDGES = {}
'''

def package_names(debs):
    """The names of a lock's packages, each once.

    Args:
        debs: collection of `NAME:ARCHITECTURE`.

    Returns:
        sorted list of string.
    """
    return sorted({key.partition(":")[0]: None for key in debs})

def hub_files(lock, packages):
    """The hub: what is asked for.

    Args:
        lock: name of the lock.
        packages: the names of its packages, as `package_names` says.

    Returns:
        dict: path → text.
    """
    data = data_repository_name(lock)
    edges = edges_repository_name(lock)
    return {"BUILD.bazel": _TOP.format(data = data, lock = lock_repository_name(lock))} | {
        package + "/BUILD.bazel": _PACKAGE.format(data = data, edges = edges, name = repr(package))
        for package in packages
    }

def data_files(lock, architectures, automatic, debs, emulator, fakeroot):
    """What the hub's targets are made of: it stays as it is when a package has a new version.

    Args:
        lock: name of the lock.
        architectures: list of string: of the lock, the native one first.
        automatic: list of `NAME:ARCHITECTURE`: packages that nobody asked for.
        debs: dict: `NAME:ARCHITECTURE` → repository, in the lock's order.
        emulator: label of what `:emulator` stands for.
        fakeroot: list of labels: packages that `:fakeroot` stands for.

    Returns:
        dict: path → text.
    """
    return {
        "BUILD.bazel": "",
        "lock.bzl": _DATA.format(
            architectures = repr(architectures),
            automatic = json.encode_indent(automatic, indent = "    "),
            debs = json.encode_indent(debs, indent = "    "),
            emulator = repr(emulator),
            fakeroot = repr(fakeroot),
            lock = repr(lock),
        ),
    }

def lock_files(text):
    """The lock itself, for images to read what it says of packages.

    Args:
        text: of the lockfile.

    Returns:
        dict: path → text.
    """
    return {
        "BUILD.bazel": 'exports_files(["Packages.lock"])\n',
        "Packages.lock": text,
    }

def edges_files(edges):
    """What needs what.

    Args:
        edges: dict: `NAME:ARCHITECTURE` → keys of what it needs directly.

    Returns:
        dict: path → text.
    """
    return {
        "BUILD.bazel": "",
        "edges.bzl": _EDGES.format(json.encode_indent(edges, indent = "    ")),
    }
