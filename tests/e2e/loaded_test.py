"""How little Bazel loads and analyzes again when a lock has changed."""

import os
import unittest

from tests.e2e.case import BazelTest
from tests.support.bazel import Result
from tests.support.debs import control, deb, file

SIZES = (5, 50)
"""Numbers of packages: what does not grow with a lock is the same for both."""


class LoadedTest(BazelTest):
    def stanza(self, name: str, version: str = "1") -> str:
        """Of a package in the archive, new every time: Bazel remembers what it built."""
        package = deb(file(f"./{name}", os.urandom(8)), control=control(name, version))
        return self.archive.add(package, name, Version=version)

    def stanzas(self, number: int) -> list[str]:
        return [self.stanza(f"pkg{index}") for index in range(number)]

    def analyze(self, **locks: list[str]) -> Result:
        """Write locks, and have Bazel fetch and analyze their images."""
        for name, stanzas in locks.items():
            self.write(f"{name}.lock", "\n".join(stanzas))
        self.archive.asked()
        return self.bazel("build", "--nobuild", "//:all")

    def assert_same(self, results: list[Result], loaded: int, configured: int) -> None:
        """Whether it was as little as that, however large the lock."""
        found = {(result.loaded, result.configured) for result in results}
        self.assertEqual(len(found), 1, found)
        self.assertLessEqual(results[0].loaded, loaded)
        self.assertLessEqual(results[0].configured, configured)

    def test_a_new_version_is_that_package_and_the_lock(self) -> None:
        self.lock()
        results = []
        for number in SIZES:
            stanzas = self.stanzas(number)
            self.analyze(debs=stanzas)
            stanzas[1] = self.stanza("pkg1", "2")
            results.append(self.analyze(debs=stanzas))
            self.assertEqual(self.archive.asked(), ["pkg1_2_amd64.deb"])
        # The .deb and its tree; the lock and its alias; the set of packages, and the image.
        self.assert_same(results, loaded=2, configured=6)

    def test_a_new_version_in_one_of_two_locks(self) -> None:
        self.lock(name="debs")
        self.lock(name="others")
        first, second = [], []
        for number in SIZES:
            stanzas = self.stanzas(number)
            self.analyze(debs=stanzas, others=stanzas)
            bumped = [stanzas[0], self.stanza("pkg1", "2"), *stanzas[2:]]
            # The others' package is now in their own repository, and then no more.
            first.append(self.analyze(debs=bumped))
            asked = ["pkg1_1_amd64.deb", "pkg1_2_amd64.deb"]
            self.assertEqual(sorted(self.archive.asked()), asked)
            second.append(self.analyze(others=bumped))
            self.assertEqual(self.archive.asked(), [])
        self.assert_same(first, loaded=4, configured=11)
        self.assert_same(second, loaded=2, configured=4)

    def test_an_addition_is_all_of_them_but_nothing_is_fetched_or_built_again(self) -> None:
        self.lock()
        for number in SIZES:
            stanzas = self.stanzas(number)
            self.analyze(debs=stanzas)
            self.bazel("build", "//:debs_image")
            result = self.analyze(debs=[*stanzas, self.stanza("another")])
            # A package of Bazel each, and two targets; the lock, the hub and the image.
            self.assertEqual((result.loaded, result.configured), (number + 3, 2 * number + 6))
            self.assertEqual(self.archive.asked(), ["another_1_amd64.deb"])
            self.assertEqual(self.bazel("build", "//:debs_image").actions.get("DebTree"), 1)


if __name__ == "__main__":
    unittest.main()
