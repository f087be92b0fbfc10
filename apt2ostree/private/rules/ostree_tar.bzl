"""An image as a tar."""

load("//apt2ostree/private/providers:ostree_image_info.bzl", "OstreeImageInfo")
load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":image_arguments.bzl", "add_image_arguments")
load(":worker.bzl", "use_worker_param_file")

def _ostree_tar_impl(ctx):
    tar = ctx.actions.declare_file(ctx.label.name + ".tar")
    args = ctx.actions.args()
    use_worker_param_file(args)
    inputs = add_image_arguments(args, ctx.attr.image)
    args.add("--tar", tar)
    ctx.actions.run(
        executable = ctx.executable._tool,
        arguments = [args],
        inputs = inputs,
        outputs = [tar],
        mnemonic = "OstreeTar",
        progress_message = "Writing tar %{label}",
    )
    return [DefaultInfo(files = depset([tar]))]

ostree_tar = rule(
    doc = """An image as one tar, not compressed: owners as numbers, times 0, extended attributes
as pax records. The same image gives the same bytes.""",
    implementation = _ostree_tar_impl,
    attrs = {
        "image": attr.label(
            doc = "The image.",
            mandatory = True,
            providers = [[OstreeTreeInfo, OstreeImageInfo]],
        ),
        "_tool": attr.label(default = "//tools:export", executable = True, cfg = "exec"),
    },
)
