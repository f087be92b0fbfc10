"""A disk that boots an image."""

load("//apt2ostree/private/providers:ostree_image_info.bzl", "OstreeImageInfo")
load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":image_description.bzl", "describe_image")
load(":label_text.bzl", "label_text")
load(":request.bzl", "request")

def _ostree_disk_impl(ctx):
    if not ctx.attr.image[OstreeImageInfo].bootable:
        fail("{}: {} is not bootable: set `bootable = True` there".format(
            label_text(ctx.label),
            label_text(ctx.attr.image.label),
        ))
    disk = ctx.actions.declare_file(ctx.label.name + ".img")
    image, tools = [
        describe_image(target.label, target[OstreeTreeInfo], target[OstreeImageInfo])
        for target in [ctx.attr.image, ctx.attr._tools]
    ]
    ctx.actions.run(
        executable = ctx.executable._make_disk,
        arguments = [request(ctx, {
            "branch": ctx.attr.branch,
            "image": image.value,
            "kernel_arguments": ctx.attr.kernel_arguments,
            "keys": ctx.files.gpg_keys,
            "os_name": ctx.attr.os_name,
            "output": disk,
            "remote": ctx.attr.remote,
            "size": ctx.attr.size,
            "tools": tools.value,
        })],
        inputs = depset(ctx.files.gpg_keys, transitive = [image.image, tools.image]),
        outputs = [disk],
        mnemonic = "OstreeDisk",
        progress_message = "Writing disk %{label}",
    )
    return [DefaultInfo(files = depset([disk]))]

ostree_disk = rule(
    doc = """A disk, `NAME.img`, that boots an image on a machine with UEFI: a raw one, mostly holes.

It has an EFI system partition with GRUB and a root of ext4 with OSTree's repo and the first
deployment. The same image gives the same bytes. What writes it is from a lock of the rule set's,
for machines that run programs for amd64, as the disk is.""",
    implementation = _ostree_disk_impl,
    attrs = {
        "branch": attr.string(
            doc = "The branch that the device follows.",
            mandatory = True,
        ),
        "gpg_keys": attr.label_list(
            doc = "OpenPGP public keys, as `gpg --export` writes them: updates have to be signed " +
                  "with one of them. Without any, updates are not verified.",
            allow_files = True,
        ),
        "image": attr.label(
            doc = "The image, which is `bootable`.",
            mandatory = True,
            providers = [[OstreeTreeInfo, OstreeImageInfo]],
        ),
        "kernel_arguments": attr.string_list(
            doc = "Arguments of the kernel, besides those that find the root: `console=ttyS0`.",
        ),
        "os_name": attr.string(
            doc = "OSTree's name of the system (its stateroot).",
            default = "default",
        ),
        "remote": attr.string(
            doc = "URL of the repo that the device is updated from; by default none.",
        ),
        "size": attr.int(
            doc = "Mebibytes of the disk.",
            default = 2048,
        ),
        "_make_disk": attr.label(default = "//tools:make_disk", executable = True, cfg = "exec"),
        "_tools": attr.label(
            default = "//apt2ostree/device/locks:disk_tools",
            cfg = "exec",
            providers = [[OstreeTreeInfo, OstreeImageInfo]],
        ),
    },
)
