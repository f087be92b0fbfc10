"""The hub of a lock: `:packages` is all of it as trees, `:debs` as files; `//NAME` is a package
with what it needs.

One small BUILD file per package, so that asking for one loads one. The dependencies are in
`graph.bzl`, as data; a package's closure is computed when its BUILD file is loaded.
"""

_TOP = """\
load("@apt2ostree//apt2ostree/private:deb_packages.bzl", "deb_packages")
load(":graph.bzl", "ARCHITECTURES", "AUTOMATIC", "DEBS", "FAKEROOT", "LOCK")

# What configures images of this lock, and is no part of them.
alias(
    name = "fakeroot",
    actual = FAKEROOT,
    visibility = ["//visibility:public"],
)

deb_packages(
    name = "packages",
    architectures = ARCHITECTURES,
    automatic = AUTOMATIC,
    lock = LOCK,
    lockfile = "Packages.lock",
    manual = [key for key in DEBS if key not in AUTOMATIC],
    trees = ["@{}//:tree".format(deb) for deb in DEBS.values()],
    visibility = ["//visibility:public"],
)

exports_files(["Packages.lock"])

# The packages themselves, as they were downloaded.
filegroup(
    name = "debs",
    srcs = ["@{}//:package.deb".format(deb) for deb in DEBS.values()],
    visibility = ["//visibility:public"],
)
"""

_PACKAGE = """\
load("@apt2ostree//apt2ostree/private:deb_packages.bzl", "package_targets")
load("//:graph.bzl", "ARCHITECTURES", "AUTOMATIC", "DEBS", "EDGES", "LOCK")

package_targets({name}, ARCHITECTURES, AUTOMATIC, DEBS, EDGES, LOCK)
"""

_GRAPH = '''\
"""The lock: its packages, their repositories, and which needs which."""

LOCK = {lock}

ARCHITECTURES = {architectures}

# Packages that nobody asked for, and that are there because others need them.
AUTOMATIC = {automatic}

FAKEROOT = {fakeroot}

DEBS = {debs}

EDGES = {edges}
'''

def _hub_repository_impl(repository_ctx):
    attributes = repository_ctx.attr
    repository_ctx.file("BUILD.bazel", _TOP)
    repository_ctx.file("graph.bzl", _GRAPH.format(
        fakeroot = repr(attributes.fakeroot or "@apt2ostree//apt2ostree/configure:no_fakeroot"),
        lock = repr(attributes.lock),
        architectures = repr(attributes.architectures),
        automatic = json.encode_indent(attributes.automatic, indent = "    "),
        debs = json.encode_indent(attributes.debs, indent = "    "),
        edges = json.encode_indent(attributes.edges, indent = "    "),
    ))
    lockfile = repository_ctx.path(attributes.lockfile)
    text = repository_ctx.read(lockfile) if lockfile.exists else ""
    repository_ctx.file("Packages.lock", text)
    for name in {key.partition(":")[0]: None for key in attributes.debs}:
        repository_ctx.file(name + "/BUILD.bazel", _PACKAGE.format(name = repr(name)))

_hub_repository = repository_rule(
    implementation = _hub_repository_impl,
    attrs = {
        "architectures": attr.string_list(doc = "The native one first."),
        "automatic": attr.string_list(doc = "`NAME:ARCHITECTURE` of those that nobody asked for."),
        "debs": attr.string_dict(doc = "`NAME:ARCHITECTURE` → repository, in the lock's order."),
        "edges": attr.string_list_dict(doc = "`NAME:ARCHITECTURE` → what it needs directly."),
        "fakeroot": attr.string(doc = "Label of the packages that `:fakeroot` stands for, or empty."),
        "lock": attr.string(doc = "The lock's name."),
        "lockfile": attr.label(
            doc = "The lock. The hub has a copy, for images to read what it says of packages.",
        ),
    },
)

def hub_repository(name, **kwargs):
    """Make a lock's hub.

    Args:
        name: of the lock, and of the repository.
        **kwargs: the rule's attributes.
    """
    _hub_repository(name = name, lock = name, **kwargs)
