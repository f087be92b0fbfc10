import unittest

from apt2ostree.image import usrmerge


class UsrmergeTest(unittest.TestCase):
    def test_auto_follows_the_marker_packages(self) -> None:
        self.assertTrue(usrmerge.wanted("auto", ["bash", "usr-is-merged"]))
        self.assertTrue(usrmerge.wanted("auto", ["usrmerge"]))
        self.assertFalse(usrmerge.wanted("auto", ["bash"]))
        self.assertTrue(usrmerge.wanted("yes", []))
        self.assertFalse(usrmerge.wanted("no", ["usrmerge"]))

    def test_the_links_of_amd64_and_arm64(self) -> None:
        self.assertEqual(
            usrmerge.links("amd64"),
            {name: f"usr/{name}" for name in ("bin", "lib", "lib32", "lib64", "libx32", "sbin")},
        )
        self.assertEqual(sorted(usrmerge.links("arm64")), ["bin", "lib", "sbin"])
        self.assertEqual(sorted(usrmerge.links("")), ["bin", "lib", "sbin"])


if __name__ == "__main__":
    unittest.main()
