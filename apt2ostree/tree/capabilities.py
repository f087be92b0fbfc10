"""File capabilities: from the text of setcap(8) to the attribute `security.capability`.

Sources: cap_from_text(3), capabilities(7), and the kernel's `struct vfs_cap_data` of
revision 2: a number with the revision and the effective flag, then twice the low and high
halves of the permitted and the inheritable set.
"""

from __future__ import annotations

import re
import struct

from apt2ostree.errors import UserError

ATTRIBUTE = "security.capability"
_NAMES = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
]
"""In the order of their bits."""
_CLAUSE = re.compile(r"([a-z0-9_,]+)[=+]([eip]+)")
_REVISION_2 = 0x02000000
_EFFECTIVE = 1


def encode(text: str) -> bytes:
    """Return the attribute's value.

    Args:
        text: clauses as setcap takes them: `cap_net_bind_service,cap_net_raw=ep`.

    Raises:
        UserError: not such a text, or one that a file cannot have.
    """
    sets = {"e": 0, "i": 0, "p": 0}
    for clause in text.split():
        match = _CLAUSE.fullmatch(clause)
        if match is None:
            raise UserError(f"capabilities {text!r}: expected e.g. 'cap_net_bind_service=ep'")
        for name in match[1].split(","):
            short = name[4:] if name.startswith("cap_") else ""
            if short not in _NAMES:
                raise UserError(f"capabilities {text!r}: unknown capability {name!r}")
            for flag in match[2]:
                sets[flag] |= 1 << _NAMES.index(short)
    if not text.split():
        raise UserError("capabilities '': expected e.g. 'cap_net_bind_service=ep'")
    if sets["e"] and sets["e"] != sets["p"] | sets["i"]:
        # The kernel keeps one effective flag for the whole file.
        raise UserError(
            f"capabilities {text!r}: a file's effective set is all of its capabilities or none"
        )
    magic = _REVISION_2 | (_EFFECTIVE if sets["e"] else 0)
    permitted, inheritable = sets["p"], sets["i"]
    low, high = 0xFFFFFFFF, 32
    return struct.pack(
        "<5I", magic, permitted & low, inheritable & low, permitted >> high, inheritable >> high
    )
