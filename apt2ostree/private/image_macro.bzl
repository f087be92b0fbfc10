"""`ostree_image` as users see it."""

load(":ostree_image.bzl", _ostree_image = "ostree_image")

def ostree_image(name, packages = [], configure = False, fakeroot = None, **kwargs):
    """An image made of packages.

    `bazel build` makes its commit checksum, its manifest and its objects; `bazel run NAME --
    --help` lists what can be done with it.

    Args:
        name: of the target.
        packages: list of labels: packages, as `@LOCK//:packages` or `@LOCK//NAME`.
        configure: run the packages' maintainer scripts.
        fakeroot: label: packages fakeroot and libfakeroot that fit the image, which do not
            become part of it; by default `@LOCK//:fakeroot` of the first lock in `packages`,
            or what the base has.
        **kwargs: the other attributes of the rule.
    """
    if configure and not fakeroot and type(packages) == "list":
        fakeroot = _fakeroot_of(packages)
    _ostree_image(
        name = name,
        configure = configure,
        fakeroot = fakeroot,
        packages = packages,
        **kwargs
    )

def _fakeroot_of(packages):
    """`:fakeroot` of the first lock among some packages, or None."""
    for package in packages:
        repository = native.package_relative_label(package).workspace_name
        if repository:
            return "@@{}//:fakeroot".format(repository)
    return None
