import unittest

from apt2ostree.device import accounts
from apt2ostree.image.compose import Options
from apt2ostree.tree import sysusers
from tests.support.debs import control, deb, directory, file
from tests.support.images import compose_debs

FIXED = {
    "usr/share/base-passwd/passwd.master": "root::0:0:root:/root:/bin/bash\n",
    "usr/share/base-passwd/group.master": "root:*:0:\nnogroup:*:65534:\n",
}
IMAGE = {
    **FIXED,
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nsshd:x:101:65534::/run/sshd:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n_ssh:x:101:\n",
}
LINES = 'g _ssh 101\nu sshd 101:nogroup "" /run/sshd /bin/false\n'


class AccountsTest(unittest.TestCase):
    def test_the_first_file(self) -> None:
        self.assertEqual(accounts.updated("", IMAGE, "accounts.txt"), accounts.HEADING + LINES)

    def test_what_is_in_it_stays(self) -> None:
        old = 'g gone 300\nu sshd 100:nogroup "" /run/sshd /bin/false\n'
        new = accounts.updated(old, IMAGE, "accounts.txt")
        wanted = 'g _ssh 101\ng gone 300\nu sshd 100:nogroup "" /run/sshd /bin/false\n'
        self.assertEqual(new, accounts.HEADING + wanted)
        self.assertEqual(accounts.updated(new, IMAGE, "accounts.txt"), new)

    def test_what_it_lacks(self) -> None:
        self.assertEqual(
            list(accounts.faults("", IMAGE, "accounts.txt")),
            ["user sshd, with id 101, is not in it", "group _ssh, with id 101, is not in it"],
        )
        self.assertEqual(list(accounts.faults(LINES, IMAGE, "accounts.txt")), [])
        self.assertEqual(
            list(accounts.faults(LINES.replace("101", "7"), IMAGE, "accounts.txt")),
            [
                "user sshd has id 101 in the image, and 7 in it",
                "group _ssh has id 101 in the image, and 7 in it",
            ],
        )

    def test_they_are_in_force_before_the_first_script(self) -> None:
        masters = [
            file(f"./{path}", text.encode()) for path, text in FIXED.items() if "master" in path
        ]
        package = deb(
            *(directory(f"./{path}") for path in ("usr", "usr/share", "usr/share/base-passwd")),
            *masters,
            control=control("base-passwd"),
        )
        image = compose_debs([package], Options(accounts=sysusers.parse(LINES, "accounts.txt")))
        passwd = "root::0:0:root:/root:/bin/bash\nsshd:*:101:65534::/run/sshd:/bin/false\n"
        self.assertEqual(image.content("etc/passwd"), passwd)
        self.assertIn("_ssh:x:101:\n", image.content("etc/group"))


if __name__ == "__main__":
    unittest.main()
