"""An OSTree archive repo as a build output."""

load("//apt2ostree/private/providers:ostree_image_info.bzl", "OstreeImageInfo")
load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":image_description.bzl", "describe_image")
load(":request.bzl", "request")

def _ostree_repo_impl(ctx):
    repo = ctx.actions.declare_directory(ctx.label.name)
    images = [
        describe_image(image.label, image[OstreeTreeInfo], image[OstreeImageInfo], image[OstreeImageInfo].ref)
        for image in ctx.attr.images
    ]
    ctx.actions.run(
        executable = ctx.executable._tool,
        arguments = [request(ctx, {
            "images": [image.value for image in images],
            "repo": repo,
        })],
        inputs = depset(transitive = [image.image for image in images]),
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
