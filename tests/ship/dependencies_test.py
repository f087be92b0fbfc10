import unittest

from apt2ostree.ship import dependencies
from apt2ostree.tree.manifest import PackageRecord
from tests.support.debs import control


def record(
    name: str, version: str = "1", architecture: str = "amd64", **fields: str
) -> PackageRecord:
    return PackageRecord(name, version, architecture, control(name, version, **fields))


class DependenciesTest(unittest.TestCase):
    def edges(self, *records: PackageRecord) -> dict[str, list[tuple[str, str]]]:
        return {
            key[0]: [(edge.field, edge.target[0]) for edge in found]
            for key, found in dependencies.edges(records).items()
        }

    def test_the_alternative_that_the_image_has(self) -> None:
        found = self.edges(record("a", Depends="x | b (>= 2), c"), record("b", "2"))
        self.assertEqual(found, {"a": [("Depends", "b")], "b": []})

    def test_virtual_packages_and_versions(self) -> None:
        found = self.edges(
            record("a", Depends="mta, web (>= 2)"),
            record("b", Provides="mta, web"),
            record("c", Provides="web (= 3)"),
        )
        self.assertEqual(found["a"], [("Depends", "b"), ("Depends", "c")])

    def test_the_strongest_field_counts_and_no_package_needs_itself(self) -> None:
        found = self.edges(
            record("a", Recommends="b, a", Suggests="b"), record("b", Pre_Depends="a", Depends="a")
        )
        self.assertEqual(found, {"a": [("Recommends", "b")], "b": [("Pre-Depends", "a")]})


if __name__ == "__main__":
    unittest.main()
