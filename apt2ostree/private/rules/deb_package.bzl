"""A .deb of the workspace, to go beside those of a lock."""

load("//apt2ostree/private/providers:deb_packages_info.bzl", "DebPackagesInfo")
load(":deb_tree.bzl", "DEB_TREE_ATTRS", "declare_deb_tree")

def _deb_package_impl(ctx):
    tree = declare_deb_tree(ctx, ctx.file.src, ctx.file.src.basename)
    return [
        DefaultInfo(files = depset([tree.manifest], transitive = [tree.objects])),
        tree,
        DebPackagesInfo(
            architectures = [],
            automatic = [],
            emulator = depset(),
            fakeroot = depset(),
            local = depset([tree]),
            lock = ctx.label.name,
            lockfiles = depset(),
            manual = [],
            trees = depset([tree]),
        ),
    ]

deb_package = rule(
    doc = """A package that no lock names: a .deb that was checked in, downloaded by another
rule, or built in this workspace.

What it depends on has to be in the image, most often because the lock has it; composing an image
in which something is missing, or conflicts with it, is an error.""",
    implementation = _deb_package_impl,
    attrs = {
        "src": attr.label(
            doc = "The .deb.",
            allow_single_file = [".deb"],
            mandatory = True,
        ),
    } | DEB_TREE_ATTRS,
    provides = [DebPackagesInfo],
)
