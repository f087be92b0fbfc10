"""A vulnerability scanner on the image's dpkg data, with a list of vulnerabilities made here."""

from __future__ import annotations

import unittest
import zlib
from dataclasses import dataclass
from pathlib import Path

from apt2ostree.debian.control import parse_stanza
from tests.scenarios.variants.example import run_image
from tests.support import judges, servers

STATUS = "var/lib/dpkg/status"


@dataclass(frozen=True)
class Vulnerability:
    """An entry of debsecan's data, format 1.

    Attributes:
        name: `CVE-…`.
        package: the source package, or the binary one.
        fixed: version that it is fixed in; empty: in none.
        also_fixed: further versions that do not have it.
        binary: `package` is a binary package.
    """

    name: str
    package: str
    fixed: str = ""
    also_fixed: str = ""
    binary: bool = False


class DebsecanTest(judges.ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        judges.need(self, "debsecan", "nginx")
        self.web = servers.Nginx(self.scratch / "nginx", self.scratch / "served").start(self)
        run_image(self.scratch, "product", "checkout", "--user-mode", "device")
        stanzas = (self.scratch / "device" / STATUS).read_text().strip().split("\n\n")
        self.packages = [parse_stanza(text, STATUS) for text in stanzas]

    def scan(self, *known: Vulnerability) -> set[str]:
        """What debsecan prints: lines of vulnerability and package."""
        lines = ["VERSION 1", *(f"{one.name},,made up" for one in known), ""]
        for number, one in enumerate(known):
            flags = f"{'B' if one.binary else 'S'}H? "
            lines.append(f"{one.package},{number},{flags},{one.fixed},{one.also_fixed}")
        data = "\n".join([*lines, "", "", ""])
        Path(self.web.root, "GENERIC").write_bytes(zlib.compress(data.encode()))
        output = judges.run(
            "debsecan",
            f"--source={self.web.url}",
            f"--status={self.scratch / 'device' / STATUS}",
            f"--config={self.scratch / 'none'}",
            "--format=simple",
        )
        return set(output.splitlines())

    def test_sources_binaries_and_versions_are_recognised(self) -> None:
        version = next(one["Version"] for one in self.packages if one["Package"] == "tar")
        self.assertEqual(
            self.scan(
                Vulnerability("CVE-1", "nginx", "99"),
                Vulnerability("CVE-2", "libssl3", binary=True),
                Vulnerability("CVE-3", "tar", also_fixed=version),
                Vulnerability("CVE-4", "tar", fixed=version),
                Vulnerability("CVE-5", "not-here"),
                Vulnerability("CVE-6", "tar", fixed=f"{version}+more"),
            ),
            {"CVE-1 nginx", "CVE-1 nginx-common", "CVE-2 libssl3", "CVE-6 tar"},
        )

    def test_no_package_escapes_it(self) -> None:
        names = {one["Package"] for one in self.packages}
        sources = {one.get("Source", one["Package"]).split(" ")[0] for one in self.packages}
        found = self.scan(*(Vulnerability("CVE-1", source) for source in sorted(sources)))
        self.assertEqual(found, {f"CVE-1 {name}" for name in names})
        self.assertEqual(len(found), 105)


if __name__ == "__main__":
    unittest.main()
