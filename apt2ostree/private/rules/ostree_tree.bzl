"""A tree of files, directories, symlinks, tars and programs, to lay over packages."""

load("//apt2ostree/private/providers:ostree_tree_info.bzl", "OstreeTreeInfo")
load(":label_text.bzl", "label_text")
load(":one_line.bzl", "check_one_line")
load(":tree_action.bzl", "TREE_ACTION_ATTRS", "declare_tree")
load(":tree_runfiles.bzl", "add_program")

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

def _check_lines(attributes):
    check_one_line("prefix", [attributes.prefix])
    check_one_line("directories", attributes.directories)
    check_one_line("symlinks", attributes.symlinks.keys() + attributes.symlinks.values())
    check_one_line("files", attributes.files.values())
    check_one_line("binaries", attributes.binaries.values())
    check_one_line("attributes", attributes.attributes.keys())

def _ostree_tree_impl(ctx):
    _check_lines(ctx.attr)
    args = ctx.actions.args()
    args.add("--prefix", ctx.attr.prefix)
    args.add("--owner", ctx.attr.owner)
    args.add("--group", ctx.attr.group)
    args.add("--mode", ctx.attr.mode)
    _add_pairs(args, "--attributes", ctx.attr.attributes)
    _add_pairs(args, "--user", ctx.attr.users)
    _add_pairs(args, "--declared-group", ctx.attr.groups)
    _add_pairs(args, "--symlink", ctx.attr.symlinks)
    args.add_all(ctx.attr.directories, before_each = "--directory")
    inputs = []
    if ctx.attr.accounts:
        manifest = ctx.attr.accounts[OstreeTreeInfo].manifest
        args.add_all(["--accounts", label_text(ctx.attr.accounts.label), manifest])
        inputs.append(depset([manifest]))
    for file in ctx.files.srcs:
        args.add_all(["--file", _source_path(ctx, file), file], expand_directories = False)
    for file in ctx.files.tars:
        args.add_all(["--tar", file.basename, file])
    for target, path in ctx.attr.files.items():
        _add_files(args, target, path)
        inputs.append(target[DefaultInfo].files)
    for target, path in ctx.attr.binaries.items():
        inputs.append(add_program(ctx, args, target, path))
    inputs.append(depset(ctx.files.srcs + ctx.files.tars))
    tree = declare_tree(ctx, ctx.label.name, args, depset(transitive = inputs))
    return [
        DefaultInfo(files = depset([tree.manifest], transitive = [tree.objects])),
        tree,
    ]

def _add_pairs(args, option, pairs):
    for key, value in pairs.items():
        args.add_all([option, key, value])

def _add_files(args, target, path):
    files = target[DefaultInfo].files.to_list()
    if len(files) != 1 and not path.endswith("/"):
        fail(("{} in `files` is {} files: end the path {} in a slash, for a directory to put them " +
              "into; a program goes into `binaries`").format(label_text(target.label), len(files), repr(path)))
    for file in files:
        own = path + file.basename if path.endswith("/") and not file.is_directory else path
        args.add_all(["--file", own, file], expand_directories = False)

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
