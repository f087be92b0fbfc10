import unittest

from apt2ostree.disk import life
from apt2ostree.disk.life import Expected
from apt2ostree.tree.manifest import Manifest, PackageRecord

IMAGE = Manifest(
    {},
    [PackageRecord("dash", "0.5", "amd64", "")],
    texts={"etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/group": "root:x:0:\n"},
)
BOOT = """\
state running
deployment {commit}.0
machine-id 1234
package dash 0.5 amd64
passwd root:x:0:0::/root:/bin/sh
passwd apt2ostree-test:x:12345:12345::/:/bin/sh
group root:x:0:
kept kept
kept edited
"""
UPGRADE = """\
unsigned error: GPG verification enabled, but no signatures found
foreign error: GPG signatures found, but none are in trusted keyring
tampered error: Corrupted commit object
upgrade Transaction complete; bootconfig swap
"""
EXPECTED = [
    Expected("first boot", "aa", IMAGE),
    Expected("after the upgrade", "bb", IMAGE, later=True),
    Expected("after going back", "aa", IMAGE, later=True),
]


def answers(*texts: str) -> list[str]:
    return [
        line
        for number, text in enumerate(texts, 1)
        for line in [f"boot {number}", *text.splitlines(), f"end {number}"]
    ]


class LifeTest(unittest.TestCase):
    def setUp(self) -> None:
        self.first = BOOT.format(commit="aa") + UPGRADE
        self.second, self.third = BOOT.format(commit="bb"), BOOT.format(commit="aa")

    def faults(self) -> list[str]:
        said = life.boots(answers(self.first, self.second, self.third))
        return list(life.faults(said, EXPECTED))

    def test_a_whole_life(self) -> None:
        self.assertEqual(self.faults(), [])

    def test_a_device_that_does_not_answer(self) -> None:
        self.assertEqual(
            list(life.faults(life.boots([]), EXPECTED[:1])),
            ["first boot: the device did not answer"],
        )
        cut = answers(self.first)[:-1]
        self.assertEqual(
            list(life.faults(life.boots(cut), EXPECTED[:1])),
            ["first boot: it did not come to its end"],
        )

    def test_a_unit_that_failed(self) -> None:
        self.second = "failed x.service loaded failed\n" + self.second.replace(
            "state running", "state degraded"
        )
        self.assertEqual(
            self.faults(),
            [
                "after the upgrade: the system is 'degraded', not 'running'; failed: "
                "x.service loaded failed"
            ],
        )

    def test_another_version_than_expected(self) -> None:
        self.second = self.third
        self.assertEqual(self.faults(), ["after the upgrade: 'aa.0' is booted, expected bb.0"])

    def test_what_can_be_written_to(self) -> None:
        self.first += "writable /usr\n"
        self.assertEqual(self.faults(), ["first boot: /usr is writable"])

    def test_dpkg_that_tells_of_another_version(self) -> None:
        self.third = "audit broken\n" + self.third.replace("dash 0.5", "dash 0.6")
        self.assertEqual(
            self.faults(),
            [
                "after going back: dpkg --audit: broken",
                "after going back: package dash 0.5 amd64 is not in both the image and what dpkg "
                "lists",
                "after going back: package dash 0.6 amd64 is not in both the image and what dpkg "
                "lists",
            ],
        )

    def test_ids_that_are_others(self) -> None:
        self.second = self.second.replace("group root:x:0:", "group root:x:1:")
        self.assertEqual(self.faults(), ["after the upgrade: group: root has id 1, expected 0"])

    def test_what_is_not_kept(self) -> None:
        self.second = (
            self.second.replace("kept edited\n", "")
            .replace("apt2ostree-test", "x")
            .replace("machine-id 1234", "machine-id 5")
        )
        self.assertEqual(
            self.faults(),
            [
                "after the upgrade: a file in /var or one in /etc, made on the device, was not "
                "kept",
                "after the upgrade: a user made on the device was not kept",
                "after the upgrade: its machine-id is another than at the first boot",
            ],
        )

    def test_checks_that_fail(self) -> None:
        self.first += "check no such thing\nchecked 3\n"
        self.assertEqual(
            self.faults(), ["first boot: `checks` failed with status 3:\nno such thing"]
        )

    def test_an_upgrade_that_is_refused_or_one_that_is_not(self) -> None:
        lines = "".join(f"{branch} 12 objects\n" for branch in life.REFUSED)
        self.first = BOOT.format(commit="aa") + lines + "upgrade error: no network\n"
        self.assertEqual(
            self.faults(),
            [
                "a commit without a signature was not refused for it: '12 objects'",
                "a commit signed with another key was not refused for it: '12 objects'",
                "a commit that was tampered with was not refused for it: '12 objects'",
                "ostree admin upgrade: error: no network",
            ],
        )

    def test_what_a_machine_is_given(self) -> None:
        given = life.credentials("true\n")
        self.assertIn("boot N", given["apt2ostree.life"])
        self.assertEqual(given["apt2ostree.checks"], "true\n")
        self.assertNotIn("apt2ostree.remote", given)


if __name__ == "__main__":
    unittest.main()
