"""An image as an action's arguments and inputs."""

load("//apt2ostree/private/providers:ostree_image_info.bzl", "OstreeImageInfo")
load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":label_text.bzl", "label_text")

def add_image_arguments(args, image):
    """Add an image to the arguments of a tool that reads its content.

    Args:
        args: Args.
        image: Target: an image.

    Returns:
        depset of File: the inputs.
    """
    tree = image[OstreeTreeInfo]
    info = image[OstreeImageInfo]
    packages = [package.manifest for package in info.packages.to_list()]
    layers = info.layers.to_list()
    args.add("--label", label_text(image.label))
    args.add("--commit", info.commit)
    args.add("--image", tree.manifest)
    args.add_all("--objects", tree.objects)
    args.add_all("--package", packages)
    for layer in layers:
        args.add_all(["--layer", layer.name, layer.manifest])
    return depset(
        [info.commit, tree.manifest] + packages + [layer.manifest for layer in layers],
        transitive = [tree.objects],
    )
