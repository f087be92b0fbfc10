import io
import json
import unittest
import uuid
import zlib

from apt2ostree.disk import gpt
from tests.support import judges
from tests.support.judges import ScratchTest

MIB = 1 << 20
DISK = uuid.UUID("00000000-0000-4000-8000-000000000001")
PARTITIONS = [
    gpt.Partition(gpt.ESP, uuid.UUID("00000000-0000-4000-8000-000000000002"), "esp", 3 * MIB),
    gpt.Partition(
        gpt.ROOT_X86_64, uuid.UUID("00000000-0000-4000-8000-000000000003"), "root", 5 * MIB
    ),
]


def table() -> bytes:
    disk = io.BytesIO()
    gpt.write(disk, DISK, PARTITIONS)
    return disk.getvalue()


class GptTest(unittest.TestCase):
    def test_partitions_follow_each_other(self) -> None:
        self.assertEqual(gpt.starts(PARTITIONS), [MIB, 4 * MIB])
        self.assertEqual(gpt.size(PARTITIONS), 10 * MIB)
        self.assertEqual(len(table()), 10 * MIB)

    def test_both_headers_check(self) -> None:
        disk = table()
        for at in (512, len(disk) - 512):
            header = bytearray(disk[at : at + 92])
            self.assertEqual(header[:8], b"EFI PART")
            checksum = int.from_bytes(header[16:20], "little")
            header[16:20] = bytes(4)
            self.assertEqual(zlib.crc32(header), checksum)
            self.assertEqual(int.from_bytes(header[24:32], "little") * 512, at)

    def test_it_is_the_same_every_time(self) -> None:
        self.assertEqual(table(), table())


class JudgedTest(ScratchTest):
    def test_sfdisk_reads_it(self) -> None:
        judges.need(self, "sfdisk")
        path = self.scratch / "disk"
        path.write_bytes(table())
        found = json.loads(judges.run("sfdisk", "--json", path))["partitiontable"]
        self.assertEqual((found["label"], found["id"].lower()), ("gpt", str(DISK)))
        self.assertEqual(
            [
                (p["start"] * 512, p["size"] * 512, p["type"].lower(), p["uuid"].lower(), p["name"])
                for p in found["partitions"]
            ],
            [
                (start, p.size, str(p.type), str(p.id), p.name)
                for start, p in zip(gpt.starts(PARTITIONS), PARTITIONS)
            ],
        )
        self.assertEqual(judges.run("sfdisk", "--verify", path, check=False).count("rror"), 1)


if __name__ == "__main__":
    unittest.main()
