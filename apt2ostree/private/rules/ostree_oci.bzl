"""An image as an OCI image layout."""

load("//apt2ostree/private/providers:ostree_image_info.bzl", "OstreeImageInfo")
load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":image_description.bzl", "describe_image")
load(":label_text.bzl", "label_text")
load(":request.bzl", "request")

_ATTRS = {
    "annotations": attr.string_dict(doc = "Annotations of the manifest."),
    "cmd": attr.string_list(doc = "Default arguments of the entry point, or the command."),
    "entrypoint": attr.string_list(doc = "What runs when a container starts."),
    "env": attr.string_dict(doc = "Environment variables."),
    "image": attr.label(
        doc = "The image.",
        mandatory = True,
        providers = [[OstreeTreeInfo, OstreeImageInfo]],
    ),
    "labels": attr.string_dict(doc = "Labels of the configuration."),
    "max_layers": attr.int(
        doc = "Layers that it has at most. With more source packages than that, several share " +
              "a layer, chosen by a hash of their names.",
        default = 100,
    ),
    "onto": attr.label(
        doc = "An OCI layout with the image of before, whose layers to keep, below one with all " +
              "that is different: a directory that a target makes, such as another `ostree_oci` " +
              "or rules_oci's `oci_pull`, or the files of one that is checked in.",
        allow_files = True,
    ),
    "onto_tag": attr.string(
        doc = "That image's name in its layout; not needed where there is only one.",
    ),
    "tag": attr.string(doc = "The image's name in the layout.", default = "latest"),
    "user": attr.string(doc = "The user that the entry point runs as."),
    "workdir": attr.string(doc = "The directory that it runs in."),
    "_tool": attr.label(default = "//tools:export", executable = True, cfg = "exec"),
}

def _config(attributes):
    config = {
        "Cmd": attributes.cmd,
        "Entrypoint": attributes.entrypoint,
        "Env": ["{}={}".format(key, value) for key, value in attributes.env.items()],
        "Labels": attributes.labels,
        "User": attributes.user,
        "WorkingDir": attributes.workdir,
    }
    return {key: value for key, value in config.items() if value}

def _layout_of(target):
    """The file that tells where a layout is: its directory, or the oci-layout in it."""
    files = target[DefaultInfo].files.to_list()
    for file in files:
        if file.basename == "oci-layout":
            return file
    if len(files) != 1:
        fail("onto: {} has {} files and no oci-layout among them; expected a directory or all files of an OCI layout".format(
            label_text(target.label),
            len(files),
        ))
    return files[0]

def _ostree_oci_impl(ctx):
    layout = ctx.actions.declare_directory(ctx.label.name)
    if ctx.attr.onto_tag and not ctx.attr.onto:
        fail("onto_tag is the name of an image in `onto`, which is not given")
    image = describe_image(
        ctx.attr.image.label,
        ctx.attr.image[OstreeTreeInfo],
        ctx.attr.image[OstreeImageInfo],
    )
    onto = [ctx.attr.onto] if ctx.attr.onto else []
    oci = {
        "annotations": ctx.attr.annotations,
        "config": _config(ctx.attr),
        "max_layers": ctx.attr.max_layers,
        "onto": ctx.attr.onto_tag,
        "onto_layout": [_layout_of(target) for target in onto],
        "tag": ctx.attr.tag,
    }
    ctx.actions.run(
        executable = ctx.executable._tool,
        arguments = [request(ctx, {"image": image.value, "oci": [oci], "output": layout})],
        inputs = depset(transitive = [image.image, image.parts] + [
            target[DefaultInfo].files
            for target in onto
        ]),
        outputs = [layout],
        mnemonic = "OstreeOci",
        progress_message = "Writing OCI layout %{label}",
    )
    return [DefaultInfo(files = depset([layout]))]

ostree_oci = rule(
    doc = """An image as an OCI image layout, for rules_oci, skopeo and podman to push.

One layer per source package, one per `ostree_tree`, and a small one on top with dpkg's status
and what configuring made: an update moves the layers of what it changes. With `onto` an update is one
layer, on those of the image of before; where that has `max_layers` already, all are made anew.""",
    implementation = _ostree_oci_impl,
    attrs = _ATTRS,
)
