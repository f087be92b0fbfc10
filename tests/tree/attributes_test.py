import json
import unittest

from apt2ostree.errors import UserError
from apt2ostree.tree import attributes
from apt2ostree.tree.attributes import Attributes


def text(**values: object) -> str:
    """What the Starlark side writes."""
    nothing = {"owner": "", "group": "", "mode": "", "xattrs": {}, "capabilities": ""}
    return json.dumps({**nothing, **values})


class AttributesTest(unittest.TestCase):
    def test_of_several_rules_the_later_one_wins_per_attribute(self) -> None:
        rules = attributes.rules(
            [("usr/**", text(owner="a", mode="700")), ("usr/bin/x", text(mode="04755"))]
        )
        self.assertEqual(rules.find("usr/bin/x"), Attributes(owner="a", mode="4755"))
        self.assertEqual(rules.find("usr/lib"), Attributes(owner="a", mode="0700"))
        self.assertEqual(rules.find("etc"), Attributes())
        rules.check_all_used()

    def test_a_rule_that_matches_nothing_is_an_error(self) -> None:
        rules = attributes.rules([("usr/bin/tpyo", text(mode="0755"))])
        with self.assertRaisesRegex(UserError, "'usr/bin/tpyo' matches no path of the tree"):
            rules.check_all_used()

    def test_values_of_extended_attributes(self) -> None:
        found = attributes.parse(
            text(xattrs={"user.a": "text", "user.b": "0x00ff", "user.c": "0sAP8="})
        )
        self.assertEqual(
            found.xattrs, {"user.a": b"text", "user.b": b"\0\xff", "user.c": b"\0\xff"}
        )

    def test_capabilities_are_an_extended_attribute(self) -> None:
        self.assertIn(
            "security.capability", attributes.parse(text(capabilities="cap_chown=p")).xattrs
        )

    def test_malformed_values(self) -> None:
        for value, words in (
            (text(mode="rwx"), "mode 'rwx': expected permission bits in octal"),
            (text(mode="100644"), "mode '100644'"),
            (text(xattrs={"a": "b"}), "'a': expected a namespace, as in 'user.a'"),
            (text(xattrs={"user.a": "0xzz"}), "user.a: '0xzz'"),
        ):
            with self.subTest(words), self.assertRaisesRegex(UserError, words):
                attributes.rules([("x", value)])


if __name__ == "__main__":
    unittest.main()
