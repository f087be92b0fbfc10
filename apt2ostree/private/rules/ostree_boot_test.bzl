"""A test that boots a disk."""

load("@rules_python//python:defs.bzl", "py_test")

def ostree_boot_test(
        name,
        disk,
        image,
        branch,
        upgrade_to = None,
        checks = None,
        boot_seconds = 600,
        size = "enormous",
        tags = [],
        visibility = None):
    """A test that boots a disk in QEMU, and if there is something to upgrade to, its whole life.

    The system has to come up with no failed unit, in the image's commit, with `/`, `/usr` and
    `/sysroot` that cannot be written to, and dpkg's packages and the ids of users and groups have to
    be the image's. After an upgrade, what the device had in /var and /etc, its users and its
    machine-id have to be there still. What is asked of the device, `checks` among it, comes
    to it by credentials (systemd 256 or newer), so that nothing of the test is in the image. QEMU,
    firmware and all else are from a lock of the rule set's; no KVM is needed.

    Args:
        name: of the test.
        disk: label: an `ostree_disk`.
        image: label: the image on it.
        branch: the branch that the disk says.
        upgrade_to: label: an image. It is published, signed, on a server of the test's; the device
            refuses commits that are not signed with its key, is upgraded, boots that, goes back, and boots again.
        checks: label: a shell script that runs in the device at each boot and has to succeed.
        boot_seconds: time limit for each boot.
        size: of the test; see Bazel's `py_test`.
        tags: of the test.
        visibility: of the test.
    """
    tools = Label("//apt2ostree/device/locks:qemu_tools")
    py_test(
        name = name,
        size = size,
        srcs = [Label("//tools:boot_test.py")],
        args = [
                   "--disk=$(rootpath {})".format(disk),
                   "--image=$(rootpath {})".format(image),
                   "--branch=" + branch,
                   "--tools=$(rootpath {})".format(tools),
                   "--boot-seconds={}".format(boot_seconds),
               ] + ["--upgrade-to=$(rootpath {})".format(label) for label in [upgrade_to] if label] +
               ["--checks=$(rootpath {})".format(label) for label in [checks] if label],
        data = [label for label in [disk, image, upgrade_to, checks, tools] if label],
        main = Label("//tools:boot_test.py"),
        tags = tags,
        visibility = visibility,
        deps = [Label("//tools:boot_test_lib")],
    )
