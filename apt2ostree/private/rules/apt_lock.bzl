"""`apt_lock`: a lockfile, how it is updated, and the test that it was.

`bazel run //image:update_lock` resolves `packages` as apt would and rewrites the lockfile in the
source tree; `update_lock_test` fails, without a network, when the lockfile does not satisfy
`packages`.
"""

load("@rules_python//python:defs.bzl", "py_test")
load("//apt2ostree/private/lock:architectures.bzl", "architecture_error")
load("//apt2ostree/private/providers:apt_lock_info.bzl", "AptLockInfo")
load(":host_transition.bzl", "host_transition")
load(":label_text.bzl", "label_text")
load(":launcher.bzl", "runfiles_path", "write_launcher")
load(":path_in_package.bzl", "path_in_package")

def _input_file(ctx, file):
    # What a user calls it; in messages a path in the source tree can be clicked on.
    return {"name": file.short_path, "path": runfiles_path(ctx, file)}

def _package_file(ctx):
    """What the source tree of another repository than the main one is found by."""
    if not ctx.label.workspace_name:
        return None
    (file,) = ctx.files.package_file
    name = file.owner.package + "/" + file.owner.name if file.owner.package else file.owner.name
    return {"name": name, "path": runfiles_path(ctx, file)}

def _source(ctx, entry):
    """A line of `source_order`: the number of a file in `sources`, or a release by name."""
    if entry.startswith("{"):
        return json.decode(entry)
    return _input_file(ctx, ctx.files.sources[int(entry)])

def _apt_lock_config_impl(ctx):
    attributes = ctx.attr
    config = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.write(config, json.encode_indent({
        "architecture": attributes.architecture,
        "exclude": attributes.exclude,
        "foreign_architectures": attributes.foreign_architectures,
        "include_essential": attributes.include_essential,
        "include_priority": attributes.include_priority,
        "keyrings": [runfiles_path(ctx, file) for file in ctx.files.keyrings],
        "label": attributes.target,
        "lockfile": (ctx.label.package + "/" if ctx.label.package else "") + attributes.lockfile,
        "multistrap": [_input_file(ctx, file) for file in ctx.files.multistrap],
        "package_file": _package_file(ctx),
        "packages": attributes.packages,
        "preferences": [_input_file(ctx, file) for file in ctx.files.preferences],
        "recommends": attributes.recommends,
        "repository": ctx.label.workspace_name,
        "resolve": attributes.resolve,
        "snapshots": attributes.snapshots,
        "sources": [_source(ctx, entry) for entry in attributes.source_order],
    }))
    runfiles = ctx.runfiles(
        files = [config] + ctx.files.keyrings + ctx.files.multistrap + ctx.files.package_file +
                ctx.files.preferences + ctx.files.sources,
    )
    return [
        DefaultInfo(files = depset([config]), runfiles = runfiles),
        AptLockInfo(config = config, runfiles = runfiles),
    ]

_apt_lock_config = rule(
    doc = "Writes what an apt_lock says as the JSON file that its tools read.",
    implementation = _apt_lock_config_impl,
    attrs = {
        "architecture": attr.string(),
        "exclude": attr.string_list(),
        "foreign_architectures": attr.string_list(),
        "include_essential": attr.bool(),
        "include_priority": attr.string_list(),
        "keyrings": attr.label_list(allow_files = True),
        "lockfile": attr.string(mandatory = True),
        "multistrap": attr.label_list(allow_files = True),
        "package_file": attr.label_list(allow_files = True),
        "packages": attr.string_list(),
        "preferences": attr.label_list(allow_files = True),
        "recommends": attr.bool(),
        "resolve": attr.bool(),
        "snapshots": attr.string_dict(),
        "source_order": attr.string_list(),
        "sources": attr.label_list(allow_files = True),
        "target": attr.string(),
    },
    provides = [AptLockInfo],
)

def _update_locks_impl(ctx):
    locks = [lock[AptLockInfo] for lock in ctx.attr.locks]
    (tool,) = ctx.attr._tool
    launcher, runfiles = write_launcher(
        ctx,
        tool,
        [("--config", lock.config) for lock in locks],
    )
    result = [DefaultInfo(
        executable = launcher,
        runfiles = runfiles.merge_all([lock.runfiles for lock in locks]),
    )]

    # A single one can be named in another target's `locks`.
    return result + ([locks[0]] if len(locks) == 1 else [])

apt_locks = rule(
    doc = """Updates several lockfiles with one command: `bazel run //:update_locks`.

What they share is downloaded once. Options are those of `apt_lock`'s own command.

```starlark
apt_locks(
    name = "update_locks",
    locks = ["//appliance:update_lock", "//kiosk:update_lock"],
)
```
""",
    implementation = _update_locks_impl,
    attrs = {
        "locks": attr.label_list(
            doc = "`apt_lock` targets.",
            mandatory = True,
            providers = [AptLockInfo],
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
        "_tool": attr.label(
            default = "//tools:update_lock",
            executable = True,
            cfg = host_transition,
        ),
    },
    executable = True,
)

def apt_lock(
        name,
        lockfile,
        packages = [],
        sources = [],
        architecture = "",
        foreign_architectures = [],
        recommends = False,
        include_essential = True,
        include_priority = ["required"],
        exclude = [],
        preferences = [],
        resolve = True,
        keyrings = [Label("//apt2ostree/keyrings:all")],
        snapshots = {},
        multistrap = None,
        multistrap_files = [],
        tags = [],
        testonly = None,
        visibility = None):
    """A lockfile that is updated by `bazel run` of this target.

    Also makes the test `NAME_test`: offline, it fails if the lockfile does not satisfy `packages`.

    `bazel run //image:update_lock` takes options (`-- --help` lists them): `--dry-run`, `--check`,
    `--summary FILE`, and the command `mirror DIR`, which downloads the packages of the lockfile
    into a directory that serves as a mirror.

    Args:
        name: of the target.
        lockfile: path of the lockfile in this package. It need not exist before the first update.
        packages: names of packages, as `apt-get install` takes them: `NAME`, `NAME:ARCHITECTURE`.
            Their order can matter where packages are alternatives to each other.
        sources: where packages come from: labels of deb822 `.sources` files or of one-line
            `sources.list` files (sources.list(5)), and `debian_sources("trixie")` or
            `ubuntu_sources("noble")`. Their order decides between equal versions.
        architecture: Debian's name of the image's architecture: `amd64`, `arm64`, `armhf`…
        foreign_architectures: further ones, of which packages may be installed (Multi-Arch).
        recommends: whether packages that others recommend are installed too.
        include_essential: whether packages that are marked Essential are wanted too.
        include_priority: packages of these priorities are wanted too.
        exclude: names of packages that must not be in the lock.
        preferences: labels of files with pins (apt_preferences(5)).
        resolve: False takes the packages named in `packages` alone, without dependencies.
        keyrings: labels of keyrings, which a `Signed-By` selects by their names. By default those
            of Debian and Ubuntu.
        snapshots: for archives other than Debian's and Ubuntu's: prefix of their URI → URL of their
            snapshot service with `@SNAPSHOTID@` for the time, as in apt.conf(5).
        multistrap: label of a configuration of multistrap(1), which says what is wanted and where
            it comes from, so that `packages`, `sources` and `architecture` can be left out; where
            they are given they are added, and `architecture` counts for more, as multistrap's
            `--arch` does. `multistrap_image` makes the image along with the lock.
        multistrap_files: labels of the files that `multistrap` names: those of `include`, and of
            `aptpreferences`.
        tags: of the targets.
        testonly: of the targets.
        visibility: of the targets.
    """
    if not multistrap and not (sources and architecture):
        fail("apt_lock(name = {}): give it `sources` and `architecture`, or a `multistrap` configuration".format(repr(name)))
    for each in [architecture] + foreign_architectures:
        if architecture_error(each):
            fail("apt_lock(name = {}): {}".format(repr(name), architecture_error(each)))
    lock, error = path_in_package(lockfile, native.package_name())
    if error:
        fail("apt_lock(name = \"{}\"): lockfile: {}".format(name, error))
    config = name + "_config"
    files = [source for source in sources if not source.startswith("{")]
    label = native.package_relative_label(":" + name)
    path = "{}/{}".format(label.package, lock) if label.package else lock
    _apt_lock_config(
        name = config,
        architecture = architecture,
        exclude = exclude,
        foreign_architectures = foreign_architectures,
        include_essential = include_essential,
        include_priority = include_priority,
        keyrings = keyrings,
        lockfile = lock,
        multistrap = ([multistrap] if multistrap else []) + multistrap_files,
        package_file = native.glob(["BUILD.bazel", "BUILD"], allow_empty = True)[-1:],
        packages = packages,
        preferences = preferences,
        recommends = recommends,
        resolve = resolve,
        snapshots = snapshots,
        source_order = [
            source if source.startswith("{") else str(files.index(source))
            for source in sources
        ],
        sources = files,
        tags = tags + ["manual"],
        target = label_text(label),
        testonly = testonly,
        visibility = ["//visibility:private"],
    )
    apt_locks(
        name = name,
        locks = [config],
        tags = tags,
        testonly = testonly,
        visibility = visibility,
    )
    py_test(
        name = name + "_test",
        size = "small",
        srcs = [Label("//tools:check_lock.py")],
        args = [
            "--config",
            "$(rootpath {})".format(config),
            "--lockfile",
            # A test begins in the main repository's directory of the runfiles.
            "../{}/{}".format(label.workspace_name, path) if label.workspace_name else path,
        ],
        # The lockfile is not there before the first update: then the test says so.
        data = [config] + native.glob([lock], allow_empty = True),
        main = Label("//tools:check_lock.py"),
        tags = tags,
        visibility = visibility,
        deps = [Label("//tools:check_lock")],
    )
