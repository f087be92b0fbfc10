"""The action that makes a tree out of files."""

load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":worker.bzl", "WORKER_REQUIREMENTS", "use_worker_param_file")

TREE_ACTION_ATTRS = {
    "_tree_tool": attr.label(default = "//tools:ostree_tree", executable = True, cfg = "exec"),
    "_zstd": attr.label(default = "//apt2ostree/settings:zstd", cfg = "exec"),
}

def declare_tree(ctx, name, args, inputs):
    """Declare the action.

    Args:
        ctx: of a rule with the attributes `TREE_ACTION_ATTRS`.
        name: string: what the outputs' names start with.
        args: Args: the tool's arguments, but for the outputs.
        inputs: depset of File.

    Returns:
        OstreeTreeInfo.
    """
    manifest = ctx.actions.declare_file(name + ".manifest.json")
    objects = ctx.actions.declare_file(name + ".objects.tar")
    use_worker_param_file(args)
    args.add_all(ctx.files._zstd, before_each = "--zstd")
    args.add("--manifest", manifest)
    args.add("--objects", objects)
    ctx.actions.run(
        executable = ctx.executable._tree_tool,
        arguments = [args],
        inputs = depset(ctx.files._zstd, transitive = [inputs]),
        outputs = [manifest, objects],
        mnemonic = "OstreeTree",
        progress_message = "Gathering %{label}",
        execution_requirements = {
            key: value
            for key, value in WORKER_REQUIREMENTS.items()
            # Paths of runfiles are put together here, out of Bazel's sight.
            if key != "supports-path-mapping"
        },
    )
    return OstreeTreeInfo(manifest = manifest, objects = depset([objects]))
