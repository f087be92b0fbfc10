"""The Python modules of a folder, a line each: a library per module, with what it imports."""

load("@rules_python//python:defs.bzl", "py_library")

def _label(dep):
    """`merge` is of the same folder, `ostree/objects` of another; a label is itself."""
    if dep.startswith("//") or "/" not in dep:
        return dep if dep.startswith("//") else ":" + dep
    return "//apt2ostree/" + dep.replace("/", ":")

# buildifier: disable=unnamed-macro
def modules(deps, data = {}):
    """Declare a `py_library` for each module of the package.

    A library per module, not per folder: an action's key holds what its program imports, and no
    more than that.

    Args:
        deps: dict: module → list of string: the modules that it imports, of the same folder by
            name, of others as `FOLDER/NAME`, anything else by label.
        data: dict: module → list of labels: files that it reads.
    """
    folder = native.package_name()
    native.filegroup(
        name = "module_sources",
        srcs = ["BUILD.bazel"] + native.glob(["*.py"]),
        visibility = ["//tests:__pkg__"],
    )
    package = native.glob(["__init__.py"], allow_empty = True)
    for name, imported in deps.items():
        py_library(
            name = name,
            srcs = package + [name + ".py"],
            data = data.get(name, []),
            imports = ["/".join([".."] * len(folder.split("/")))],
            visibility = ["//visibility:public"],
            deps = [_label(dep) for dep in imported],
        )
