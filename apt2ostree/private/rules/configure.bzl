"""Configuring an image: its packages' maintainer scripts run in a sandbox."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("//apt2ostree/private/providers:deb_packages_info.bzl", "DebPackagesInfo")
load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":configuring.bzl", "configuring")
load(":image_description.bzl", "describe_image")
load(":label_text.bzl", "label_text")
load(":request.bzl", "request")

_EXEC_GROUP = "configure"

CONFIGURE_ATTRS = {
    "cleanup": attr.label_list(
        doc = "Lists of what maintainer scripts leave behind and the image shall not have, " +
              "besides the rule set's own (apt2ostree/configure/cleanup.list, where the form is " +
              "told): a pattern per line, `!pattern` keeps what is removed otherwise.",
        allow_files = True,
    ),
    "configure": attr.bool(
        doc = "Run the packages' maintainer scripts, so that the image is ready to boot. Needs " +
              "user namespaces where the action runs.",
    ),
    "configured_by": attr.label_list(
        doc = "The packages again, to be asked for what configures them: the macro sets it.",
        cfg = configuring,
        providers = [DebPackagesInfo],
    ),
    "debconf": attr.label(
        doc = "Answers to debconf's questions, as debconf-set-selections(1) takes them.",
        allow_single_file = True,
    ),
    "disk_limit": attr.int(
        doc = "Megabytes that the scripts may write.",
        default = 16384,
    ),
    "emulator": attr.label(
        doc = "The program that runs those of the image on machines that do not: qemu-user for " +
              "the image's architecture, statically linked; by default `@LOCK//:emulator`, one " +
              "that the rule set has pinned. The kernel must be Linux 6.7 or newer to take it, " +
              "or else have an emulator registered for all of the machine.",
        allow_files = True,
        cfg = config.exec(_EXEC_GROUP),
    ),
    "environment": attr.string_dict(
        doc = "Environment variables for the scripts, besides what dpkg and the rule set set.",
    ),
    "epoch": attr.int(
        doc = "SOURCE_DATE_EPOCH for the scripts, in seconds since 1970; 0: the newest date of an " +
              "archive in the packages' lock, or if it has none, in the packages' changelogs.",
    ),
    "fakeroot": attr.label(
        doc = "Packages fakeroot and libfakeroot for the image's C library and architecture; " +
              "by default `@LOCK//:fakeroot`, chosen from the rule set's own locks by the lock's " +
              "version of libc6. They do not become part of the image.",
        providers = [DebPackagesInfo],
    ),
    "hooks_after": attr.label_list(
        doc = "Programs to run inside the image, as root, after everything is configured.",
        allow_files = True,
    ),
    "hooks_before": attr.label_list(
        doc = "Programs to run inside the image, as root, before anything is configured.",
        allow_files = True,
    ),
    "policy": attr.label(
        doc = "The policy-rc.d that is asked whether a service may start; by default none may. " +
              "It does not become part of the image.",
        allow_single_file = True,
    ),
    "time_limit": attr.int(
        doc = "Seconds that the scripts of one package may take.",
        default = 1800,
    ),
    "_cleanup": attr.label(
        default = "//apt2ostree/configure:cleanup.list",
        allow_single_file = True,
    ),
    "_configure": attr.label(
        default = "//tools:configure",
        executable = True,
        cfg = config.exec(_EXEC_GROUP),
    ),
    "_configure_remotely": attr.label(default = "//apt2ostree/settings:configure_remotely"),
}

# So that `exec_properties` can say what the workers must have that configure.
CONFIGURE_EXEC_GROUPS = {_EXEC_GROUP: exec_group()}

def _requirements(ctx):
    # The sandbox forbids itself the network; Bazel shall too where it can.
    requirements = {"block-network": "1"}
    if not ctx.attr._configure_remotely[BuildSettingInfo].value:
        requirements["no-remote-exec"] = "1"
    return requirements

def configure_image(ctx, name, tree, info):
    """Declare the action that configures an image.

    Args:
        ctx: of a rule with the attributes `CONFIGURE_ATTRS` and `CONFIGURE_EXEC_GROUPS`.
        name: string: what the outputs' names start with.
        tree: OstreeTreeInfo: of the unpacked image.
        info: OstreeImageInfo: of the unpacked image.

    Returns:
        (OstreeTreeInfo, File: the commit, File: the objects that the unpacked one lacks) of the
        configured image.
    """
    manifest = ctx.actions.declare_file(name + ".manifest.json")
    objects = ctx.actions.declare_file(name + ".objects.tar")
    commit = ctx.actions.declare_file(name + ".commit")
    image = describe_image(ctx.label, tree, info)
    cleanup = [ctx.file._cleanup] + ctx.files.cleanup
    ctx.actions.run(
        executable = ctx.executable._configure,
        arguments = [request(ctx, {
            "cleanup": cleanup,
            "commit": commit,
            "debconf": ctx.files.debconf,
            "disk_limit": ctx.attr.disk_limit * 1000 * 1000,
            "environment": ctx.attr.environment,
            "epoch": ctx.attr.epoch,
            "hooks_after": ctx.files.hooks_after,
            "hooks_before": ctx.files.hooks_before,
            "image": image.value,
            "manifest": manifest,
            "objects": objects,
            "policy": ctx.files.policy,
            "time_limit": ctx.attr.time_limit,
        })],
        inputs = depset(
            cleanup + ctx.files.debconf + ctx.files.hooks_after + ctx.files.hooks_before +
            ctx.files.policy,
            transitive = [image.image, image.tools],
        ),
        outputs = [manifest, objects, commit],
        mnemonic = "OstreeConfigure",
        progress_message = "Configuring %{label}",
        exec_group = _EXEC_GROUP,
        execution_requirements = _requirements(ctx),
    )
    configured = OstreeTreeInfo(
        manifest = manifest,
        objects = depset([objects], transitive = [tree.objects]),
    )
    return configured, commit, objects

def emulator_files(ctx, base):
    """What an image's programs are run by.

    Args:
        ctx: of a rule with the attributes `CONFIGURE_ATTRS`.
        base: list of File: what the image's base was configured with.

    Returns:
        list of File: one, or none where the machine that configures runs them itself.
    """
    if not ctx.attr.configure:
        return base
    if len(ctx.files.emulator) > 1:
        fail("{}: `emulator` is more than one file".format(label_text(ctx.label)))
    return ctx.files.emulator or _first_of([
        packages[DebPackagesInfo].emulator
        for packages in ctx.attr.configured_by
    ]) or base

def fakeroot_trees(ctx, base):
    """The packages that an image is configured with.

    Args:
        ctx: of a rule with the attributes `CONFIGURE_ATTRS`.
        base: list of OstreeTreeInfo: those that the image's base was configured with.

    Returns:
        list of OstreeTreeInfo; the base's, or none, if the image is not to be configured.
    """
    if not ctx.attr.configure:
        return base
    own = _first_of([ctx.attr.fakeroot[DebPackagesInfo].trees] if ctx.attr.fakeroot else [
        packages[DebPackagesInfo].fakeroot
        for packages in ctx.attr.configured_by
    ])
    if not own and not base:
        fail(("{}: `configure = True` needs fakeroot and libfakeroot for the image's C library " +
              "and architecture, and the rule set has none pinned that fits. Put both into a " +
              "lock, and point the attribute `fakeroot` at it: `fakeroot = " +
              "\"@LOCK//fakeroot\"`").format(label_text(ctx.label)))
    return own or base

def _first_of(depsets):
    """What the first of some depsets has that has anything: a list."""
    for found in depsets:
        if found:
            return found.to_list()
    return []
