"""The program behind `bazel run` of an image."""

load(":host_transition.bzl", "host_transition")
load(":image_description.bzl", "describe_image")
load(":launcher.bzl", "write_launcher")
load(":request.bzl", "request")
load(":stamp.bzl", "StampInfo")

def image_launcher(ctx, tree, info):
    """Declare the executable of an image.

    Args:
        ctx: of a rule with the attributes `IMAGE_LAUNCHER_ATTRS`.
        tree: OstreeTreeInfo: the image.
        info: OstreeImageInfo: the image.

    Returns:
        (executable File, runfiles).
    """
    status = [ctx.info_file, ctx.version_file] if ctx.attr._stamp[StampInfo].enabled else []
    image = describe_image(ctx.label, tree, info, info.ref, status)
    description = ctx.actions.declare_file(ctx.label.name + ".image.json")
    ctx.actions.write(description, request(ctx, image.value))
    (tool,) = ctx.attr._image_tool
    launcher, runfiles = write_launcher(ctx, tool, [("--image", description)])
    files = depset(status, transitive = [image.image, image.parts, image.tools])

    # Links, because each repository that has files of its own among the runfiles gets into the
    # executable's repository mapping, and a package's repository sees all others of its kind: for
    # a thousand packages a million lines.
    return launcher, runfiles.merge(ctx.runfiles(
        root_symlinks = {"apt2ostree_trees/" + file.path: file for file in files.to_list()},
    ))

IMAGE_LAUNCHER_ATTRS = {
    "_allowlist_function_transition": attr.label(
        default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
    ),
    "_image_tool": attr.label(default = "//tools:image", executable = True, cfg = host_transition),
    "_stamp": attr.label(default = "//apt2ostree/settings:stamp", providers = [StampInfo]),
}
