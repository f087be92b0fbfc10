from __future__ import annotations

import unittest
from collections.abc import Mapping
from dataclasses import replace

from apt2ostree.errors import UserError
from apt2ostree.lock.lock_check import check_lock
from apt2ostree.lock.lock_config import LockConfig
from apt2ostree.lock.lockfile import parse_lock
from tests.archive.local_archive import index, package

CONFIG = LockConfig("//image:update_lock", "image/Packages.lock", ("web",), (), "amd64")


def problems(*stanzas: Mapping[str, str], **changes: object) -> list[str]:
    config = replace(CONFIG, **changes)  # type: ignore[arg-type]
    return check_lock(config, parse_lock(index(stanzas), "lock"))


class LockCheckTest(unittest.TestCase):
    def test_a_lock_with_everything_that_is_needed_is_fine(self) -> None:
        self.assertEqual(
            problems(
                package("web", Depends="missing | lib (>= 1), mail", Recommends="absent"),
                package("lib", "1.5", Suggests="doc"),
                package("exim", Provides="mail"),
                package("doc", Architecture="all"),
                package("base", Essential="yes"),
                package("tool", Priority="required"),
            ),
            [],
        )

    def test_a_forgotten_update_is_told(self) -> None:
        self.assertEqual(
            problems(package("web"), packages=("web", "ssh")),
            ["ssh is wanted but not there"],
        )
        self.assertEqual(
            problems(package("web"), package("ssh", Depends="crypt"), package("crypt")),
            [
                "ssh:amd64=1.0 is in the lockfile, and nothing wanted needs it",
                "crypt:amd64=1.0 is in the lockfile, and nothing wanted needs it",
            ],
        )

    def test_a_version_that_is_asked_for_must_be_the_one(self) -> None:
        self.assertEqual(problems(package("web"), packages=("web=1.0",)), [])
        self.assertEqual(
            problems(package("web"), packages=("web=2.0",)),
            ["web=2.0 is wanted but not there"],
        )

    def test_an_unmet_dependency_is_told(self) -> None:
        self.assertEqual(
            problems(package("web", Depends="lib (>= 2) | other"), package("lib")),
            ["web:amd64=1.0 needs lib (>= 2) | other (Depends), which is not there"],
        )

    def test_a_conflict_is_told(self) -> None:
        self.assertEqual(
            problems(package("web", Depends="lib", Conflicts="lib (<< 2)"), package("lib")),
            ["web:amd64=1.0 cannot be with lib:amd64=1.0: Conflicts: lib (<< 2)"],
        )

    def test_another_architecture_is_told(self) -> None:
        stanza = package("web", Architecture="arm64")
        (first, *_) = problems(stanza)
        self.assertEqual(
            first, "web:arm64=1.0 is for an architecture that is neither amd64 nor foreign"
        )
        self.assertEqual(
            problems(stanza, packages=("web:arm64",), foreign_architectures=("arm64",)), []
        )

    def test_an_excluded_package_is_told(self) -> None:
        self.assertEqual(
            problems(package("web", Depends="snap"), package("snap"), exclude=("snap",)),
            ["snap:amd64=1.0 is excluded, and in the lockfile"],
        )

    def test_without_resolving_the_named_packages_are_all(self) -> None:
        stanza = package("web", Depends="lib")
        self.assertEqual(problems(stanza, resolve=False), [])
        self.assertEqual(
            problems(stanza, package("base", Essential="yes"), resolve=False),
            ["base:amd64=1.0 is in the lockfile, and nothing wanted needs it"],
        )

    def test_a_nonsensical_item_is_an_error(self) -> None:
        with self.assertRaisesRegex(UserError, "//image:update_lock: 'a b' is not a package to"):
            problems(package("web"), packages=("a b",))


if __name__ == "__main__":
    unittest.main()
