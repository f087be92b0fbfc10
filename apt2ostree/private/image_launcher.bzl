"""The program behind `bazel run` of an image."""

load(":label_text.bzl", "label_text")
load(":launcher.bzl", "runfiles_path", "write_launcher")
load(":repository_names.bzl", "lock_of_repository")
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
    packages = [package.manifest for package in info.packages.to_list()]
    layers = info.layers.to_list()
    lockfiles = info.lockfiles.to_list()
    status = [ctx.info_file, ctx.version_file] if ctx.attr._stamp[StampInfo].enabled else []
    fakeroot = info.fakeroot.to_list()
    fakeroot_objects = depset(transitive = [tree.objects for tree in fakeroot])
    description = ctx.actions.declare_file(ctx.label.name + ".image.json")
    ctx.actions.write(description, json.encode_indent({
        "commit": runfiles_path(ctx, info.commit),
        "fakeroot": [runfiles_path(ctx, tree.manifest) for tree in fakeroot],
        "fakeroot_objects": [runfiles_path(ctx, file) for file in fakeroot_objects.to_list()],
        "label": label_text(ctx.label),
        "layers": [[layer.name, runfiles_path(ctx, layer.manifest)] for layer in layers],
        "lockfiles": [[lock_of_repository(file.owner.workspace_name), runfiles_path(ctx, file)] for file in lockfiles],
        "manifest": runfiles_path(ctx, tree.manifest),
        "objects": [runfiles_path(ctx, file) for file in tree.objects.to_list()],
        "packages": [runfiles_path(ctx, file) for file in packages],
        "ref": info.ref,
        "status": [runfiles_path(ctx, file) for file in status],
    }))
    launcher, runfiles = write_launcher(ctx, ctx.attr._image_tool, [("--image", description)])
    content = ctx.runfiles(
        files = [info.commit, tree.manifest] + packages + lockfiles + status +
                [layer.manifest for layer in layers] + [tree.manifest for tree in fakeroot],
        transitive_files = depset(transitive = [tree.objects, fakeroot_objects]),
    )
    return launcher, runfiles.merge(content)

IMAGE_LAUNCHER_ATTRS = {
    # It runs where Bazel does, whatever the image is for.
    "_image_tool": attr.label(default = "//tools:image", executable = True, cfg = "exec"),
    "_stamp": attr.label(default = "//apt2ostree/settings:stamp", providers = [StampInfo]),
}
