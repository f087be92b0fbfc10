"""The order of preinsts, and what they register."""

from __future__ import annotations

import unittest

from apt2ostree.configure import scripts
from apt2ostree.configure.scripts import Override
from apt2ostree.tree.manifest import PackageRecord


def package(name: str, pre_depends: str = "", **info: str) -> PackageRecord:
    control = f"Package: {name}\nVersion: 1\nArchitecture: all\n"
    if pre_depends:
        control += f"Pre-Depends: {pre_depends}\n"
    row = ["file", "0755", 0, 0, 1, "0" * 64]
    files = {f"{name}.{kind}": row for kind in info}
    return PackageRecord(name, "1", "all", control, info=files)


def names(packages: list[PackageRecord]) -> list[str]:
    return [package.name for package in scripts.in_order(packages)]


class OrderTest(unittest.TestCase):
    def test_base_passwd_comes_first(self) -> None:
        self.assertEqual(["base-passwd", "a"], names([package("a"), package("base-passwd")]))

    def test_what_is_pre_depended_on_comes_before(self) -> None:
        packages = [package("a", "b (>= 1), c | d"), package("b"), package("d"), package("e")]
        self.assertEqual(["b", "d", "a", "e"], names(packages))

    def test_circles_are_broken(self) -> None:
        self.assertEqual(["b", "a"], names([package("a", "b"), package("b", "a")]))

    def test_only_packages_with_a_preinst_have_one(self) -> None:
        with_one = package("a", preinst="", templates="")
        (found,) = scripts.preinsts([with_one, package("b", postinst="")])
        self.assertEqual(
            {"preinst": "a.preinst", "templates": "a.templates"}, found.control_files()
        )
        environment = found.environment("1.21")
        self.assertEqual("a", environment["DPKG_MAINTSCRIPT_PACKAGE"])
        self.assertEqual("preinst", environment["DPKG_MAINTSCRIPT_NAME"])
        self.assertEqual("1.21", environment["DPKG_RUNNING_VERSION"])


class DatabaseTest(unittest.TestCase):
    def test_overrides_set_the_owner_before_the_mode(self) -> None:
        (override,) = scripts.parse_overrides("root #42 2755 /usr/bin/with blank\n")
        self.assertEqual(Override("root", "#42", "2755", "/usr/bin/with blank"), override)
        self.assertEqual(
            [
                ["chown", "--", "root:42", "/usr/bin/with blank"],
                ["chmod", "--", "2755", "/usr/bin/with blank"],
            ],
            override.commands(),
        )

    def test_the_users_environment_wins(self) -> None:
        environment = scripts.environment(5, {"LC_ALL": "de_DE.UTF-8", "X": "y"})
        self.assertEqual("de_DE.UTF-8", environment["LC_ALL"])
        self.assertEqual("5", environment["SOURCE_DATE_EPOCH"])


if __name__ == "__main__":
    unittest.main()
