"""What is said of a built image, to actions and to `bazel run`."""

load(":label_text.bzl", "label_text")
load(":request.bzl", "mapped")

def describe_image(label, tree, info, ref = "", status = []):
    """An image as a value of a request, read by apt2ostree/image/built_image.py.

    Args:
        label: Label: of the image.
        tree: OstreeTreeInfo: its tree.
        info: OstreeImageInfo: what makes it an image.
        ref: string: the ref it is imported under; empty where it does not matter.
        status: list of File: the build's status, if the build is stamped.

    Returns:
        A struct: `value`, a dict for `request`, and the files that it names, depsets: `image`, the
        image's own; `parts`, the manifests of packages and layers; `tools`, what it was or will be
        configured with.
    """
    fakeroot = info.fakeroot.to_list()
    fakeroot_manifests = [package.manifest for package in fakeroot]
    fakeroot_objects = depset(transitive = [package.objects for package in fakeroot])
    return struct(
        value = {
            "commit_path": info.commit,
            "emulator": info.emulator,
            "fakeroot": fakeroot_manifests,
            "fakeroot_objects": fakeroot_objects,
            "label": label_text(label),
            "layers": mapped(info.layers, _layer),
            "lockfiles": mapped(info.lockfiles, _lockfile),
            "manifest_path": tree.manifest,
            "objects": tree.objects,
            "packages": mapped(info.packages, _package),
            "ref": ref,
            "status": status,
        },
        image = depset([info.commit, tree.manifest], transitive = [tree.objects]),
        parts = depset(
            [part.manifest for part in info.packages.to_list() + info.layers.to_list()],
        ),
        tools = depset(
            fakeroot_manifests + [lock.file for lock in info.lockfiles.to_list()],
            transitive = [fakeroot_objects, info.emulator],
        ),
    )

def _layer(layer):
    return json.encode([layer.name, layer.manifest.path])

def _lockfile(lock):
    return json.encode([lock.name, lock.file.path])

def _package(tree):
    return json.encode(tree.manifest.path)
