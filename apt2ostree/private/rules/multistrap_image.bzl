"""`multistrap_image`: lockfile and image from a configuration of multistrap(1)."""

load(":apt_lock.bzl", "apt_lock")
load(":image_macro.bzl", "ostree_image")
load(":multistrap_files.bzl", "multistrap_files")
load(":ostree_tree.bzl", "ostree_tree")

def multistrap_image(
        name,
        config,
        includes = [],
        lockfile = None,
        lock = None,
        architecture = "",
        layers = [],
        tags = [],
        visibility = None,
        **kwargs):
    """An image as a configuration of multistrap(1) describes it.

    ```starlark
    # MODULE.bazel
    apt.lock(name = "rootfs_debs", lockfile = "//:multistrap.conf.lock")
    use_repo(apt, "rootfs_debs")

    # BUILD.bazel
    multistrap_image(
        name = "rootfs",
        config = "multistrap.conf",
        configure = True,
    )
    ```

    Makes these targets:

    * `NAME_update_lock`: `bazel run` of it writes the lockfile, resolving the packages that the
      configuration names from the archives that it names (see `apt_lock`); what the configuration
      says that has no meaning here is named in a warning;
    * `NAME_update_lock_test`: the lockfile satisfies the configuration;
    * `NAME_files`: what multistrap itself writes into an image: `aptsources` as files in
      /etc/apt/sources.list.d, and the file of `aptpreferences`;
    * `NAME`: the image.

    Bazel reads no file of a package while it loads its BUILD files, so the configuration is read
    by the tool behind `NAME_update_lock` and by the action behind `NAME_files`.

    Args:
        name: of the image.
        config: label of the configuration.
        includes: labels of the files that it names: those of `include` and `aptpreferences`.
        lockfile: path of the lockfile in this package; by default `CONFIG.lock`.
        lock: name of the lock, as the `apt.lock` in MODULE.bazel has it; by default `NAME_debs`.
        architecture: counts for more than `arch` in the configuration.
        layers: trees to lay over the packages, besides `NAME_files`.
        tags: of the targets.
        visibility: of the targets.
        **kwargs: the other attributes of `ostree_image`.
    """
    apt_lock(
        name = name + "_update_lock",
        architecture = architecture,
        lockfile = lockfile or config + ".lock",
        multistrap = config,
        multistrap_files = includes,
        tags = tags,
        visibility = visibility,
    )
    multistrap_files(
        name = name + "_apt",
        architecture = architecture,
        config = config,
        includes = includes,
        tags = tags,
        visibility = ["//visibility:private"],
    )
    ostree_tree(
        name = name + "_files",
        files = {name + "_apt": "/"},
        tags = tags,
        visibility = visibility,
    )
    ostree_image(
        name = name,
        layers = [name + "_files"] + layers,
        packages = ["@{}//:packages".format(lock or name + "_debs")],
        tags = tags,
        visibility = visibility,
        **kwargs
    )
