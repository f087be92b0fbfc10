"""An image: packages and layers laid over each other, with one commit id."""

load("//apt2ostree/private/lock:automatic.bzl", "automatic_in_image")
load("//apt2ostree/private/providers:deb_packages_info.bzl", "DebPackagesInfo")
load("//apt2ostree/private/providers:ostree_image_info.bzl", "OstreeImageInfo")
load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":bootable.bzl", "BOOTABLE_ATTRS", "bootable_layers", "check_initrd", "lay_out")
load(":configure.bzl", "CONFIGURE_ATTRS", "CONFIGURE_EXEC_GROUPS", "configure_image", "emulator_files", "fakeroot_trees")
load(":image_launcher.bzl", "IMAGE_LAUNCHER_ATTRS", "image_launcher")
load(":image_parts.bzl", "check_parts")
load(":label_text.bzl", "label_text")
load(":request.bzl", "request")
load(":tree_action.bzl", "TREE_ACTION_ATTRS", "declare_tree")
load(":worker.bzl", "WORKER_REQUIREMENTS")

_APT_SOURCES = "etc/apt/sources.list.d"

_ATTRS = {
    "accounts": attr.label(
        doc = "The file with the ids of users and groups, in force before the first script runs: " +
              "see `ostree_accounts`. It may be empty.",
        allow_single_file = True,
    ),
    "apt_sources": attr.label_list(
        doc = "Apt's own `.sources` or `.list` files, to be written into the image's " +
              "/etc/apt/sources.list.d, so that apt on the device finds the archive. " +
              "A `Signed-By` in them has to be a path in the image.",
        allow_files = [".sources", ".list"],
    ),
    "architectures": attr.string_list(
        doc = "Architectures of the image, the native one first; by default its lock's.",
    ),
    "base": attr.label(
        doc = "An image to begin with. Its packages stay in dpkg's database as they are there; " +
              "those of `packages` that it has already are left as they are.",
        providers = [[OstreeTreeInfo, OstreeImageInfo]],
    ),
    "layers": attr.label_list(
        doc = "Trees to lay over the packages, such as `ostree_tree` makes.",
        allow_files = True,  # to be refused with words: check_parts
    ),
    "merged_usr": attr.string(
        doc = "Whether /bin, /sbin and /lib are links into /usr although packages ship files " +
              "there: `yes`, `no`, or `auto`: if usr-is-merged or usrmerge is among the packages.",
        default = "auto",
        values = ["auto", "yes", "no"],
    ),
    "overlay_conflicts": attr.string(
        doc = "What becomes of a file that a layer has and another layer, a package or the base " +
              "has too, and differently: `error`, or `replace`: the upper one counts.",
        default = "error",
        values = ["error", "replace"],
    ),
    "packages": attr.label_list(
        doc = "Packages: `@LOCK//:packages`, a whole lock, `@LOCK//NAME`, one with its " +
              "dependencies, or a `deb_package`.",
        allow_files = True,  # to be refused with words: check_parts
    ),
    "quirks": attr.label_list(
        doc = "Files with corrections of packages, besides those that come with the rule set: " +
              "see apt2ostree/quirks/README.md.",
        allow_files = [".json"],
    ),
    "ref": attr.string(
        doc = "The OSTree ref that the image gets when imported; by default " +
              "`deb/images/LOCK/unpacked`, with a base `deb/images/NAME/unpacked`; `…/configured` " +
              "where `configure` is set.",
    ),
    "remove": attr.string_list(
        doc = "Patterns of files of the base and the packages to leave out: paths with `*`, `?`, " +
              "`[…]` and `**`. A directory goes with all it holds; `!PATTERN` keeps what it " +
              "matches; `?PATTERN` need not match anything. `REMOVE_DOCUMENTATION` and its like " +
              "in presets.bzl are lists to put here.",
    ),
    "unmatched_globs": attr.string(
        doc = "What becomes of patterns of `remove` that match nothing: `warning` or `error`.",
        default = "warning",
        values = ["warning", "error"],
    ),
    "_quirks": attr.label(default = "//apt2ostree/settings:quirks"),
    "_compose": attr.label(default = "//tools:compose", executable = True, cfg = "exec"),
}

def _lock_name(ctx):
    if ctx.attr.base or not ctx.attr.packages:
        return ctx.label.name
    return ctx.attr.packages[0][DebPackagesInfo].lock

def _architectures(ctx):
    found = {
        architecture: None
        for packages in ctx.attr.packages
        for architecture in packages[DebPackagesInfo].architectures
    }
    return ctx.attr.architectures or ([] if ctx.attr.base else found.keys())

def _apt_sources_layer(ctx):
    """A layer of the files in `apt_sources`."""
    name = ctx.label.name + ".apt_sources"
    sources = ctx.files.apt_sources
    return struct(
        name = "apt_sources of {}".format(label_text(ctx.label)),
        tree = declare_tree(ctx, name, depset(sources), {
            "files": [(_APT_SOURCES + "/" + file.basename, file) for file in sources],
        }),
    )

def _layers(ctx):
    """list of struct: `name`, `tree`."""
    layers = bootable_layers(ctx) + [
        struct(name = label_text(layer.label), tree = layer[OstreeTreeInfo])
        for layer in ctx.attr.layers
    ]
    return ([_apt_sources_layer(ctx)] if ctx.attr.apt_sources else []) + layers

def _base(ctx):
    """list of dict: the image to begin with, as the composing tool is told of it, or none."""
    if not ctx.attr.base:
        return []
    return [{
        "manifest": ctx.attr.base[OstreeTreeInfo].manifest,
        "name": label_text(ctx.attr.base.label),
        "packages": [
            tree.manifest
            for tree in ctx.attr.base[OstreeImageInfo].packages.to_list()
        ],
    }]

def _compose(ctx, name, package_trees, layers):
    """Declare the composing action: manifests in, the image's manifest and metadata out."""
    manifest = ctx.actions.declare_file(name + ".manifest.json")
    objects = ctx.actions.declare_file(name + ".objects.tar")
    commit = ctx.actions.declare_file(name + ".commit")
    base = _base(ctx)
    packages = [tree.manifest for tree in package_trees]
    local = depset(transitive = [packages[DebPackagesInfo].local for packages in ctx.attr.packages])
    quirks = ctx.files.quirks + ctx.files._quirks
    ctx.actions.run(
        executable = ctx.executable._compose,
        arguments = [request(ctx, {
            "accounts": [(file.short_path, file) for file in ctx.files.accounts],
            "architectures": _architectures(ctx),
            "automatic": automatic_in_image([
                packages[DebPackagesInfo]
                for packages in ctx.attr.packages
            ]),
            "base": base,
            "commit": commit,
            "layers": [(layer.name, layer.tree.manifest) for layer in layers],
            "local_packages": [tree.manifest for tree in local.to_list()],
            "manifest": manifest,
            "merged_usr": ctx.attr.merged_usr,
            "objects": objects,
            "overlay_conflicts": ctx.attr.overlay_conflicts,
            "packages": packages,
            "quirks": [(file.short_path, file) for file in quirks],
            "remove": ctx.attr.remove,
            "unmatched_globs": ctx.attr.unmatched_globs,
        })],
        inputs = packages + quirks + ctx.files.accounts + [layer.tree.manifest for layer in layers] + [
            file
            for image in base
            for file in [image["manifest"]] + image["packages"]
        ],
        outputs = [manifest, objects, commit],
        mnemonic = "OstreeCompose",
        progress_message = "Composing %{label}",
        execution_requirements = WORKER_REQUIREMENTS,
    )
    return manifest, objects, commit

def _lockfiles(ctx):
    """depset of struct: the locks that the packages are from, those of the base among them."""
    bases = [ctx.attr.base[OstreeImageInfo]] if ctx.attr.base else []
    packages = [packages[DebPackagesInfo] for packages in ctx.attr.packages]
    return depset(transitive = [info.lockfiles for info in bases + packages])

def _image_info(ctx, commit, layers, fakeroot, emulator):
    """What the image was made of."""
    bases = [ctx.attr.base[OstreeImageInfo]] if ctx.attr.base else []
    packages = [packages[DebPackagesInfo] for packages in ctx.attr.packages]
    configured = ctx.attr.configure or bool(bases and bases[0].configured and not packages)
    state = "configured" if configured else "unpacked"
    return OstreeImageInfo(
        architectures = _architectures(ctx) or (bases[0].architectures if bases else []),
        bootable = ctx.attr.bootable,
        commit = commit,
        configured = configured,
        emulator = depset(emulator),
        fakeroot = depset(fakeroot),
        layers = depset(
            [struct(name = layer.name, manifest = layer.tree.manifest) for layer in layers],
            transitive = [base.layers for base in bases],
            order = "postorder",
        ),
        lockfiles = _lockfiles(ctx),
        packages = depset(
            transitive = [base.packages for base in bases] + [info.trees for info in packages],
            order = "preorder",
        ),
        ref = ctx.attr.ref or "deb/images/{}/{}".format(_lock_name(ctx), state),
    )

def _check_packages(ctx):
    """A lock of no packages, as one that was emptied, is not what an image is meant to be of."""
    if ctx.attr.base or (ctx.attr.layers and not ctx.attr.configure):
        return
    for packages in ctx.attr.packages:
        if not packages[DebPackagesInfo].trees.to_list():
            fail(("{}: there are no packages in {}: its lockfile is empty. `bazel run` the " +
                  "`apt_lock` that writes it; an image that is meant to be empty has " +
                  "`packages = []`").format(
                label_text(ctx.label),
                packages.label,
            ))

def _check_base(ctx):
    if ctx.attr.base and ctx.attr.base[OstreeImageInfo].bootable:
        fail(("{}: its base {} is bootable, and nothing can be made upon an image that is laid " +
              "out to boot: make both upon a third that is not").format(
            label_text(ctx.label),
            label_text(ctx.attr.base.label),
        ))

def _stage_names(ctx):
    """What the outputs' names of the composing and the configuring action start with.

    The last action's are the target's own.
    """
    name = ctx.label.name
    configured = name + (".configured" if ctx.attr.bootable else "")
    return (name + ".unpacked" if ctx.attr.configure else configured), configured

def _ostree_image_impl(ctx):
    check_parts(ctx.attr, ctx.label)
    _check_packages(ctx)
    _check_base(ctx)
    trees = depset(
        transitive = [packages[DebPackagesInfo].trees for packages in ctx.attr.packages],
        order = "preorder",
    ).to_list()
    layers = _layers(ctx)
    composed, configured = _stage_names(ctx)
    manifest, objects, commit = _compose(ctx, composed, trees, layers)
    below = [ctx.attr.base[OstreeTreeInfo]] if ctx.attr.base else []
    image = OstreeTreeInfo(
        manifest = manifest,
        objects = depset([objects], transitive = [
            tree.objects
            for tree in below + trees + [layer.tree for layer in layers]
        ]),
    )
    fakeroot = fakeroot_trees(
        ctx,
        ctx.attr.base[OstreeImageInfo].fakeroot.to_list() if ctx.attr.base else [],
    )
    emulator = emulator_files(
        ctx,
        ctx.attr.base[OstreeImageInfo].emulator.to_list() if ctx.attr.base else [],
    )
    info = _image_info(ctx, commit, layers, fakeroot, emulator)
    if ctx.attr.configure:
        image, commit, objects = configure_image(ctx, configured, image, info)
        info = _image_info(ctx, commit, layers, fakeroot, emulator)
    checks = []
    if ctx.attr.bootable:
        image, commit, objects = lay_out(ctx, image)
        info = _image_info(ctx, commit, layers, fakeroot, emulator)
        checks.append(check_initrd(ctx, image, info))
    launcher, runfiles = image_launcher(ctx, image, info)
    return [
        DefaultInfo(
            executable = launcher,
            # The packages' objects are built too, as runfiles; listing them would be noise.
            files = depset([commit, image.manifest, objects]),
            runfiles = runfiles,
        ),
        OutputGroupInfo(
            _validation = depset(checks),
            commit = depset([commit]),
            manifest = depset([image.manifest]),
        ),
        image,
        info,
    ]

ostree_image = rule(
    doc = """An image made of packages and layers, or upon another image.

`bazel build` makes its commit checksum (`NAME.commit`), its manifest and its objects;
`bazel run NAME -- --help` lists what can be done with it.""",
    implementation = _ostree_image_impl,
    attrs = _ATTRS | BOOTABLE_ATTRS | CONFIGURE_ATTRS | IMAGE_LAUNCHER_ATTRS | TREE_ACTION_ATTRS,
    exec_groups = CONFIGURE_EXEC_GROUPS,
    executable = True,
    provides = [OstreeTreeInfo, OstreeImageInfo],
)
