from __future__ import annotations

import hashlib
import unittest
from dataclasses import replace

from apt2ostree.ostree import repo
from apt2ostree.ship import package_refs
from tests.support import debs, images, judges
from tests.support.debs import control, deb, directory, file, symlink
from tests.support.judges import ScratchTest

DATA = [directory("./usr"), file("./usr/a", b"x", 0o755), symlink("./usr/l", "a")]


class PackageRefsTest(ScratchTest):
    def test_the_commit_is_the_one_that_ostree_makes_of_the_packages_data(self) -> None:
        judges.need(self, "ostree")
        one = deb(*DATA, control=control("libx++6", "1.0~rc1+b1"))
        other = deb(file("./b"), control=control("local"))
        image = images.write(self.scratch / "image", images.compose_debs([one, other]))
        sha256 = hashlib.sha256(one).hexdigest()
        lock = self.scratch / "Packages.lock"
        lock.write_text(
            "Package: libx++6\nVersion: 1.0~rc1+b1\nArchitecture: amd64\n"
            f"Filename: pool/x/libx++6_1.0%7erc1+b1_amd64.deb\nSHA256: {sha256}\n\n"
        )
        manifests = []
        for number, package in enumerate((one, other)):
            path = self.scratch / f"{number}.json"
            path.write_text(images.unpack(package)[0].dump())
            manifests.append(path)
        image = replace(image, packages=manifests, lockfiles=[("Packages.lock", lock)])
        target = repo.create(self.scratch / "repo", "archive")
        with target.transaction() as transaction:
            refs = package_refs.add_packages(transaction, target, image)
        judges.ostree(target.path, "fsck")
        name = f"{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}_libx++6_1.0~rc1+b1_amd64.deb"
        (self.scratch / "data.tar").write_bytes(debs.tar(debs.ROOT, *DATA))
        theirs = judges.ostree(
            target.path,
            "commit",
            "--branch=theirs",
            f"--tree=tar={self.scratch}/data.tar",
            *("--no-bindings", "--orphan", "--timestamp=@0", "-s", f"{name} data"),
        ).strip()
        ref = "deb/pool/" + name.replace("+", "_").replace("~", "_") + "/data"
        self.assertEqual(refs, [(ref, theirs)])
        self.assertEqual(target.resolve(ref), theirs)


if __name__ == "__main__":
    unittest.main()
