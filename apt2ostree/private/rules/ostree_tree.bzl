"""A tree of files, directories, symlinks, tars and programs, to lay over packages."""

load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":label_text.bzl", "label_text")
load(":tree_action.bzl", "TREE_ACTION_ATTRS", "declare_tree")
load(":tree_runfiles.bzl", "program_files")

_ATTRS = {
    "accounts": attr.label(
        doc = "An image in whose passwd and group the names of owners are looked up.",
        providers = [OstreeTreeInfo],
    ),
    "attributes": attr.string_dict(
        doc = "Pattern → `tree_attributes(…)`. Patterns are paths in the image, with `*`, `?`, " +
              "`[…]`, and `**` for any number of components; of several that match, the later " +
              "one wins. They apply to what tars bring, too. One that matches nothing is an error.",
    ),
    "binaries": attr.label_keyed_string_dict(
        doc = "Program → path: a `py_binary`, a `cc_binary` or another executable target. Where " +
              "the path ends in a slash, it goes into that directory under its own name. Its " +
              "runfiles go beside it, into `PATH.runfiles`.",
    ),
    "directories": attr.string_list(
        doc = "Directories to make, empty ones among them.",
    ),
    "files": attr.label_keyed_string_dict(
        doc = "File → path. Where the path ends in a slash, files go into that directory under " +
              "their own names. A directory (a tree artifact) goes there with all it holds.",
        allow_files = True,
    ),
    "group": attr.string(
        doc = "Group of the files, by name or number, tars apart.",
        default = "0",
    ),
    "groups": attr.string_dict(
        doc = "Name → `tree_group(…)`: groups that the image is to have.",
    ),
    "mode": attr.string(
        doc = "Mode of the files, tars and `binaries` (0755) apart.",
        default = "0644",
    ),
    "owner": attr.string(
        doc = "Owner of the files, by name or number, tars apart.",
        default = "0",
    ),
    "prefix": attr.string(
        doc = "Directory in the image that everything goes to, other paths being relative to it.",
    ),
    "srcs": attr.label_list(
        doc = "Files that keep their paths, relative to their package.",
        allow_files = True,
    ),
    "strip_prefix": attr.string(
        doc = "What to leave out at the start of the paths of `srcs`.",
    ),
    "symlinks": attr.string_dict(
        doc = "Path → target.",
    ),
    "tars": attr.label_list(
        doc = "Archives, compressed or not, such as rules_pkg makes; owners, modes, links and " +
              "extended attributes are kept.",
        allow_files = True,
    ),
    "users": attr.string_dict(
        doc = "Name → `tree_user(…)`: users that the image is to have.",
    ),
}

def _check_made_by(function, attribute, key, values):
    """What is not JSON with that key was written by hand."""
    for name, value in values.items():
        data = json.decode(value, default = None)
        if type(data) != "dict" or key not in data:
            fail("{}: {}: expected {}(…), got {}".format(attribute, repr(name), function, repr(value)))

def _ostree_tree_impl(ctx):
    attributes = ctx.attr
    _check_made_by("tree_attributes", "attributes", "mode", attributes.attributes)
    _check_made_by("tree_user", "users", "uid", attributes.users)
    _check_made_by("tree_group", "groups", "gid", attributes.groups)
    programs = [program_files(ctx, target, path) for target, path in attributes.binaries.items()]
    accounts = [attributes.accounts] if attributes.accounts else []
    files = [
        (_source_path(ctx, file), file)
        for file in ctx.files.srcs
    ] + [
        pair
        for target, path in attributes.files.items()
        for pair in _files(target, path)
    ]
    inputs = [image[OstreeTreeInfo].manifest for image in accounts]
    tree = declare_tree(
        ctx,
        ctx.label.name,
        depset(
            inputs + ctx.files.tars + [file for _, file in files],
            transitive = [program.inputs for program in programs],
        ),
        {
            "accounts": [
                (label_text(image.label), image[OstreeTreeInfo].manifest)
                for image in accounts
            ],
            "attributes": attributes.attributes,
            "directories": attributes.directories,
            "empty_files": [names for program in programs for names in program.empty_files],
            "executables": [pairs for program in programs for pairs in program.executables],
            "files": files + [pair for program in programs for pair in program.files],
            "generated": [pairs for program in programs for pairs in program.generated],
            "group": attributes.group,
            "groups": attributes.groups,
            "mode": attributes.mode,
            "owner": attributes.owner,
            "prefix": attributes.prefix,
            "symlinks": attributes.symlinks,
            "tars": [(file.basename, file) for file in ctx.files.tars],
            "users": attributes.users,
        },
    )
    return [
        DefaultInfo(files = depset([tree.manifest], transitive = [tree.objects])),
        tree,
    ]

def _files(target, path):
    """list of (path, File)."""
    files = target[DefaultInfo].files.to_list()
    if len(files) != 1 and not path.endswith("/"):
        fail(("{} in `files` is {} files: end the path {} in a slash, for a directory to put them " +
              "into; a program goes into `binaries`").format(label_text(target.label), len(files), repr(path)))
    return [
        (path + file.basename if path.endswith("/") and not file.is_directory else path, file)
        for file in files
    ]

def _source_path(ctx, file):
    """A source's path relative to its package, `strip_prefix` left out."""
    path = file.short_path
    if path.startswith("../"):
        path = path.split("/", 2)[2]
    package = file.owner.package
    if package and path.startswith(package + "/"):
        path = path[len(package) + 1:]
    strip = ctx.attr.strip_prefix.strip("/")
    if strip and path != strip and not path.startswith(strip + "/"):
        fail("{}: strip_prefix {} is not the start of its path {}".format(file.owner, repr(strip), repr(path)))
    return path[len(strip):].lstrip("/")

ostree_tree = rule(
    doc = """Files, directories, symlinks, tars and programs as a tree: a layer for `ostree_image`.

Owners given by name are looked up among the tree's own `users` and `groups`, and in the image
that `accounts` names.""",
    implementation = _ostree_tree_impl,
    attrs = _ATTRS | TREE_ACTION_ATTRS,
    provides = [OstreeTreeInfo],
)
