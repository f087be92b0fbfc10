"""Which emulator runs the programs of which architecture."""

# Debian's architecture → its program in the package qemu-user, and the machines (constraint values
# of @platforms//cpu) that need none.
EMULATORS = {
    "amd64": struct(program = "usr/bin/qemu-x86_64", own = ["x86_64"]),
    "arm64": struct(program = "usr/bin/qemu-aarch64", own = ["aarch64"]),
    "armel": struct(program = "usr/bin/qemu-arm", own = ["aarch64"]),
    "armhf": struct(program = "usr/bin/qemu-arm", own = ["aarch64"]),
    "i386": struct(program = "usr/bin/qemu-i386", own = ["x86_64"]),
    "ppc64el": struct(program = "usr/bin/qemu-ppc64le", own = []),
    "riscv64": struct(program = "usr/bin/qemu-riscv64", own = []),
    "s390x": struct(program = "usr/bin/qemu-s390x", own = []),
}

def emulator_target(architectures):
    """The label of what `@LOCK//:emulator` stands for.

    Args:
        architectures: list of string: the lock's, the native one first.

    Returns:
        A label.
    """
    native = architectures[0] if architectures else None
    name = native if native in EMULATORS else "none"
    return "@apt2ostree//apt2ostree/configure/emulators:" + name
