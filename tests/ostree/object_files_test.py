import stat
import unittest

from apt2ostree.errors import UserError
from apt2ostree.ostree import object_files
from apt2ostree.ostree.objects import FileHeader
from tests.support.judges import ScratchTest


class ObjectFilesTest(ScratchTest):
    def test_bare_user_only_takes_what_is_roots_and_not_special(self) -> None:
        path = self.scratch / "object"
        header = FileHeader(0, 0, 0o100755)
        object_files.write(path, "bare-user-only", header, 5, [b"hel", b"lo"])
        self.assertEqual(path.read_bytes(), b"hello")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o755)

    def test_bare_user_only_says_what_it_cannot_hold(self) -> None:
        for header, fault in (
            (FileHeader(5, 42, 0o100644), "owner 5:42"),
            (FileHeader(0, 0, 0o104755), "mode 4755 with bits 4000"),
            (FileHeader(0, 0, 0o100666), "mode 0666 with bits 0002"),
            (FileHeader(0, 0, 0o100644, xattrs={"user.a": b"1"}), "extended attributes user.a"),
        ):
            path = self.scratch / "object"
            with self.assertRaisesRegex(UserError, f"{fault}: not for a bare-user-only repo"):
                object_files.write(path, "bare-user-only", header, 0, [])
            self.assertFalse(path.exists())


if __name__ == "__main__":
    unittest.main()
