"""Laying an image out as a deployment: the last stage of one that boots from OSTree."""

load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":image_description.bzl", "describe_image")
load(":label_text.bzl", "label_text")
load(":request.bzl", "request")
load(":worker.bzl", "WORKER_REQUIREMENTS")

BOOTABLE_ATTRS = {
    "bootable": attr.bool(
        doc = "Lay the image out as a deployment that `ostree admin deploy` takes and a device " +
              "boots, with an initrd that finds it: see docs/devices.md. Nothing can be made " +
              "upon such an image.",
    ),
    "version": attr.string(
        doc = "What people call this version of a bootable image: the commit's `version`, which " +
              "boot menus and `ostree admin status` show.",
    ),
    "_check_initrd": attr.label(default = "//tools:check_initrd", executable = True, cfg = "exec"),
    "_initrd": attr.label(default = "//apt2ostree/device:initrd_files", providers = [OstreeTreeInfo]),
    "_lay_out": attr.label(default = "//tools:lay_out", executable = True, cfg = "exec"),
}

def bootable_layers(ctx):
    """What lies beneath the layers of a bootable image.

    Args:
        ctx: of a rule with the attributes `BOOTABLE_ATTRS`.

    Returns:
        list of struct: `name`, `tree`.
    """
    if ctx.attr.version and not ctx.attr.bootable:
        fail("{}: `version` is of bootable images alone: set `bootable = True`, too".format(
            label_text(ctx.label),
        ))
    if not ctx.attr.bootable:
        return []
    return [struct(name = label_text(ctx.attr._initrd.label), tree = ctx.attr._initrd[OstreeTreeInfo])]

def check_initrd(ctx, tree, info):
    """Declare the action that sees whether the initrd of a bootable image can do its work.

    It reads content, which laying out does not: whoever wants the commit need not wait for it.

    Args:
        ctx: of a rule with the attributes `BOOTABLE_ATTRS` and `TREE_ACTION_ATTRS`.
        tree: OstreeTreeInfo: the image, laid out.
        info: OstreeImageInfo: the image.

    Returns:
        File: empty, to be among the outputs `_validation`.
    """
    output = ctx.actions.declare_file(ctx.label.name + ".initrd_check")
    image = describe_image(ctx.label, tree, info)
    ctx.actions.run(
        executable = ctx.executable._check_initrd,
        arguments = [request(ctx, {
            "image": image.value,
            "output": output,
            "zstd": ctx.files._zstd,
        })],
        inputs = depset(ctx.files._zstd, transitive = [image.image]),
        outputs = [output],
        mnemonic = "OstreeCheckInitrd",
        progress_message = "Checking the initrd of %{label}",
        execution_requirements = WORKER_REQUIREMENTS,
    )
    return output

def lay_out(ctx, tree):
    """Declare the action that lays an image out.

    Args:
        ctx: of a rule with the attributes `BOOTABLE_ATTRS`.
        tree: OstreeTreeInfo: the image.

    Returns:
        (OstreeTreeInfo, File: the commit, File: the objects that the other one lacks) of the image
        that is laid out.
    """
    name = ctx.label.name
    manifest = ctx.actions.declare_file(name + ".manifest.json")
    objects = ctx.actions.declare_file(name + ".objects.tar")
    commit = ctx.actions.declare_file(name + ".commit")
    ctx.actions.run(
        executable = ctx.executable._lay_out,
        arguments = [request(ctx, {
            "commit": commit,
            "image": tree.manifest,
            "label": label_text(ctx.label),
            "manifest": manifest,
            "objects": objects,
            "version": ctx.attr.version,
        })],
        inputs = [tree.manifest],
        outputs = [manifest, objects, commit],
        mnemonic = "OstreeLayOut",
        progress_message = "Laying out %{label}",
        execution_requirements = WORKER_REQUIREMENTS,
    )
    laid_out = OstreeTreeInfo(
        manifest = manifest,
        objects = depset([objects], transitive = [tree.objects]),
    )
    return laid_out, commit, objects
