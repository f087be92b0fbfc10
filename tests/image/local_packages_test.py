import unittest

from apt2ostree.errors import UserError
from apt2ostree.image import local_packages
from apt2ostree.tree.manifest import PackageRecord
from tests.support.debs import control


def record(name: str, version: str = "1", **fields: str) -> PackageRecord:
    return PackageRecord(name, version, "amd64", control(name, version, **fields))


LIBRARY = record("lib", "1.5", Provides="virtual")
OWN = [("own", "amd64")]


class LocalPackagesTest(unittest.TestCase):
    def check(self, own: PackageRecord, *others: PackageRecord) -> None:
        local_packages.check([*others, own], OWN, ["amd64"])

    def test_what_it_needs_is_there(self) -> None:
        self.check(record("own", Depends="lib (>= 1.5), nothing | virtual"), LIBRARY)

    def test_what_it_needs_is_not_there(self) -> None:
        words = (
            r"own:amd64=1 needs lib \(>= 2\) \(Depends\), which is not there\. Have the lock hold "
            "what it needs: add it to `packages` of the apt_lock"
        )
        with self.assertRaisesRegex(UserError, words):
            self.check(record("own", Depends="lib (>= 2)"), LIBRARY)

    def test_what_it_conflicts_with_and_what_conflicts_with_it(self) -> None:
        with self.assertRaisesRegex(UserError, "own:amd64=1 cannot be with lib:amd64=1.5: Breaks"):
            self.check(record("own", Breaks="lib (<< 2)"), LIBRARY)
        with self.assertRaisesRegex(UserError, "other:amd64=1 cannot be with own:amd64=1: Confli"):
            self.check(record("own"), record("other", Conflicts="own"))

    def test_what_is_wrong_without_it_is_not_its_fault(self) -> None:
        self.check(record("own"), record("careless", Depends="missing"))
        local_packages.check([record("careless", Depends="missing")], [], ["amd64"])

    def test_a_field_that_is_none(self) -> None:
        with self.assertRaisesRegex(UserError, "control file is malformed: .*own.*Depends"):
            self.check(record("own", Depends="lib (=> 1"))
        with self.assertRaisesRegex(UserError, "control file is malformed: '1:' is not a Debian"):
            self.check(record("own", Depends="lib (>= 1:)"), LIBRARY)

    def test_a_package_for_all_architectures_alone(self) -> None:
        own = PackageRecord("own", "1", "all", control("own", Architecture="all", Depends="own"))
        local_packages.check([own], [own.key], [])


if __name__ == "__main__":
    unittest.main()
