"""Unpacking in a worker, package after package."""

import gc
import io
import json
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path

from apt2ostree import worker
from tests.support import debs, requests
from tools import deb_tree

PACKAGES = 300


class DebTreeTest(unittest.TestCase):
    def test_nothing_of_a_package_stays_in_the_worker(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        directory = Path(scratch.name)
        alive: list[int] = []

        def work() -> Iterator[str]:
            for number in range(PACKAGES):
                gc.collect()
                alive.append(len(gc.get_objects()))
                needs = ", ".join(f"lib{number}-{other} (>= {number})" for other in range(9))
                deb = debs.deb(control=debs.control(f"package{number}", Depends=needs))
                path = debs.write(directory / f"{number}.deb", deb)
                outputs = directory / "json", directory / "tar"
                request = deb_tree.Request(path, f"package{number}", [], *outputs)
                yield json.dumps({"arguments": [requests.text(request)]}) + "\n"

        answers = io.StringIO()
        worker.serve(deb_tree.main, deb_tree.Request, work(), answers)
        for line in answers.getvalue().splitlines():
            self.assertEqual(json.loads(line)["exitCode"], 0, line)
        self.assertLess(alive[-1] - alive[PACKAGES // 2], PACKAGES // 2)


if __name__ == "__main__":
    unittest.main()
