"""The program behind `bazel run` of an image."""

load("//apt2ostree/private/lock:repository_names.bzl", "lock_of_repository")
load(":host_transition.bzl", "host_transition")
load(":label_text.bzl", "label_text")
load(":launcher.bzl", "runfiles_path", "write_launcher")
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
    objects = tree.objects.to_list()
    layers = info.layers.to_list()
    lockfiles = info.lockfiles.to_list()
    status = [ctx.info_file, ctx.version_file] if ctx.attr._stamp[StampInfo].enabled else []
    emulator = info.emulator.to_list()
    fakeroot = info.fakeroot.to_list()
    fakeroot_objects = depset(transitive = [tree.objects for tree in fakeroot]).to_list()
    description = ctx.actions.declare_file(ctx.label.name + ".image.json")
    ctx.actions.write(description, json.encode_indent({
        "commit": runfiles_path(ctx, info.commit),
        "emulator": [_linked_path(ctx, file) for file in emulator],
        "fakeroot": [_linked_path(ctx, tree.manifest) for tree in fakeroot],
        "fakeroot_objects": [_linked_path(ctx, file) for file in fakeroot_objects],
        "label": label_text(ctx.label),
        "layers": [[layer.name, _linked_path(ctx, layer.manifest)] for layer in layers],
        "lockfiles": [[lock_of_repository(file.owner.workspace_name), runfiles_path(ctx, file)] for file in lockfiles],
        "manifest": runfiles_path(ctx, tree.manifest),
        "objects": [_linked_path(ctx, file) for file in objects],
        "packages": [_linked_path(ctx, file) for file in packages],
        "ref": info.ref,
        "status": [runfiles_path(ctx, file) for file in status],
    }))
    (tool,) = ctx.attr._image_tool
    launcher, runfiles = write_launcher(ctx, tool, [("--image", description)])
    linked = packages + objects + [layer.manifest for layer in layers] + \
             [tree.manifest for tree in fakeroot] + fakeroot_objects + emulator
    content = ctx.runfiles(
        files = [info.commit, tree.manifest] + lockfiles + status,
        symlinks = {_link(ctx, file): file for file in linked},
    )
    return launcher, runfiles.merge(content)

def _link(ctx, file):
    """Where a tree's file is to be found among the runfiles, relative to the main repository's.

    Each repository that has files of its own among the runfiles gets into the executable's
    repository mapping, and a package's repository sees all others of its kind: for a thousand
    packages a million lines. Links are the main repository's.
    """
    return "apt2ostree_trees/" + runfiles_path(ctx, file)

def _linked_path(ctx, file):
    return ctx.workspace_name + "/" + _link(ctx, file)

IMAGE_LAUNCHER_ATTRS = {
    "_allowlist_function_transition": attr.label(
        default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
    ),
    "_image_tool": attr.label(default = "//tools:image", executable = True, cfg = host_transition),
    "_stamp": attr.label(default = "//apt2ostree/settings:stamp", providers = [StampInfo]),
}
