import errno
import os
import stat
import threading
import unittest

from apt2ostree.commands.output import output_file
from apt2ostree.errors import UserError
from tests.support.judges import ScratchTest


class OutputFileTest(ScratchTest):
    def test_it_takes_the_place_of_another_when_all_is_written(self) -> None:
        target = self.scratch / "x"
        target.write_bytes(b"old")
        with output_file(target) as file:
            file.write(b"new")
            self.assertEqual(target.read_bytes(), b"old")
        self.assertEqual(target.read_bytes(), b"new")

    def test_a_failure_leaves_everything_as_it_was(self) -> None:
        (self.scratch / "x").write_bytes(b"old")
        with self.assertRaises(KeyboardInterrupt), output_file(self.scratch / "x"):
            raise KeyboardInterrupt
        self.assertEqual([path.read_bytes() for path in self.scratch.iterdir()], [b"old"])

    def test_a_symlink_stays_one(self) -> None:
        (self.scratch / "link").symlink_to("x")
        with output_file(self.scratch / "link") as file:
            file.write(b"new")
        self.assertTrue((self.scratch / "link").is_symlink())
        self.assertEqual((self.scratch / "x").read_bytes(), b"new")

    def test_a_pipe_is_written_to_and_stays_one(self) -> None:
        pipe = self.scratch / "pipe"
        os.mkfifo(pipe)
        found: list[bytes] = []
        reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
        reader.start()
        with output_file(pipe) as file:
            file.write(b"new")
        reader.join()
        self.assertEqual(found, [b"new"])
        self.assertTrue(stat.S_ISFIFO(pipe.stat().st_mode))

    def test_a_full_disk_names_the_file(self) -> None:
        written = output_file(self.scratch / "x")
        with self.assertRaisesRegex(UserError, "/x: No space left on device"), written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def test_directories(self) -> None:
        for name, words in (
            (".", "a directory; expected the name of a file to write"),
            ("none/x", "none/x: no directory .*/none; make it first"),
        ):
            written = output_file(self.scratch / name)
            with self.subTest(name), self.assertRaisesRegex(UserError, words), written:
                pass


if __name__ == "__main__":
    unittest.main()
