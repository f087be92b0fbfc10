"""What an ACL means for a mode, and a mode for an ACL."""

from __future__ import annotations

import struct
import unittest

from apt2ostree.sandbox import acl

USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
ANYBODY = 0xFFFFFFFF


def value(*entries: tuple[int, int, int]) -> bytes:
    """An ACL as the kernel takes it: (tag, permissions, id)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


EXTENDED = value(
    (USER_OBJ, 7, ANYBODY), (GROUP_OBJ, 5, ANYBODY), (GROUP, 5, 4), (MASK, 5, ANYBODY),
    (OTHER, 0, ANYBODY),
)  # fmt: skip
MINIMAL = value((USER_OBJ, 6, ANYBODY), (GROUP_OBJ, 4, ANYBODY), (OTHER, 4, ANYBODY))


class AclTest(unittest.TestCase):
    def test_the_group_bits_become_the_mask(self) -> None:
        self.assertEqual(0o042750, acl.apply_to_mode(0o042777, {acl.ACCESS: EXTENDED}))

    def test_a_file_without_an_acl_keeps_its_mode(self) -> None:
        self.assertEqual(0o100644, acl.apply_to_mode(0o100644, {"security.capability": b"x"}))

    def test_an_acl_that_says_no_more_than_a_mode_is_not_stored(self) -> None:
        self.assertEqual({}, acl.without_trivial({acl.ACCESS: MINIMAL}))
        self.assertEqual(
            {acl.ACCESS: EXTENDED},
            acl.without_trivial({acl.ACCESS: EXTENDED, acl.DEFAULT: value()}),
        )

    def test_chmod_afterwards_changes_the_mask_and_not_the_groups(self) -> None:
        changed = acl.after_chmod(EXTENDED, 0o770)
        self.assertEqual(0o100770, acl.apply_to_mode(0o100000, {acl.ACCESS: changed}))
        self.assertIn(struct.pack("<HHI", GROUP, 5, 4), changed)


if __name__ == "__main__":
    unittest.main()
