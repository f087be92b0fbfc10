import json
import unittest

from apt2ostree.ship import cyclonedx, inventory, spdx
from apt2ostree.ship.inventory import Inventory
from tests.support import sboms
from tests.support.copyrights import FILE
from tests.support.debs import control, deb, file, symlink
from tests.support.judges import ScratchTest
from tests.support.variants import build

CREATED = "2026-11-23T06:20:31Z"
LOCK = f"""\
Package: nginx
Version: 1.22.1-9
Architecture: amd64
Filename: pool/n/nginx.deb
SHA256: {"ab" * 32}
APT-Sources: http://ftp.debian.org/debian bookworm/main amd64 Packages
"""


class SbomCase(ScratchTest):
    def take(self, os_release: str = 'ID=debian\nVERSION_ID="12"\n') -> Inventory:
        image = build(
            self.scratch / "image",
            [
                deb(
                    file("./usr/lib/os-release", os_release.encode()),
                    symlink("./etc/os-release", "../usr/lib/os-release"),
                    control=control("base-files"),
                ),
                deb(
                    file("./usr/share/doc/nginx/copyright", FILE.encode()),
                    control=control(
                        "nginx", "1.22.1-9", Depends="libstdc++6", Homepage="https://nginx.org"
                    ),
                ),
                deb(
                    control=control(
                        "libstdc++6",
                        "1:12+1",
                        Source="gcc-12 (12.2)",
                        Maintainer="Weird (Name) <a@b.c>",
                    )
                ),
            ],
            locks={"debs": LOCK},
        )
        return inventory.take(image.built, CREATED)


class InventoryTest(SbomCase):
    def test_package_urls_carry_the_distribution(self) -> None:
        self.assertEqual(
            [item.purl for item in self.take().items],
            [
                "pkg:deb/debian/base-files@1?arch=amd64&distro=debian-12",
                "pkg:deb/debian/libstdc%2B%2B6@1:12%2B1?arch=amd64&distro=debian-12&upstream=gcc-12%4012.2",
                "pkg:deb/debian/nginx@1.22.1-9?arch=amd64&distro=debian-12",
            ],
        )

    def test_a_release_without_a_number_goes_by_its_name(self) -> None:
        found = self.take("ID=debian\nVERSION_CODENAME=sid\n")
        self.assertTrue(found.items[0].purl.endswith("distro=debian-sid"))

    def test_an_image_whose_etc_is_elsewhere(self) -> None:
        release = file("./usr/lib/os-release", b'ID=debian\nVERSION_ID="12"\n')
        image = build(self.scratch / "image", [deb(release, control=control("a"))])
        found = inventory.take(image.built, CREATED)
        self.assertEqual(found.items[0].purl, "pkg:deb/debian/a@1?arch=amd64&distro=debian-12")

    def test_origin_and_checksum_are_the_locks(self) -> None:
        _, library, nginx = self.take().items
        self.assertEqual(nginx.url, "http://ftp.debian.org/debian/pool/n/nginx.deb")
        self.assertEqual(nginx.checksum, "ab" * 32)
        self.assertEqual((library.url, library.checksum), ("", ""))
        self.assertEqual(nginx.needs, (library.purl,))
        self.assertIn("MIT", nginx.licenses.ids)

    def test_os_release_is_read_as_a_shell_would(self) -> None:
        text = "# c\nID='ubuntu'\nVERSION_ID=\"24.04\"\nBROKEN='\n"
        self.assertEqual(inventory.parse_os_release(text), {"ID": "ubuntu", "VERSION_ID": "24.04"})


class DocumentsTest(SbomCase):
    def test_spdx(self) -> None:
        data = json.loads(spdx.document(self.take()))
        nginx = next(item for item in data["packages"] if item["name"] == "nginx")
        self.assertEqual(nginx["checksums"], [{"algorithm": "SHA256", "checksumValue": "ab" * 32}])
        self.assertIn("LicenseRef-odd-license", nginx["licenseDeclared"])
        self.assertEqual(
            data["hasExtractedLicensingInfos"][0]["licenseId"], "LicenseRef-odd-license"
        )
        kinds = {item["relationshipType"] for item in data["relationships"]}
        self.assertEqual(kinds, {"DESCRIBES", "CONTAINS", "DEPENDS_ON"})

    def test_the_same_image_at_the_same_time_gives_the_same_documents(self) -> None:
        taken = self.take()
        self.assertEqual(spdx.document(taken), spdx.document(taken))
        self.assertIn(str(taken.uuid), cyclonedx.document(taken))

    def test_spdx_tools_finds_no_fault(self) -> None:
        sboms.check_spdx(self, self.scratch, spdx.document(self.take()))

    def test_cyclonedx_finds_no_fault(self) -> None:
        sboms.check_cyclonedx(self, cyclonedx.document(self.take()))

    def test_packageurl_reads_the_same_urls(self) -> None:
        sboms.check_package_urls(self, [item.purl for item in self.take().items])


if __name__ == "__main__":
    unittest.main()
