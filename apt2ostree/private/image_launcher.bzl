"""The program behind `bazel run` of an image."""

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
        "commit": _runfiles_path(ctx, commit),
        "label": str(ctx.label),
        "manifest": _runfiles_path(ctx, tree.manifest),
        "objects": [_runfiles_path(ctx, file) for file in tree.objects.to_list()],
        "ref": ref,
    }))
    launcher = ctx.actions.declare_file(ctx.label.name)
    tool = ctx.attr._image_tool[DefaultInfo]
    ctx.actions.write(launcher, is_executable = True, content = _LAUNCHER.format(
        description = _runfiles_path(ctx, description),
        tool = _runfiles_path(ctx, tool.files_to_run.executable),
    ))
    runfiles = ctx.runfiles(
        files = [description, commit, tree.manifest],
        transitive_files = tree.objects,
    ).merge(tool.default_runfiles)
    return launcher, runfiles

IMAGE_LAUNCHER_ATTRS = {
    "_image_tool": attr.label(default = "//tools:image", executable = True, cfg = "target"),
}
