"""The program behind `bazel run` of an image."""

load(":label_text.bzl", "label_text")
load(":stamp.bzl", "StampInfo")

_LAUNCHER = """\
#!/bin/sh
runfiles="$0.runfiles"
[ -d "$runfiles" ] || runfiles="$RUNFILES_DIR"
exec "$runfiles/{tool}" --runfiles "$runfiles" --image "$runfiles/{description}" "$@"
"""

def _runfiles_path(ctx, file):
    if file.short_path.startswith("../"):
        return file.short_path[len("../"):]
    return ctx.workspace_name + "/" + file.short_path

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
    description = ctx.actions.declare_file(ctx.label.name + ".image.json")
    ctx.actions.write(description, json.encode_indent({
        "commit": _runfiles_path(ctx, info.commit),
        "label": label_text(ctx.label),
        "layers": [[layer.name, _runfiles_path(ctx, layer.manifest)] for layer in layers],
        "lockfiles": [[_lock_name(file), _runfiles_path(ctx, file)] for file in lockfiles],
        "manifest": _runfiles_path(ctx, tree.manifest),
        "objects": [_runfiles_path(ctx, file) for file in tree.objects.to_list()],
        "packages": [_runfiles_path(ctx, file) for file in packages],
        "ref": info.ref,
        "status": [_runfiles_path(ctx, file) for file in status],
    }))
    launcher = ctx.actions.declare_file(ctx.label.name)
    tool = ctx.attr._image_tool[DefaultInfo]
    ctx.actions.write(launcher, is_executable = True, content = _LAUNCHER.format(
        description = _runfiles_path(ctx, description),
        tool = _runfiles_path(ctx, tool.files_to_run.executable),
    ))
    runfiles = ctx.runfiles(
        files = [description, info.commit, tree.manifest] + packages + lockfiles + status +
                [layer.manifest for layer in layers],
        transitive_files = tree.objects,
    ).merge(tool.default_runfiles)
    return launcher, runfiles

def _lock_name(file):
    """What to call a lock: the apparent name of its hub, out of the canonical one."""
    return file.owner.workspace_name.rpartition("~")[2].rpartition("+")[2]

IMAGE_LAUNCHER_ATTRS = {
    # It runs where Bazel does, whatever the image is for.
    "_image_tool": attr.label(default = "//tools:image", executable = True, cfg = "exec"),
    "_stamp": attr.label(default = "//apt2ostree/settings:stamp", providers = [StampInfo]),
}
