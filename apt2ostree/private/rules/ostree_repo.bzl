"""An OSTree archive repo as a build output."""

load("//apt2ostree/private/providers:ostree_image_info.bzl", "OstreeImageInfo")
load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")

def _ostree_repo_impl(ctx):
    repo = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.use_param_file("@%s")
    args.set_param_file_format("multiline")
    args.add("--repo", repo.path)
    inputs = []
    for image in ctx.attr.images:
        tree = image[OstreeTreeInfo]
        args.add("--image")
        args.add(image[OstreeImageInfo].ref)
        args.add(image[OstreeImageInfo].commit)
        args.add(tree.manifest)
        inputs.append(depset([image[OstreeImageInfo].commit, tree.manifest], transitive = [tree.objects]))
    args.add_all("--objects", depset(transitive = [image[OstreeTreeInfo].objects for image in ctx.attr.images]))
    ctx.actions.run(
        executable = ctx.executable._tool,
        arguments = [args],
        inputs = depset(transitive = inputs),
        outputs = [repo],
        mnemonic = "OstreeRepo",
        progress_message = "Writing OSTree repo %{label}",
    )
    return [DefaultInfo(files = depset([repo]))]

ostree_repo = rule(
    doc = """An archive repo that holds images, each under its ref, to be served over HTTP.

Compressed objects are not the same bytes with every version of zlib: the commit ids are.""",
    implementation = _ostree_repo_impl,
    attrs = {
        "images": attr.label_list(
            doc = "The images.",
            mandatory = True,
            providers = [[OstreeTreeInfo, OstreeImageInfo]],
        ),
        "_tool": attr.label(default = "//tools:repo", executable = True, cfg = "exec"),
    },
)
