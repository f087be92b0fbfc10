"""examples/appliance as a disk: the same bytes again, elsewhere, and file systems that check."""

import hashlib
import os
import unittest
from pathlib import Path

from apt2ostree.disk import disk, gpt, sysroot
from apt2ostree.disk.toolbox import Toolbox
from apt2ostree.image import built_image
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ship import checkout
from tests.support.judges import ScratchTest

DISK = Path(os.environ["DISK"])
SIZE = 2048 << 20


def load(variable: str) -> BuiltImage:
    launcher = Path(os.environ[variable])
    return built_image.load(Path(f"{launcher}.image.json"), Path.cwd().parent)


def digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            found.update(chunk)
    return found.hexdigest()


class DiskTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        checkout.write(load("TOOLS"), self.scratch / "tools", user_mode=True)
        self.toolbox = Toolbox(self.scratch / "tools", {"SOURCE_DATE_EPOCH": str(disk.EPOCH)})

    def test_it_is_the_same_again(self) -> None:
        options = sysroot.Options(
            "default",
            "appliance/stable",
            "http://updates.example.com/",
            b"",
            (f"root=LABEL={disk.ROOT_LABEL}", "rw", "console=tty0", "console=ttyS0"),
        )
        again, work = self.scratch / "disk.img", self.scratch / "work"
        work.mkdir()
        with again.open("w+b") as file:
            made = disk.Options(options, disk.root_size(SIZE))
            disk.make(file, load("IMAGE"), made, self.toolbox, work)
        self.assertEqual(DISK.stat().st_size, SIZE)
        self.assertEqual(digest(DISK), digest(again))
        self.assertEqual(list(work.glob("*.img")), [])

    def test_its_file_systems_check(self) -> None:
        start = gpt.ALIGNMENT + disk.ESP_SIZE
        for program, options, begin, size in (
            ("fsck.fat", ("-n",), gpt.ALIGNMENT, disk.ESP_SIZE),
            ("e2fsck", ("-f", "-n"), start, disk.root_size(SIZE)),
        ):
            part = self.scratch / program
            with DISK.open("rb") as source, part.open("wb") as target:
                source.seek(begin)
                target.truncate(size)
                for _ in range(0, size, 1 << 20):
                    chunk = source.read(min(1 << 20, size - target.tell()))
                    if chunk.count(0) == len(chunk):
                        target.seek(len(chunk), 1)
                    else:
                        target.write(chunk)
            self.toolbox.run(f"usr/sbin/{program}", *options, part)
        said = self.toolbox.run("usr/sbin/debugfs", "-R", "ls -l /ostree/deploy/default", part)
        self.assertIn(" deploy", said)


if __name__ == "__main__":
    unittest.main()
