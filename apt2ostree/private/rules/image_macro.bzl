"""`ostree_image` as users see it."""

load(":ostree_image.bzl", _ostree_image = "ostree_image")

def ostree_image(name, packages = [], configure = False, emulator = None, fakeroot = None, **kwargs):
    """An image made of packages.

    `bazel build` makes its commit checksum, its manifest and its objects; `bazel run NAME --
    --help` lists what can be done with it.

    Args:
        name: of the target.
        packages: list of labels: packages, as `@LOCK//:packages` or `@LOCK//NAME`.
        configure: run the packages' maintainer scripts.
        emulator: label: program that runs those of the image on machines that do not, if it is to
            be configured; by default `@LOCK//:emulator` of the first lock in `packages` that has
            one, or what the base has.
        fakeroot: label: packages fakeroot and libfakeroot that fit the image, which do not
            become part of it; by default `@LOCK//:fakeroot` of the first lock in `packages` that
            has one, or what the base has.
        **kwargs: the other attributes of the rule.
    """
    if type(packages) == "list":
        _check_locks(name, packages)
    _ostree_image(
        name = name,
        configure = configure,
        configured_by = packages if configure and not (emulator and fakeroot) else [],
        emulator = emulator,
        fakeroot = fakeroot,
        packages = packages,
        **kwargs
    )

def _check_locks(name, packages):
    """A lock whose repository the module does not use has a label that nothing can be done with."""
    for package in packages:
        if str(native.package_relative_label(package)).startswith("@@[unknown repo"):
            lock = str(package).lstrip("@").partition("/")[0]
            fail(("ostree_image(name = {}): {}: there is no repository @{} here. The MODULE.bazel of " +
                  "this workspace needs the lines\n" +
                  "    apt.lock(name = {}, lockfile = \"…\")\n" +
                  "    use_repo(apt, {})").format(
                repr(name),
                package,
                lock,
                repr(lock),
                repr(lock),
            ))
