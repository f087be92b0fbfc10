"""A .deb as a tree."""

load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":request.bzl", "request")
load(":worker.bzl", "WORKER_REQUIREMENTS")

DEB_TREE_ATTRS = {
    "_tool": attr.label(default = "//tools:deb_tree", executable = True, cfg = "exec"),
    "_zstd": attr.label(default = "//apt2ostree/settings:zstd", cfg = "exec"),
}

def declare_deb_tree(ctx, deb, package):
    """Declare the action that unpacks a .deb.

    Args:
        ctx: of a rule with the attributes `DEB_TREE_ATTRS`.
        deb: File: the package.
        package: string: what to call it in messages.

    Returns:
        OstreeTreeInfo.
    """
    manifest = ctx.actions.declare_file(ctx.label.name + ".manifest.json")
    objects = ctx.actions.declare_file(ctx.label.name + ".objects.tar")
    ctx.actions.run(
        executable = ctx.executable._tool,
        arguments = [request(ctx, {
            "deb": deb,
            "manifest": manifest,
            "name": package,
            "objects": objects,
            "zstd": ctx.files._zstd,
        })],
        inputs = depset([deb] + ctx.files._zstd),
        outputs = [manifest, objects],
        mnemonic = "DebTree",
        progress_message = "Unpacking " + package,
        execution_requirements = WORKER_REQUIREMENTS,
    )
    return OstreeTreeInfo(manifest = manifest, objects = depset([objects]))

def _deb_tree_impl(ctx):
    tree = declare_deb_tree(ctx, ctx.file.deb, ctx.attr.package)
    return [
        DefaultInfo(files = depset([tree.manifest], transitive = [tree.objects])),
        tree,
        OutputGroupInfo(debs = depset([ctx.file.deb])),
    ]

deb_tree = rule(
    doc = "Unpacks a .deb into a manifest and an objects tar.",
    implementation = _deb_tree_impl,
    attrs = {
        "deb": attr.label(doc = "The package.", allow_single_file = True, mandatory = True),
        "package": attr.string(doc = "What to call it in messages.", mandatory = True),
    } | DEB_TREE_ATTRS,
    provides = [OstreeTreeInfo],
)
