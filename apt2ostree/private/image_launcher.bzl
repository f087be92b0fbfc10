"""The program behind `bazel run` of an image."""

load(":launcher.bzl", "runfiles_path", "write_launcher")

def image_launcher(ctx, tree, commit, ref):
    """Declare the executable of an image.

    Args:
        ctx: of a rule with the attributes `IMAGE_LAUNCHER_ATTRS`.
        tree: OstreeTreeInfo: the image.
        commit: File: its commit checksum.
        ref: string: the ref under which it is imported by default.

    Returns:
        (executable File, runfiles).
    """
    description = ctx.actions.declare_file(ctx.label.name + ".image.json")
    ctx.actions.write(description, json.encode_indent({
        "commit": runfiles_path(ctx, commit),
        "label": str(ctx.label),
        "manifest": runfiles_path(ctx, tree.manifest),
        "objects": [runfiles_path(ctx, file) for file in tree.objects.to_list()],
        "ref": ref,
    }))
    launcher, runfiles = write_launcher(ctx, ctx.attr._image_tool, [("--image", description)])
    content = ctx.runfiles(files = [commit, tree.manifest], transitive_files = tree.objects)
    return launcher, runfiles.merge(content)

IMAGE_LAUNCHER_ATTRS = {
    "_image_tool": attr.label(default = "//tools:image", executable = True, cfg = "target"),
}
