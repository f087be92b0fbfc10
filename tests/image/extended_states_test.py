from __future__ import annotations

import unittest

from apt2ostree.image import extended_states
from apt2ostree.image.compose import Options
from tests.support.debs import control, deb
from tests.support.images import compose_debs
from tests.support.judges import ScratchTest, need, run

PATH = extended_states.PATH
OPTIONS = Options(architectures=("amd64", "i386"), automatic=("libc6:amd64", "lib:i386", "doc:all"))


def packages(apt: str = "apt") -> list[bytes]:
    return [
        deb(control=control(apt)),
        deb(control=control("doc", Architecture="all")),
        deb(control=control("lib", Architecture="i386")),
        deb(control=control("libc6")),
    ]


class ExtendedStatesTest(ScratchTest):
    def test_packages_that_nobody_asked_for_are_automatic(self) -> None:
        self.assertEqual(
            compose_debs(packages(), OPTIONS).content(PATH),
            "Package: doc\nArchitecture: amd64\nAuto-Installed: 1\n\n"
            "Package: lib\nArchitecture: i386\nAuto-Installed: 1\n\n"
            "Package: libc6\nArchitecture: amd64\nAuto-Installed: 1\n\n",
        )

    def test_an_image_without_apt_needs_no_such_file(self) -> None:
        image = compose_debs(packages("other"), OPTIONS)
        self.assertNotIn("var/lib/apt", image.manifest.directories)

    def test_apt_mark_writes_the_same_and_reads_it(self) -> None:
        need(self, "apt-mark")
        image = compose_debs(packages(), OPTIONS)
        for path in ("var/lib/dpkg/status", PATH):
            (self.scratch / path).parent.mkdir(parents=True)
        status = image.content("var/lib/dpkg/status").replace("unpacked", "installed")
        (self.scratch / "var/lib/dpkg/status").write_text(status)
        for path in ("var/cache/apt", "etc/apt/preferences.d", "etc/apt/sources.list.d"):
            (self.scratch / path).mkdir(parents=True)
        (self.scratch / "etc/apt/sources.list").touch()
        apt_mark = (
            *("apt-mark", "-o", f"Dir={self.scratch}", "-o", "APT::Architecture=amd64"),
            *("-o", "APT::Architectures::=amd64", "-o", "APT::Architectures::=i386"),
            *("-o", f"Dir::State::status={self.scratch}/var/lib/dpkg/status"),
        )
        (self.scratch / PATH).write_text(image.content(PATH))
        auto = run(*apt_mark, "showauto").split()
        self.assertEqual(sorted(auto), ["doc", "lib:i386", "libc6"])
        self.assertEqual(run(*apt_mark, "showmanual").split(), ["apt"])
        (self.scratch / PATH).unlink()
        run(*apt_mark, "auto", "doc", "lib:i386", "libc6")
        theirs = (self.scratch / PATH).read_text().split("\n\n")
        self.assertEqual(sorted(theirs), sorted(image.content(PATH).split("\n\n")))


if __name__ == "__main__":
    unittest.main()
