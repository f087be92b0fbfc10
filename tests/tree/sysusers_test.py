import unittest

from apt2ostree.errors import UserError
from apt2ostree.tree import sysusers
from apt2ostree.tree.manifest import Group, User
from apt2ostree.tree.sysusers import Declared
from tests.support import judges
from tests.support.judges import ScratchTest

TEXT = """\
g _ssh 101
g app 900
g daemons 901
u sshd 102:nogroup "" /run/sshd /usr/sbin/nologin
u app 900:app "The \\"App\\", 100%%" "/srv/a b" /bin/sh
m www-data app
m app shadow
"""
DECLARED = Declared(
    {
        "sshd": User(102, "nogroup", "/run/sshd"),
        "app": User(900, "", "/srv/a b", "/bin/sh", 'The "App", 100%'),
    },
    {
        "_ssh": Group(101),
        "app": Group(900, ("www-data",)),
        "daemons": Group(901),
        "shadow": Group(None, ("app",)),
    },
)
TEXTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n"
    "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    "sshd:x:102:65534::/run/sshd:/usr/sbin/nologin\n"
    'app:x:900:900:The "App", 100%:/srv/a b:/bin/sh\n',
    "etc/group": "root:x:0:\nshadow:x:42:app\nwww-data:x:33:\nnogroup:x:65534:\n"
    "_ssh:x:101:\napp:x:900:www-data\ndaemons:x:901:\n",
    "usr/share/base-passwd/passwd.master": "root::0:0:root:/root:/bin/bash\n"
    "www-data:*:33:33:www-data:/var/www:/usr/sbin/nologin\n"
    "nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "usr/share/base-passwd/group.master": "root:*:0:\nshadow:*:42:\nwww-data:*:33:\n"
    "nogroup:*:65534:\n",
}


class SysusersTest(unittest.TestCase):
    def test_what_lines_say(self) -> None:
        self.assertEqual(sysusers.parse(f"# a comment\n\n{TEXT}", "accounts.txt"), DECLARED)

    def test_they_are_written_by_number(self) -> None:
        self.assertEqual(sysusers.dump(DECLARED), TEXT)

    def test_what_an_image_has_besides_the_fixed_ones(self) -> None:
        self.assertEqual(sysusers.of_texts(TEXTS), DECLARED)
        self.assertEqual(sysusers.of_texts({}), Declared())

    def test_an_own_group_of_another_number_is_named(self) -> None:
        found = sysusers.of_texts(
            {"etc/passwd": "a:x:100:107::/:/bin/sh\n", "etc/group": "a:x:107:\n"}
        )
        text = sysusers.dump(found)
        self.assertEqual(text, 'g a 107\nu a 100:a "" / /bin/sh\n')
        self.assertEqual(sysusers.dump(sysusers.parse(text, "x")), text)

    def test_moved_ids(self) -> None:
        after = {
            "etc/passwd": TEXTS["etc/passwd"].replace("sshd:x:102:", "sshd:x:103:"),
            "etc/group": TEXTS["etc/group"].replace("_ssh:x:101:", "_ssh:x:102:"),
        }
        self.assertEqual(
            list(sysusers.moved(TEXTS, after)),
            ["user sshd: its id was 102 and is 103", "group _ssh: its id was 101 and is 102"],
        )
        self.assertEqual(list(sysusers.moved(TEXTS, TEXTS)), [])
        self.assertEqual(list(sysusers.moved({}, TEXTS)), [])


class RefusedTest(unittest.TestCase):
    def refused(self, words: str, text: str) -> None:
        with self.assertRaisesRegex(UserError, words):
            sysusers.parse(text, "accounts.txt")

    def test_lines_of_another_form(self) -> None:
        self.refused("^accounts.txt:2: expected g NAME GID or m USER GROUP or u NAME", "\nr - 1-9")
        self.refused("accounts.txt:1: expected g NAME GID, got 'g x'", "g x")
        self.refused("accounts.txt:1: expected u NAME UID:GROUP", "u x 1 c / /bin/sh")
        self.refused("accounts.txt:1: expected an id, got '-'", "g x -")
        self.refused("accounts.txt:1: No closing quotation: 'u x \"'", 'u x "')

    def test_what_is_there_twice(self) -> None:
        self.refused("accounts.txt:2: the group x is in the file twice", "g x 1\ng x 2")
        self.refused("accounts.txt:2: the id 1 is x's already", "g x 1\ng y 1")
        user = 'u {} 1:nogroup "" / /bin/sh\n'
        self.refused("accounts.txt:2: the id 1 is x's already", user.format("x") + user.format("y"))
        self.refused("accounts.txt:2: the user x is in the file twice", user.format("x") * 2)


class JudgedTest(ScratchTest):
    def test_systemd_adds_what_a_passwd_of_the_device_lacks(self) -> None:
        judges.need(self, "systemd-sysusers")
        (self.scratch / "etc").mkdir()
        own = "root:x:0:0:root:/root:/bin/bash\nmine:x:1000:1000::/home/mine:/bin/sh\n"
        for name in ("passwd", "group"):
            text = TEXTS[f"usr/share/base-passwd/{name}.master"]
            (self.scratch / "etc" / name).write_text(text + own * (name == "passwd"))
        path = self.scratch / "usr/lib/sysusers.d/00-apt2ostree.conf"
        path.parent.mkdir(parents=True)
        path.write_text(TEXT)
        said = judges.run(
            *judges.in_namespace('systemd-sysusers --root="$1"', self.scratch), check=False
        )
        passwd = (self.scratch / "etc/passwd").read_text()
        self.assertIn("sshd:x:102:65534:", passwd, said)
        self.assertIn('app:x:900:900:The "App", 100%:/srv/a b:/bin/sh\n', passwd)
        self.assertIn("mine:x:1000:1000::", passwd)
        group = (self.scratch / "etc/group").read_text()
        self.assertIn("_ssh:x:101:\n", group)
        self.assertIn("app:x:900:www-data\n", group)
        self.assertRegex(group, "shadow:.*:42:app\n")


if __name__ == "__main__":
    unittest.main()
