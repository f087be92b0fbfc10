"""The hub of a lock: `:packages` is all of it as trees, `:debs` as files; `//NAME` is a package
with what it needs.

One small BUILD file per package, so that asking for one loads one. What the lock says is in a
repository beside the hub, as data in `lock.bzl`: a new version of a package writes that one
file anew, and not thousands. Which package needs which is in another, which is made only for who
asks for single packages; a package's closure is computed when its BUILD file is loaded.
"""

load("//apt2ostree/private/lock:closure.bzl", "dependency_edges")
load("//apt2ostree/private/lock:lockfile.bzl", "parse_lockfile")
load("//apt2ostree/private/lock:repository_names.bzl", "deb_canonical_name", "edges_repository_name", "lock_repository_name")

_TOP = """\
load("@apt2ostree//apt2ostree/private/rules:deb_packages.bzl", "deb_packages", "united_packages")
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
    actual = "@{data}//:Packages.lock",
    visibility = ["//visibility:public"],
)

deb_packages(
    name = "packages",
    architectures = ARCHITECTURES,
    automatic = AUTOMATIC,
    lock = LOCK,
    lockfile = ":Packages.lock",
    manual = [key for key in DEBS if key not in AUTOMATIC],
    trees = ["@@{{}}//:tree".format(deb) for deb in DEBS.values()],
    visibility = ["//visibility:public"],
)

# The packages themselves, as they were downloaded.
filegroup(
    name = "debs",
    srcs = ["@@{{}}//:package.deb".format(deb) for deb in DEBS.values()],
    visibility = ["//visibility:public"],
)
"""

_PACKAGE = """\
load("@apt2ostree//apt2ostree/private/rules:deb_packages.bzl", "package_targets")
load("@{data}//:lock.bzl", "ARCHITECTURES", "AUTOMATIC", "DEBS", "LOCK")
load("@{edges}//:edges.bzl", "EDGES")

package_targets({name}, ARCHITECTURES, AUTOMATIC, DEBS, EDGES, LOCK)
"""

_LOCK = '''\
"""The lock: its packages and their repositories."""

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

def _hub_repository_impl(repository_ctx):
    attributes = repository_ctx.attr
    repository_ctx.file("BUILD.bazel", _TOP.format(data = attributes.data))
    for name in attributes.packages:
        text = _PACKAGE.format(
            data = attributes.data,
            edges = attributes.edges,
            name = repr(name),
        )
        repository_ctx.file(name + "/BUILD.bazel", text)

_hub_repository = repository_rule(
    implementation = _hub_repository_impl,
    attrs = {
        "data": attr.string(doc = "Name of the repository with what the lock says."),
        "edges": attr.string(doc = "Name of the repository with what needs what."),
        "packages": attr.string_list(doc = "Names."),
    },
)

def _read_lock(repository_ctx):
    lockfile = repository_ctx.path(repository_ctx.attr.lockfile)
    return repository_ctx.read(lockfile) if lockfile.exists else ""

def _lock_repository_impl(repository_ctx):
    attributes = repository_ctx.attr
    own = lock_repository_name(attributes.lock)
    debs = {
        key: deb_canonical_name(deb, repository_ctx.name, own)
        for key, deb in attributes.debs.items()
    }
    repository_ctx.file("BUILD.bazel", 'exports_files(["Packages.lock"])\n')
    repository_ctx.file("lock.bzl", _LOCK.format(
        emulator = repr(attributes.emulator),
        fakeroot = repr(attributes.fakeroot),
        lock = repr(attributes.lock),
        architectures = repr(attributes.architectures),
        automatic = json.encode_indent(attributes.automatic, indent = "    "),
        debs = json.encode_indent(debs, indent = "    "),
    ))
    repository_ctx.file("Packages.lock", _read_lock(repository_ctx))

_lock_repository = repository_rule(
    implementation = _lock_repository_impl,
    attrs = {
        "architectures": attr.string_list(doc = "The native one first."),
        "automatic": attr.string_list(doc = "`NAME:ARCHITECTURE` of those that nobody asked for."),
        "debs": attr.string_dict(doc = "`NAME:ARCHITECTURE` → repository, in the lock's order."),
        "emulator": attr.string(doc = "Label of what `:emulator` stands for."),
        "fakeroot": attr.string_list(doc = "Labels of the packages that `:fakeroot` stands for."),
        "lock": attr.string(doc = "The lock's name."),
        "lockfile": attr.label(
            doc = "The lock. This is a copy, for images to read what it says of packages.",
        ),
    },
)

def _edges_repository_impl(repository_ctx):
    attributes = repository_ctx.attr
    lock = parse_lockfile(
        _read_lock(repository_ctx),
        str(attributes.lockfile),
        attributes.architectures,
    )
    if lock.error:
        fail(lock.error)
    edges = dependency_edges(lock.packages)
    repository_ctx.file("BUILD.bazel", "")
    repository_ctx.file("edges.bzl", _EDGES.format(json.encode_indent(edges, indent = "    ")))

_edges_repository = repository_rule(
    implementation = _edges_repository_impl,
    attrs = {
        "architectures": attr.string_list(doc = "The native one first."),
        "lockfile": attr.label(doc = "The lock."),
    },
)

def hub_repository(name, architectures, debs, lockfile, **kwargs):
    """Make a lock's hub.

    Args:
        name: of the lock, and of the repository.
        architectures: list of string: of the lock, the native one first.
        debs: dict: `NAME:ARCHITECTURE` → repository, in the lock's order.
        lockfile: label of the lock.
        **kwargs: the other attributes of the repository with the lock's data.
    """
    data = lock_repository_name(name)
    edges = edges_repository_name(name)
    about = dict(architectures = architectures, lockfile = lockfile)
    _lock_repository(name = data, lock = name, debs = debs, **(about | kwargs))
    _edges_repository(name = edges, **about)
    _hub_repository(
        name = name,
        data = data,
        edges = edges,
        packages = sorted({key.partition(":")[0]: None for key in debs}),
    )
