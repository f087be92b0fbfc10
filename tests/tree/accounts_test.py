import unittest

from apt2ostree.errors import UserError
from apt2ostree.tree import accounts
from apt2ostree.tree.manifest import Group, User

PASSWD = "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
GROUP = "root:x:0:\nadm:x:4:syslog\nwww-data:x:33:\n"
TEXTS = {"etc/passwd": PASSWD, "etc/group": GROUP}


class AccountsTest(unittest.TestCase):
    def test_names_and_numbers(self) -> None:
        known = accounts.from_texts(TEXTS, "//image:rootfs")
        self.assertEqual(
            (known.uid("www-data"), known.gid("adm"), known.uid("4711")), (33, 4, 4711)
        )

    def test_an_unknown_name_says_where_it_was_looked_for_and_what_to_do(self) -> None:
        known = accounts.from_texts(TEXTS, "//image:rootfs")
        with self.assertRaisesRegex(UserError, r"unknown user 'nginx': //image:rootfs has no such"):
            known.uid("nginx")
        with self.assertRaisesRegex(UserError, r"unknown group 'x'.* declare it in `groups`"):
            accounts.Accounts().gid("x")

    def test_the_lists_of_base_passwd_count_where_nothing_is_configured(self) -> None:
        texts = {
            "usr/share/base-passwd/passwd.master": PASSWD,
            "usr/share/base-passwd/group.master": GROUP,
        }
        self.assertEqual(accounts.from_texts(texts, "x").uid("www-data"), 33)
        added = accounts.add(texts, {"app": User(700)}, {})
        self.assertEqual(sorted(added), ["etc/group", "etc/passwd"])

    def test_a_malformed_line_is_told_by_its_number(self) -> None:
        with self.assertRaisesRegex(UserError, r"x: /etc/passwd:2: expected NAME:PASSWORD:ID"):
            accounts.from_texts({"etc/passwd": "a:x:1:1:::\nnonsense\n"}, "x")

    def test_adding_a_user_and_its_group(self) -> None:
        added = accounts.add(TEXTS, {"app": User(700, home="/srv", comment="App")}, {})
        self.assertEqual(added["etc/passwd"], PASSWD + "app:*:700:700:App:/srv:/usr/sbin/nologin\n")
        self.assertEqual(added["etc/group"], GROUP + "app:x:700:\n")

    def test_with_shadow_files_the_password_is_locked_there(self) -> None:
        texts = {**TEXTS, "etc/shadow": "root:*:19000:0:99999:7:::\n", "etc/gshadow": "root:*::\n"}
        added = accounts.add(texts, {"app": User(700)}, {})
        self.assertIn("app:x:700:700:", added["etc/passwd"])
        self.assertTrue(added["etc/shadow"].endswith("\napp:!*:::::::\n"))
        self.assertTrue(added["etc/gshadow"].endswith("\napp:!::\n"))

    def test_members_are_added_to_a_group_that_is_there(self) -> None:
        groups = {"adm": Group(members=("app", "syslog"))}
        added = accounts.add(
            TEXTS | {"etc/passwd": PASSWD + "syslog:x:9:9::/:/\n"}, {"app": User(700)}, groups
        )
        self.assertIn("adm:x:4:syslog,app\n", added["etc/group"])

    def test_members_for_a_group_that_is_nowhere(self) -> None:
        words = "group web: no gid given, and there is no such group in the tree's own users and "
        with self.assertRaisesRegex(UserError, words + "groups .*: give a gid, or name in `acc"):
            accounts.declare(accounts.Accounts({}, {}), {}, {"web": Group(None, ("u",))})

    def test_taken_ids_and_names(self) -> None:
        with self.assertRaisesRegex(UserError, r"user app: the id 33 is www-data's already"):
            accounts.add(TEXTS, {"app": User(33, group="www-data")}, {})
        with self.assertRaisesRegex(UserError, r"group app with gid 4|the id 4 is adm's already"):
            accounts.add(TEXTS, {}, {"app": Group(4)})
        with self.assertRaisesRegex(UserError, r"user www-data: the image has it already"):
            accounts.add(TEXTS, {"www-data": User(900)}, {})
        with self.assertRaisesRegex(UserError, r"group adm: unknown member 'nobody'"):
            accounts.add(TEXTS, {}, {"adm": Group(members=("nobody",))})

    def test_hostile_fields(self) -> None:
        for user in (User(1, home="/a:b"), User(1, comment="x\nroot2:x:0:0"), User(-1)):
            with self.assertRaises(UserError):
                accounts.add(TEXTS, {"app": user}, {})
        with self.assertRaisesRegex(UserError, "expected a name of lower-case letters"):
            accounts.add(TEXTS, {"App:x": User(1)}, {})

    def test_an_image_without_accounts(self) -> None:
        with self.assertRaisesRegex(UserError, "nor the package base-passwd to make them"):
            accounts.add({}, {"app": User(1)}, {})


if __name__ == "__main__":
    unittest.main()
