"""A .deb as a tree."""

load(":ostree_tree_info.bzl", "OstreeTreeInfo")
load(":worker.bzl", "WORKER_REQUIREMENTS", "use_worker_param_file")

def _deb_tree_impl(ctx):
    manifest = ctx.actions.declare_file(ctx.label.name + ".manifest.json")
    objects = ctx.actions.declare_file(ctx.label.name + ".objects.tar")
    args = ctx.actions.args()
    use_worker_param_file(args)
    args.add("--deb", ctx.file.deb)
    args.add("--name", ctx.attr.package)
    args.add("--manifest", manifest)
    args.add("--objects", objects)
    args.add_all(ctx.files._zstd, before_each = "--zstd")
    ctx.actions.run(
        executable = ctx.executable._tool,
        arguments = [args],
        inputs = depset([ctx.file.deb] + ctx.files._zstd),
        outputs = [manifest, objects],
        mnemonic = "DebTree",
        progress_message = "Unpacking " + ctx.attr.package,
        execution_requirements = WORKER_REQUIREMENTS,
    )
    return [
        DefaultInfo(files = depset([manifest, objects])),
        OstreeTreeInfo(manifest = manifest, objects = depset([objects])),
        OutputGroupInfo(debs = depset([ctx.file.deb])),
    ]

deb_tree = rule(
    doc = "Unpacks a .deb into a manifest and an objects tar.",
    implementation = _deb_tree_impl,
    attrs = {
        "deb": attr.label(doc = "The package.", allow_single_file = True, mandatory = True),
        "package": attr.string(doc = "What to call it in messages.", mandatory = True),
        "_tool": attr.label(default = "//tools:deb_tree", executable = True, cfg = "exec"),
        "_zstd": attr.label(default = "//apt2ostree/settings:zstd", cfg = "exec"),
    },
    provides = [OstreeTreeInfo],
)
