"""The kernel of a bootable image: one, with its initrd.

Debian's packages and scripts put into /boot `vmlinuz-RELEASE` (on some architectures
`vmlinux-RELEASE`), `config-RELEASE`, `System.map-RELEASE` and `initrd.img-RELEASE`. OSTree
wants `vmlinuz` and `initramfs.img` beside the modules in /usr/lib/modules/RELEASE, and copies
them to where the boot loader finds them (ostree-admin-deploy(1)).
"""

from __future__ import annotations

from apt2ostree.device.editor import Editor
from apt2ostree.errors import UserError

_KERNELS = ("vmlinuz-", "vmlinux-")
_INITRD = "initrd.img-"
_BESIDE = ("config-", "System.map-")
_LINKS = ("vmlinuz", "vmlinuz.old", "initrd.img", "initrd.img.old")
"""Links to the newest kernel and the one before, for boot loaders that look in the root."""


def initrd(release: str) -> str:
    """The path of the initrd in a deployment."""
    return f"usr/lib/modules/{release}/initramfs.img"


def move(editor: Editor) -> str:
    """Move the kernel and what belongs to it beside its modules; leave /boot empty.

    Returns:
        The kernel's release, as uname(1) prints it.

    Raises:
        UserError: not one kernel, no initrd, no modules, or something else in /boot.
    """
    boot = editor.directories["boot"].files if "boot" in editor.directories else {}
    release, kernel = _one(list(boot), editor)
    modules = f"usr/lib/modules/{release}"
    if modules not in editor.directories:
        raise UserError(f"/boot/{kernel}: there is no /{modules} for it: its modules are missing")
    if _INITRD + release not in boot:
        raise UserError(
            f"/boot/{kernel}: there is no /boot/{_INITRD}{release}: the scripts of "
            "initramfs-tools or dracut make it; add one of them to the packages, and "
            "`configure = True` to the image"
        )
    editor.move_file(f"boot/{kernel}", f"{modules}/vmlinuz")
    editor.move_file(f"boot/{_INITRD}{release}", initrd(release))
    for start in _BESIDE:
        if start + release in boot:
            editor.move_file(f"boot/{start}{release}", f"{modules}/{start[:-1]}")
    left = editor.files("boot")
    if left:
        raise UserError(
            f"/{min(left)}: /boot is for OSTree to fill, and nothing but the kernel {release} and "
            "its initrd is taken there: leave the package or the layer out that has it, or, if "
            "a script made it, name it in `cleanup`"
        )
    editor.make("boot")
    for name in _LINKS:
        editor.drop(name)
    return release


def _one(names: list[str], editor: Editor) -> tuple[str, str]:
    """The release and the file of the only kernel among the files in /boot."""
    found = sorted(
        (name[len(start) :], name) for name in names for start in _KERNELS if name.startswith(start)
    )
    if len(found) > 1:
        raise UserError(
            f"{len(found)} kernels in /boot, {', '.join(release for release, _ in found)}: a "
            "deployment boots one; leave the packages of the others out"
        )
    if found:
        return found[0]
    moved = [path for path in editor.files("usr/lib/modules") if path.endswith("/vmlinuz")]
    if moved:
        raise UserError(
            f"/{moved[0]}: the kernel is moved already, and `bootable` moves it itself: take out "
            "the hook that does"
        )
    raise UserError(
        "no kernel, vmlinuz-RELEASE, in /boot: add one to the packages, such as linux-image-amd64"
    )
