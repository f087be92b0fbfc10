"""The action that makes a tree out of files."""

load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":request.bzl", "request")
load(":worker.bzl", "WORKER_REQUIREMENTS")

TREE_ACTION_ATTRS = {
    "_tree_tool": attr.label(default = "//tools:ostree_tree", executable = True, cfg = "exec"),
    "_zstd": attr.label(default = "//apt2ostree/settings:zstd", cfg = "exec"),
}

_NOTHING = {
    "accounts": [],
    "attributes": {},
    "directories": [],
    "empty_files": [],
    "executables": [],
    "files": [],
    "generated": [],
    "group": "0",
    "groups": {},
    "mode": "0644",
    "owner": "0",
    "prefix": "",
    "symlinks": {},
    "tars": [],
    "users": {},
}

def declare_tree(ctx, name, inputs, values):
    """Declare the action.

    Args:
        ctx: of a rule with the attributes `TREE_ACTION_ATTRS`.
        name: string: what the outputs' names start with.
        inputs: depset of File.
        values: dict: what goes into the tree: see `Request` in tools/ostree_tree.py; what is not
            told is empty.

    Returns:
        OstreeTreeInfo.
    """
    manifest = ctx.actions.declare_file(name + ".manifest.json")
    objects = ctx.actions.declare_file(name + ".objects.tar")
    ctx.actions.run(
        executable = ctx.executable._tree_tool,
        arguments = [request(ctx, _NOTHING | values | {
            "manifest": manifest,
            "objects": objects,
            "zstd": ctx.files._zstd,
        })],
        inputs = depset(ctx.files._zstd, transitive = [inputs]),
        outputs = [manifest, objects],
        mnemonic = "OstreeTree",
        progress_message = "Gathering %{label}",
        execution_requirements = WORKER_REQUIREMENTS,
    )
    return OstreeTreeInfo(manifest = manifest, objects = depset([objects]))
