"""An image as a tar."""

load("//apt2ostree/private/providers:ostree_image_info.bzl", "OstreeImageInfo")
load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":image_description.bzl", "describe_image")
load(":request.bzl", "request")

def _ostree_tar_impl(ctx):
    tar = ctx.actions.declare_file(ctx.label.name + ".tar")
    image = describe_image(
        ctx.attr.image.label,
        ctx.attr.image[OstreeTreeInfo],
        ctx.attr.image[OstreeImageInfo],
    )
    ctx.actions.run(
        executable = ctx.executable._tool,
        arguments = [request(ctx, {"image": image.value, "oci": [], "output": tar})],
        inputs = depset(transitive = [image.image, image.parts]),
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
