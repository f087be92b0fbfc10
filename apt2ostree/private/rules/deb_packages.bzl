"""Sets of packages out of a lock: what the targets of a hub repository are."""

load("//apt2ostree/private/lock:automatic.bzl", "automatic_in_closure")
load("//apt2ostree/private/lock:closure.bzl", "closure")
load("//apt2ostree/private/providers:deb_packages_info.bzl", "DebPackagesInfo")
load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":configuring.bzl", "CONFIGURING_ATTRS", "not_configuring", "when_configuring")

def _deb_packages_impl(ctx):
    trees = [tree[OstreeTreeInfo] for tree in ctx.attr.trees]
    return [
        DefaultInfo(files = depset(
            [tree.manifest for tree in trees],
            transitive = [tree.objects for tree in trees],
        )),
        DebPackagesInfo(
            architectures = ctx.attr.architectures,
            automatic = ctx.attr.automatic,
            emulator = depset(ctx.files.emulator),
            fakeroot = depset(
                transitive = [package[DebPackagesInfo].trees for package in ctx.attr.fakeroot],
                order = "preorder",
            ),
            local = depset(),
            lock = ctx.attr.lock,
            lockfiles = depset([
                struct(name = ctx.attr.lock, file = file)
                for file in ctx.files.lockfile
            ]),
            manual = ctx.attr.manual,
            trees = depset(trees, order = "preorder"),
        ),
        # The packages as they were downloaded, for whoever wants them.
        OutputGroupInfo(debs = depset(
            transitive = [tree[OutputGroupInfo].debs for tree in ctx.attr.trees],
        )),
    ]

deb_packages = rule(
    doc = "A set of packages of one lock.",
    implementation = _deb_packages_impl,
    attrs = {
        "architectures": attr.string_list(doc = "Of the lock, the native one first."),
        "automatic": attr.string_list(
            doc = "`NAME:ARCHITECTURE` of the packages that nobody asked for.",
        ),
        "emulator": attr.label(
            allow_files = True,
            cfg = "exec",
            doc = "The program that runs those of the packages on other machines.",
        ),
        "fakeroot": attr.label_list(
            cfg = not_configuring,
            doc = "The packages with whose help the set is configured.",
            providers = [DebPackagesInfo],
        ),
        "lock": attr.string(doc = "Name of the lock."),
        "lockfile": attr.label(doc = "The lock itself.", allow_single_file = True),
        "manual": attr.string_list(doc = "`NAME:ARCHITECTURE` of the others."),
        "trees": attr.label_list(
            # A package's tree is the same for whatever is being built. The exec
            # configuration is the one thing that all builds share: with it, an -c opt build
            # or one for another platform unpacks nothing again.
            cfg = "exec",
            doc = "The packages' trees, in the lock's order.",
            providers = [OstreeTreeInfo],
        ),
    } | CONFIGURING_ATTRS,
    provides = [DebPackagesInfo],
)

def lock_packages(trees, **kwargs):
    """A set of packages of a hub: the packages, or what configures them.

    Args:
        trees: list of labels: the packages' trees.
        **kwargs: the other attributes of `deb_packages`.
    """
    deb_packages(
        emulator = when_configuring("//:emulator", None),
        fakeroot = when_configuring(["//:fakeroot"], []),
        lockfile = "//:Packages.lock",
        trees = when_configuring([], trees),
        **kwargs
    )

def _united_packages_impl(ctx):
    packages = [package[DebPackagesInfo] for package in ctx.attr.packages]
    return [DebPackagesInfo(
        architectures = [],
        automatic = [],
        emulator = depset(),
        fakeroot = depset(),
        local = depset(),
        lock = ctx.label.name,
        lockfiles = depset(transitive = [package.lockfiles for package in packages]),
        manual = [],
        trees = depset(transitive = [package.trees for package in packages], order = "preorder"),
    )]

united_packages = rule(
    doc = "Several sets of packages as one, for what is no image.",
    implementation = _united_packages_impl,
    attrs = {"packages": attr.label_list(doc = "The sets.", providers = [DebPackagesInfo])},
    provides = [DebPackagesInfo],
)

def package_targets(name, architectures, automatic, debs, edges, lock):
    """The targets of one package: `:NAME`, and `:ARCHITECTURE` for each it is locked for.

    Args:
        name: of the package.
        architectures: list of string: those of the lock, the native one first.
        automatic: list of string: `NAME:ARCHITECTURE` of the packages that nobody asked for.
        debs: dict: `NAME:ARCHITECTURE` → repository, in the lock's order.
        edges: dict: `NAME:ARCHITECTURE` → keys of what it needs directly.
        lock: name of the lock.
    """
    own = [
        architecture
        for architecture in architectures + ["all"]
        if name + ":" + architecture in debs
    ]
    for architecture in own:
        key = name + ":" + architecture
        reached = closure(edges, [key])
        asked = automatic_in_closure(key, reached, automatic)
        lock_packages(
            name = architecture,
            architectures = architectures,
            automatic = asked.automatic,
            lock = lock,
            manual = asked.manual,
            trees = ["@{}//:tree".format(deb) for key, deb in debs.items() if key in reached],
            visibility = ["//visibility:public"],
        )
    if name not in own:
        native.alias(
            name = name,
            actual = own[0],
            visibility = ["//visibility:public"],
        )
