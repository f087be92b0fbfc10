"""An image: packages and layers laid over each other, with one commit id."""

load(":configure.bzl", "CONFIGURE_ATTRS", "configure_image")
load(":deb_packages_info.bzl", "DebPackagesInfo")
load(":image_launcher.bzl", "IMAGE_LAUNCHER_ATTRS", "image_launcher")
load(":ostree_image_info.bzl", "OstreeImageInfo")
load(":ostree_tree_info.bzl", "OstreeTreeInfo")
load(":worker.bzl", "WORKER_REQUIREMENTS", "use_worker_param_file")

_ATTRS = {
    "architectures": attr.string_list(
        doc = "Architectures of the image, the native one first; by default its lock's.",
    ),
    "layers": attr.label_list(
        doc = "Trees to lay over the packages.",
        providers = [OstreeTreeInfo],
    ),
    "merged_usr": attr.string(
        doc = "Whether /bin, /sbin and /lib are links into /usr although packages ship files " +
              "there: `yes`, `no`, or `auto`: if usr-is-merged or usrmerge is among the packages.",
        default = "auto",
        values = ["auto", "yes", "no"],
    ),
    "packages": attr.label_list(
        doc = "Packages: `@LOCK//:packages`, a whole lock, or `@LOCK//NAME`, one with its " +
              "dependencies.",
        providers = [DebPackagesInfo],
    ),
    "ref": attr.string(
        doc = "The OSTree ref that the image gets when imported; by default " +
              "`deb/images/LOCK/unpacked`, or `…/configured`.",
    ),
    "_compose": attr.label(default = "//tools:compose", executable = True, cfg = "exec"),
}

def _lock_name(ctx):
    return ctx.attr.packages[0][DebPackagesInfo].lock if ctx.attr.packages else ctx.label.name

def _architectures(ctx):
    found = {
        architecture: None
        for packages in ctx.attr.packages
        for architecture in packages[DebPackagesInfo].architectures
    }
    return ctx.attr.architectures or found.keys()

def _compose(ctx, package_trees, layers):
    """Declare the composing action: manifests in, the image's manifest and metadata out."""
    name = ctx.label.name + (".unpacked" if ctx.attr.configure else "")
    manifest = ctx.actions.declare_file(name + ".manifest.json")
    objects = ctx.actions.declare_file(name + ".objects.tar")
    commit = ctx.actions.declare_file(name + ".commit")
    package_manifests = [tree.manifest for tree in package_trees]
    args = ctx.actions.args()
    use_worker_param_file(args)
    args.add_all(package_manifests, before_each = "--package")
    for layer in layers:
        args.add("--layer")
        args.add(str(layer.label))
        args.add(layer[OstreeTreeInfo].manifest)
    args.add_all(_architectures(ctx), before_each = "--architecture")
    args.add("--merged-usr", ctx.attr.merged_usr)
    args.add("--manifest", manifest)
    args.add("--objects", objects)
    args.add("--commit", commit)
    ctx.actions.run(
        executable = ctx.executable._compose,
        arguments = [args],
        inputs = package_manifests + [layer[OstreeTreeInfo].manifest for layer in layers],
        outputs = [manifest, objects, commit],
        mnemonic = "OstreeCompose",
        progress_message = "Composing %{label}",
        execution_requirements = WORKER_REQUIREMENTS,
    )
    return manifest, objects, commit

def _ostree_image_impl(ctx):
    trees = depset(
        transitive = [packages[DebPackagesInfo].trees for packages in ctx.attr.packages],
        order = "preorder",
    ).to_list()
    manifest, objects, commit = _compose(ctx, trees, ctx.attr.layers)
    image = OstreeTreeInfo(
        manifest = manifest,
        objects = depset([objects], transitive = [tree.objects for tree in trees] + [
            layer[OstreeTreeInfo].objects
            for layer in ctx.attr.layers
        ]),
    )
    if ctx.attr.configure:
        manifest, objects, commit = configure_image(ctx, image.manifest, image.objects)
        image = OstreeTreeInfo(
            manifest = manifest,
            objects = depset([objects], transitive = [image.objects]),
        )
    ref = ctx.attr.ref or "deb/images/{}/{}".format(
        _lock_name(ctx),
        "configured" if ctx.attr.configure else "unpacked",
    )
    launcher, runfiles = image_launcher(ctx, image, commit, ref)
    return [
        DefaultInfo(
            executable = launcher,
            # The packages' objects are built too, as runfiles; listing them would be noise.
            files = depset([commit, manifest, objects]),
            runfiles = runfiles,
        ),
        OutputGroupInfo(
            commit = depset([commit]),
            manifest = depset([manifest]),
        ),
        image,
        OstreeImageInfo(commit = commit, ref = ref),
    ]

ostree_image = rule(
    doc = """An image made of packages.

`bazel build` makes its commit checksum (`NAME.commit`), its manifest and its objects;
`bazel run NAME -- --help` lists what can be done with it.""",
    implementation = _ostree_image_impl,
    attrs = _ATTRS | CONFIGURE_ATTRS | IMAGE_LAUNCHER_ATTRS,
    executable = True,
    provides = [OstreeTreeInfo],
)
