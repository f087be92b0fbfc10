"""Analysis tests of deb_tree, deb_packages, ostree_image and ostree_repo."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@rules_python//python:defs.bzl", "py_binary")
load("//apt2ostree:defs.bzl", "ostree_disk", "ostree_image", "ostree_repo", "ostree_tree")
load("//apt2ostree:providers.bzl", "DebPackagesInfo", "OstreeImageInfo", "OstreeTreeInfo")
load("//apt2ostree/private/rules:deb_packages.bzl", "deb_packages")  # buildifier: disable=bzl-visibility
load("//apt2ostree/private/rules:deb_tree.bzl", "deb_tree")  # buildifier: disable=bzl-visibility

def _action(env, mnemonic):
    """The one action with that mnemonic."""
    found = [
        action
        for action in analysistest.target_actions(env)
        if action.mnemonic == mnemonic
    ]
    asserts.equals(env, 1, len(found), "actions of mnemonic " + mnemonic)
    return found[0]

def _description(env):
    """What the image's launcher reads, decoded."""
    (text,) = [
        action.content
        for action in analysistest.target_actions(env)
        if action.outputs.to_list()[0].basename.endswith(".image.json")
    ]
    return json.decode(text)

def _names(files):
    return sorted([file.basename for file in files])

def _data(action):
    """The names of what an action reads, its tool and parameter file apart."""
    return [
        name
        for name in _names(action.inputs.to_list())
        if name.endswith((".json", ".tar", ".deb", ".commit"))
    ]

def _deb_tree_impl(ctx):
    env = analysistest.begin(ctx)
    action = _action(env, "DebTree")
    asserts.equals(env, ["one.deb"], _data(action))
    asserts.equals(env, ["one.manifest.json", "one.objects.tar"], _names(action.outputs.to_list()))
    info = analysistest.target_under_test(env)[OstreeTreeInfo]
    asserts.equals(env, "one.manifest.json", info.manifest.basename)
    asserts.equals(env, ["one.objects.tar"], _names(info.objects.to_list()))
    return analysistest.end(env)

_deb_tree_test = analysistest.make(_deb_tree_impl)

def _deb_packages_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    info = target[DebPackagesInfo]
    asserts.equals(env, ["amd64"], info.architectures)
    asserts.equals(env, "lock", info.lock)
    asserts.equals(
        env,
        ["two.manifest.json", "one.manifest.json"],
        [tree.manifest.basename for tree in info.trees.to_list()],
        "the lock's order",
    )
    asserts.equals(env, ["one.deb", "two.deb"], _names(target[OutputGroupInfo].debs.to_list()))
    asserts.equals(env, 0, len(analysistest.target_actions(env)), "a set has no actions")
    return analysistest.end(env)

_deb_packages_test = analysistest.make(_deb_packages_impl)

def _compose_reads_no_content_impl(ctx):
    env = analysistest.begin(ctx)
    action = _action(env, "OstreeCompose")
    asserts.equals(env, ["one.manifest.json", "two.manifest.json"], [
        name
        for name in _data(action)
        if name.endswith(".manifest.json") or not name.endswith(".json")  # quirks
    ])
    asserts.equals(
        env,
        ["image.commit", "image.manifest.json", "image.objects.tar"],
        _names(action.outputs.to_list()),
    )
    return analysistest.end(env)

_compose_reads_no_content_test = analysistest.make(_compose_reads_no_content_impl)

def _lay_out_reads_no_content_impl(ctx):
    env = analysistest.begin(ctx)
    action = _action(env, "OstreeLayOut")
    asserts.equals(env, ["device.configured.manifest.json"], _data(action))
    asserts.equals(
        env,
        ["device.commit", "device.manifest.json", "device.objects.tar"],
        _names(action.outputs.to_list()),
    )
    asserts.true(env, "initrd_files.manifest.json" in _data(_action(env, "OstreeCompose")))
    return analysistest.end(env)

_lay_out_reads_no_content_test = analysistest.make(_lay_out_reads_no_content_impl)

def _image_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    mnemonics = {action.mnemonic: None for action in analysistest.target_actions(env)}
    made = [name for name in mnemonics if name not in ctx.attr.bazels_own]
    asserts.equals(env, ["FileWrite", "OstreeCompose"], sorted(made))
    asserts.equals(env, ctx.attr.ref, target[OstreeImageInfo].ref)
    asserts.equals(env, "image.commit", target[OstreeImageInfo].commit.basename.replace("other_", ""))
    objects = _names(target[OstreeTreeInfo].objects.to_list())
    asserts.true(env, "one.objects.tar" in objects and "two.objects.tar" in objects)
    runfiles = target[DefaultInfo].default_runfiles
    links = [link.path for link in runfiles.root_symlinks.to_list()]
    description = _description(env)
    asserts.equals(env, objects, sorted([path.split("/")[-1] for path in description["objects"]]))
    asserts.equals(env, ctx.attr.ref, description["ref"])
    named = [description["commit_path"], description["manifest_path"]] + description["objects"] + description["packages"]
    asserts.equals(env, [], [path for path in named if "apt2ostree_trees/" + path not in links])

    # Only links: the repository mapping of a thousand packages' repositories has a million lines.
    packages = [file for file in runfiles.files.to_list() if "one." in file.basename]
    asserts.equals(env, [], packages)

    # One configuration: Bazel complains where a test that has the image as data brings one more.
    roots = {file.root.path: None for file in runfiles.files.to_list() if not file.is_source}
    asserts.equals(env, 1, len(roots), str(roots.keys()))
    built = _names(target[DefaultInfo].files.to_list())
    asserts.equals(env, [], [name for name in built if name in ("one.objects.tar", "two.objects.tar")])
    return analysistest.end(env)

_image_test = analysistest.make(_image_impl, attrs = {
    "bazels_own": attr.string_list(default = [
        "Middleman",
        "RepoMappingManifest",
        "RunfilesTree",
        "SourceSymlinkManifest",
        "SymlinkTree",
    ]),
    "ref": attr.string(),
})

def _repo_impl(ctx):
    env = analysistest.begin(ctx)
    action = _action(env, "OstreeRepo")
    asserts.equals(
        env,
        ["image.commit", "image.manifest.json", "image.objects.tar", "one.objects.tar", "two.objects.tar"],
        _data(action),
    )
    asserts.true(env, action.outputs.to_list()[0].is_directory)
    return analysistest.end(env)

_repo_test = analysistest.make(_repo_impl)

def _architectures_impl(ctx):
    env = analysistest.begin(ctx)
    info = analysistest.target_under_test(env)[OstreeImageInfo]
    asserts.equals(env, ["amd64", "arm64"], info.architectures)
    return analysistest.end(env)

_architectures_test = analysistest.make(_architectures_impl)

def _failure_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.words)
    return analysistest.end(env)

_failure_test = analysistest.make(
    _failure_impl,
    attrs = {"words": attr.string()},
    expect_failure = True,
)

def ostree_image_test_suite(name):
    """Targets that are only analysed, and their tests.

    Args:
        name: of the suite.
    """
    for package in ("one", "two"):
        deb_tree(name = package, package = package, deb = package + ".deb", tags = ["manual"])
    deb_packages(
        name = "both",
        architectures = ["amd64"],
        lock = "lock",
        tags = ["manual"],
        trees = [":two", ":one"],
    )
    ostree_image(name = "image", packages = [":both"], tags = ["manual"])
    ostree_image(name = "other_image", packages = [":both"], ref = "my/ref", tags = ["manual"])
    deb_packages(name = "nothing", lock = "empty", tags = ["manual"], trees = [])
    ostree_image(name = "of_nothing", packages = [":nothing"], tags = ["manual"])
    ostree_image(name = "configured_of_nothing", configure = True, packages = [":nothing"], tags = ["manual"])
    ostree_image(name = "device", bootable = True, packages = [":both"], tags = ["manual"], version = "1")
    ostree_disk(name = "disk_of_no_device", branch = "b", image = ":image", tags = ["manual"])
    ostree_image(name = "upon_device", base = ":device", tags = ["manual"])
    ostree_image(name = "version_alone", packages = [":both"], tags = ["manual"], version = "1")
    ostree_repo(name = "repo", images = [":image"], tags = ["manual"])
    ostree_image(name = "of_a_tree", packages = [":one"], tags = ["manual"])
    ostree_image(name = "layer_of_packages", layers = [":both"], tags = ["manual"])
    ostree_repo(name = "repo_of_a_tree", images = [":one"], tags = ["manual"])
    py_binary(name = "program", srcs = ["program.py"], tags = ["manual"])
    ostree_image(name = "layer_of_a_program", layers = [":program"], tags = ["manual"])
    ostree_image(name = "layer_of_a_file", layers = ["file.txt"], tags = ["manual"])
    ostree_image(name = "package_file", packages = ["one.deb"], tags = ["manual"])
    deb_packages(
        name = "arm",
        architectures = ["arm64"],
        lock = "arm_lock",
        tags = ["manual"],
        trees = [":one"],
    )
    ostree_image(name = "arm_on_amd", base = ":image", packages = [":arm"], tags = ["manual"])
    ostree_image(
        name = "arm_meant",
        architectures = ["amd64", "arm64"],
        base = ":image",
        packages = [":arm"],
        tags = ["manual"],
    )
    ostree_tree(name = "user_by_hand", tags = ["manual"], users = {"c": "900"})
    ostree_tree(name = "group_by_hand", groups = {"g": "staff"}, tags = ["manual"])
    ostree_tree(name = "attributes_by_hand", attributes = {"etc/a": "0600"}, tags = ["manual"])

    _deb_tree_test(name = name + "_deb_tree", target_under_test = ":one")
    _deb_packages_test(name = name + "_deb_packages", target_under_test = ":both")
    _compose_reads_no_content_test(
        name = name + "_compose_reads_no_content",
        target_under_test = ":image",
    )
    _image_test(
        name = name + "_image",
        ref = "deb/images/lock/unpacked",
        target_under_test = ":image",
    )
    _image_test(name = name + "_ref", ref = "my/ref", target_under_test = ":other_image")
    _lay_out_reads_no_content_test(
        name = name + "_lay_out_reads_no_content",
        target_under_test = ":device",
    )
    _repo_test(name = name + "_repo", target_under_test = ":repo")
    _architectures_test(name = name + "_architectures", target_under_test = ":arm_meant")
    failures = {
        "disk_of_no_device": "image is not bootable: set `bootable = True` there",
        "upon_device": "device is bootable, and nothing can be made upon an image that is laid out",
        "version_alone": "`version` is of bootable images alone: set `bootable = True`, too",
        "of_nothing": "nothing: its lockfile is empty. `bazel run` the `apt_lock` that writes it",
        "configured_of_nothing": "nothing: its lockfile is empty. `bazel run` the `apt_lock`",
        "of_a_tree": ":one in `packages` is a tree and no package: it goes into `layers`",
        "layer_of_packages": ":both in `layers` is a package, or packages: it goes into `packages`",
        "layer_of_a_program": ":program in `layers` is a program and no tree: name in `layers` an " +
                              "ostree_tree(binaries = {\"//tests/private/rules:program\": \"usr/bin/\"})",
        "layer_of_a_file": ":file.txt in `layers` has files and is no tree: name in `layers` an ostree_tree(files",
        "package_file": ":one.deb in `packages` is a .deb: name in `packages` a deb_package(src",
        "arm_on_amd": ":arm are for arm64, and its base //tests/private/rules:image is for amd64",
        "user_by_hand": "users: \"c\": expected tree_user(…), got \"900\"",
        "group_by_hand": "groups: \"g\": expected tree_group(…), got \"staff\"",
        "attributes_by_hand": "attributes: \"etc/a\": expected tree_attributes(…), got \"0600\"",
        "repo_of_a_tree": "'OstreeImageInfo'",
    }
    for target, words in failures.items():
        _failure_test(
            name = "{}_{}_fails".format(name, target),
            target_under_test = ":" + target,
            words = words,
        )
    native.test_suite(name = name, tests = [
        name + suffix
        for suffix in [
            "_deb_tree",
            "_deb_packages",
            "_compose_reads_no_content",
            "_image",
            "_lay_out_reads_no_content",
            "_ref",
            "_architectures",
            "_repo",
        ] + ["_{}_fails".format(target) for target in failures]
    ])
