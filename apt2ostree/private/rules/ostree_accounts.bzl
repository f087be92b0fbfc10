"""The file with the ids of an image's users and groups: written, and seen to be whole."""

load("@rules_python//python:defs.bzl", "py_test")
load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":launcher.bzl", "runfiles_path")
load(":path_in_package.bzl", "path_in_package")

_LAUNCHER = """\
#!/bin/sh
runfiles="$0.runfiles"
[ -d "$runfiles" ] || runfiles="$RUNFILES_DIR"
exec "$runfiles/{tool}" --target {target} --image "$runfiles/{image}" --accounts {accounts} "$@"
"""

def _manifest_impl(ctx):
    return [DefaultInfo(files = depset([ctx.attr.image[OstreeTreeInfo].manifest]))]

_manifest = rule(
    doc = "The manifest of an image.",
    implementation = _manifest_impl,
    attrs = {"image": attr.label(mandatory = True, providers = [OstreeTreeInfo])},
)

def _update_accounts_impl(ctx):
    launcher = ctx.actions.declare_file(ctx.label.name)
    tool = ctx.attr._tool[DefaultInfo]
    ctx.actions.write(launcher, is_executable = True, content = _LAUNCHER.format(
        tool = runfiles_path(ctx, tool.files_to_run.executable),
        target = "//{}:{}".format(ctx.label.package, ctx.label.name),
        image = runfiles_path(ctx, ctx.file.manifest),
        accounts = ctx.attr.accounts,
    ))
    runfiles = ctx.runfiles([ctx.file.manifest]).merge(tool.default_runfiles)
    return [DefaultInfo(executable = launcher, runfiles = runfiles)]

_update_accounts = rule(
    doc = "Writes a file of accounts.",
    implementation = _update_accounts_impl,
    attrs = {
        "accounts": attr.string(mandatory = True),
        "manifest": attr.label(mandatory = True, allow_single_file = True),
        "_tool": attr.label(default = "//tools:update_accounts", executable = True, cfg = "target"),
    },
    executable = True,
)

def ostree_accounts(name, image, accounts, tags = [], testonly = None, visibility = None):
    """The ids of an image's users and groups, kept in a file that `bazel run` of this target writes.

    Scripts of packages take the next free id, so that one more package moves others' ids, while
    files on devices keep theirs. With `ostree_image(accounts = …)` the file's ids are in force
    before the first script runs, and `bazel run` adds to it what the image has besides; its lines
    are those of sysusers.d(5), and what is in it stays as it is.

    Also makes the test `NAME_test`: it fails if the image has users or groups that the file lacks.

    Args:
        name: of the target.
        image: label: the image, which has the file as its attribute `accounts`.
        accounts: path of the file in this package; an empty one will do to begin with.
        tags: of the targets.
        testonly: of the targets.
        visibility: of the target.
    """
    path, error = path_in_package(accounts, native.package_name())
    if error:
        fail("ostree_accounts(name = \"{}\"): accounts: {}".format(name, error))
    whole = "{}/{}".format(native.package_name(), path) if native.package_name() else path
    manifest = name + "_manifest"
    _manifest(
        name = manifest,
        image = image,
        tags = tags + ["manual"],
        testonly = testonly,
        visibility = ["//visibility:private"],
    )
    _update_accounts(
        name = name,
        accounts = whole,
        manifest = manifest,
        tags = tags,
        testonly = testonly,
        visibility = visibility,
    )
    py_test(
        name = name + "_test",
        size = "small",
        srcs = [Label("//tools:update_accounts.py")],
        args = [
            "--check",
            "--target=//{}:{}".format(native.package_name(), name),
            "--image=$(rootpath {})".format(manifest),
            "--accounts=" + whole,
        ],
        data = [manifest, path],
        main = Label("//tools:update_accounts.py"),
        tags = tags,
        visibility = visibility,
        deps = [Label("//tools:update_accounts_lib")],
    )
