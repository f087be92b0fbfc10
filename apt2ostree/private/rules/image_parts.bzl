"""What may be a part of an image, and where it goes that is in the wrong attribute."""

load("//apt2ostree/private/providers:deb_packages_info.bzl", "DebPackagesInfo")
load("//apt2ostree/private/providers:ostree_image_info.bzl", "OstreeImageInfo")
load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":label_text.bzl", "label_text")

def check_parts(attributes, label):
    """Check that each part is where it belongs, and of the base's architecture.

    Args:
        attributes: of an image's rule, `ctx.attr`.
        label: of the image.
    """
    for target in attributes.packages:
        if DebPackagesInfo not in target:
            _fail(label, "packages", target, _place(target))
    for target in attributes.layers:
        if OstreeTreeInfo not in target:
            _fail(label, "layers", target, _place(target))
    if attributes.base and not attributes.architectures:
        _check_architecture(attributes.base, attributes.packages, label)

def _fail(label, attribute, target, place):
    fail("{}: {} in `{}` {}".format(label_text(label), label_text(target.label), attribute, place))

def _place(target):
    """Where a target goes instead."""
    if DebPackagesInfo in target:
        return "is a package, or packages: it goes into `packages`"
    if OstreeTreeInfo in target:
        return "is a tree and no package: it goes into `layers`"
    files = target[DefaultInfo].files.to_list()
    if files and all([file.basename.endswith(".deb") for file in files]):
        return ("is a .deb: name in `packages` a deb_package(src = \"{}\")").format(label_text(target.label))
    executable = target[DefaultInfo].files_to_run.executable
    if executable and not executable.is_source:
        return ("is a program and no tree: name in `layers` an ostree_tree(binaries = " +
                "{{\"{}\": \"usr/bin/\"}})").format(label_text(target.label))
    return ("has files and is no tree: name in `layers` an ostree_tree(files = " +
            "{{\"{}\": \"DIRECTORY/\"}})").format(label_text(target.label))

def _check_architecture(base, packages, label):
    known = base[OstreeImageInfo].architectures
    for target in packages:
        native = target[DebPackagesInfo].architectures[:1]
        if native and known and native[0] not in known:
            fail(("{}: the packages of {} are for {}, and its base {} is for {}: expected a base " +
                  "and a lock for one architecture; where this is meant, say so in " +
                  "`architectures`").format(
                label_text(label),
                label_text(target.label),
                native[0],
                label_text(base.label),
                ", ".join(known),
            ))
