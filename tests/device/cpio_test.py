import bz2
import gzip
import lzma
import subprocess
import unittest

from apt2ostree.device import cpio
from apt2ostree.errors import UserError
from tests.support import initrds, judges
from tests.support.judges import ScratchTest

ENTRIES = {
    "a": (0o100644, b"content"),
    "b/c": (0o100755, b""),
    "d": (0o120777, b"b/c"),
}


def contents(data: bytes) -> dict[str, tuple[int, bytes]]:
    return {path: (entry.mode, bytes(entry.content)) for path, entry in cpio.read(data).items()}


class CpioTest(unittest.TestCase):
    def test_what_is_in_it(self) -> None:
        self.assertEqual(contents(initrds.cpio(ENTRIES)), ENTRIES)
        self.assertEqual(cpio.read(initrds.cpio(ENTRIES))["d"].target, "b/c")

    def test_one_after_another_of_which_the_later_counts(self) -> None:
        first = initrds.cpio({"a": (0o100600, b"old"), "early": (0o100644, b"")})
        found = contents(first + bytes(512) + initrds.cpio(ENTRIES))
        self.assertEqual(found, {**ENTRIES, "early": (0o100644, b"")})

    def test_every_compression_that_is_common(self) -> None:
        data = initrds.cpio(ENTRIES)
        for compressed in (
            gzip.compress(data),
            bz2.compress(data),
            lzma.compress(data, check=lzma.CHECK_CRC32),
            lzma.compress(data, lzma.FORMAT_ALONE),
        ):
            self.assertEqual(contents(data + bytes(4) + compressed), ENTRIES)

    def test_names_that_begin_with_a_dot(self) -> None:
        self.assertEqual(list(cpio.read(initrds.cpio({"./x": (0o100644, b"")}))), ["x"])


class DamagedTest(unittest.TestCase):
    def refused(self, words: str, data: bytes) -> None:
        with self.assertRaisesRegex(UserError, words):
            cpio.read(data)

    def test_cut_off(self) -> None:
        data = initrds.cpio(ENTRIES)
        self.refused("its cpio archive is cut off or damaged at byte ", data[: len(data) - 40])
        self.refused("its cpio archive is cut off in 'a'", data[:116])
        self.refused("its cpio archive is damaged at byte 0", data.replace(b"0000", b"zzzz", 1))
        words = "what is compressed at byte 0: truncated: the .gz data ends early$"
        self.refused(words, gzip.compress(data)[:-20])

    def test_what_cannot_be_read(self) -> None:
        self.refused(
            r"it is compressed with lz4, which cannot be read here: choose zstd or gzip, with "
            r"COMPRESS in initramfs.conf\(5\) or compress in dracut.conf\(5\)",
            b"\x02\x21\x4c\x18",
        )
        self.refused("neither an archive of cpio nor anything compressed at byte 0", b"kernel")


class JudgedTest(ScratchTest):
    def test_cpio_made_it(self) -> None:
        judges.need(self, "cpio")
        (self.scratch / "b").mkdir()
        (self.scratch / "a").write_bytes(b"content")
        (self.scratch / "b/c").symlink_to("../a")
        made = subprocess.run(
            ["cpio", "-o", "-H", "newc", "--quiet"],
            input=b"a\nb\nb/c\n",
            cwd=self.scratch,
            capture_output=True,
            check=True,
        )
        found = cpio.read(made.stdout)
        self.assertEqual(bytes(found["a"].content), b"content")
        self.assertEqual(found["b/c"].target, "../a")


if __name__ == "__main__":
    unittest.main()
