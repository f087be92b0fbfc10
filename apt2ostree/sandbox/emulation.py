"""Programs of another architecture than the machine's: qemu-user, through binfmt_misc.

From Linux 6.7 on, every user namespace can have a binfmt_misc of its own. The emulator that is
given is registered there, for the sandbox alone, and opened by the kernel at that moment
(flag F), so that neither the image nor the machine has to have it. On an older kernel the
machine's own registration has to do. Sources: the kernel's binfmt-misc.rst, elf(5), and
https://www.qemu.org/docs/master/user/main.html.
"""

from __future__ import annotations

import os
import platform
import shutil
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.sandbox import linux, mounts
from apt2ostree.tree.manifest import PackageRecord

PROGRAM = "qemu-user"
"""What an emulated process's command line begins with."""
_OWN = {"aarch64": "arm64", "riscv64": "riscv64", "x86_64": "amd64"}
"""`uname -m` → Debian's name."""


@dataclass(frozen=True)
class Elf:
    """What the head of an architecture's programs says (elf(5), `e_ident` and `e_machine`).

    Attributes:
        bits: 32 or 64.
        order: of bytes, as `struct` has it: `<` or `>`.
        machine: EM_*.
    """

    bits: int
    order: str
    machine: int


ARCHITECTURES: Mapping[str, Elf] = {
    "amd64": Elf(64, "<", 62),
    "arm64": Elf(64, "<", 183),
    "armel": Elf(32, "<", 40),
    "armhf": Elf(32, "<", 40),
    "i386": Elf(32, "<", 3),
    "mips64el": Elf(64, "<", 8),
    "ppc64el": Elf(64, "<", 21),
    "riscv64": Elf(64, "<", 243),
    "s390x": Elf(64, ">", 22),
}
"""Debian's architectures that qemu-user emulates."""


def is_own(architecture: str) -> bool:
    """Whether an architecture is the machine's own."""
    return architecture == _OWN.get(platform.machine())


def native(packages: Iterable[PackageRecord]) -> str:
    """An image's own architecture: that of its dpkg; empty if it has none."""
    return next((package.architecture for package in packages if package.name == "dpkg"), "")


def rule(architecture: str, interpreter: str) -> bytes:
    """What to write to binfmt_misc's `register`.

    Args:
        architecture: one of `ARCHITECTURES`.
        interpreter: path of the emulator.
    """
    elf = ARCHITECTURES[architecture]
    start = b"\x7fELF" + bytes([elf.bits // 32, 1 if elf.order == "<" else 2, 1])
    # Any operating system's (e_ident[EI_OSABI]); executables and shared objects (e_type 2, 3).
    magic = start + bytes(9) + struct.pack(f"{elf.order}HH", 2, elf.machine)
    mask = b"\xff" * 7 + b"\0" + b"\xff" * 8 + struct.pack(f"{elf.order}HH", 0xFFFE, 0xFFFF)
    return f":{architecture}:M::{_escape(magic)}:{_escape(mask)}:{interpreter}:FP".encode("ascii")


def _escape(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)


def set_up(architecture: str, emulator: Path | None, layout: mounts.Layout) -> OSError | None:
    """Let the programs of an architecture run in this user namespace, if there is need.

    Args:
        architecture: the image's.
        emulator: the program that runs them, statically linked, if there is one.
        layout: where it goes.

    Returns:
        Why the kernel does not allow it, or `None`.

    Raises:
        UserError: the architecture is none that is emulated.
    """
    if not emulator or is_own(architecture):
        return None
    if architecture not in ARCHITECTURES:
        raise UserError(
            f"the image is for {architecture}, and emulators are known for "
            f"{', '.join(ARCHITECTURES)}"
        )
    program = layout.top / PROGRAM
    shutil.copyfile(emulator, program)
    program.chmod(0o755)
    layout.binfmt_misc.mkdir()
    before = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        linux.mount("binfmt_misc", str(layout.binfmt_misc), "binfmt_misc")
        # By a relative name: programs see it as their first argument.
        os.chdir(layout.top)
        (layout.binfmt_misc / "register").write_bytes(rule(architecture, PROGRAM))
    except OSError as error:
        return error
    finally:
        os.fchdir(before)
        os.close(before)
    return None


def refusal(architecture: str, error: OSError | None) -> str:
    """What to tell a user whose machine runs no programs of an architecture.

    Args:
        architecture: the image's.
        error: what `set_up` returned.
    """
    tried = (
        f"the kernel, Linux {platform.release()}, registers no emulator for a user namespace "
        f"({error.strerror}; 6.7 or newer with CONFIG_BINFMT_MISC does)"
        if error
        else "it is given no `emulator`, or one for another architecture"
    )
    return f"""\
the image is for {architecture}, whose programs this machine ({platform.machine()}) does not run: \
{tried}.
What can be done:
  - register an emulator for all of the machine: install qemu-user-binfmt, before Debian 13
    qemu-user-static;
  - run the action on a machine with a newer kernel, or of that architecture;
  - build the image with `configure = False` and configure it on the device."""
