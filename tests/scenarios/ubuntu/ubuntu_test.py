"""An archive as Ubuntu's are, made here: zstd packages, several suites, main and universe."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

from apt2ostree.debian.control import parse_stanza
from apt2ostree.image.compose import Options
from apt2ostree.lock.lockfile import read_lock
from apt2ostree.tree.manifest import TARGET, TYPE
from tests.archive.local_archive import Key, Suite, index, serve
from tests.support.debs import control
from tests.support.images import Composed, compose_debs
from tests.support.judges import ScratchTest, need, run
from tools import update_lock

FILES = {
    "base-files": {"etc/os-release": "NAME=Like-Ubuntu\n"},
    "libx++6": {"lib/x86_64-linux-gnu/libx.so.6": "library\n" * 10_000},
    "shell": {"bin/sh": "#!/bin/false\n", "usr/share/shell/data": "data\n"},
    "usrmerge": {"usr/lib/usrmerge/convert": "#!/bin/sh\n"},
}
COMPONENTS = {"universe": ("libx++6",)}
UPDATED = "shell"


class UbuntuTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        need(self, "dpkg-deb", "gpg")
        self.key = Key(self.scratch)
        self.addCleanup(self.key.close)
        self.root = self.scratch / "ubuntu"
        stanzas = {name: self.build(name, "1.0ubuntu1") for name in FILES}
        updates = {UPDATED: self.build(UPDATED, "1.0ubuntu1.1")}
        self.publish("jammy", stanzas)
        self.publish("jammy-updates", updates)

    def build(self, name: str, version: str) -> dict[str, str]:
        """Build a package with dpkg-deb, and return its stanza."""
        tree = self.scratch / f"{name}-{version}"
        for path, text in FILES[name].items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        depends = {"shell": "libx++6, usrmerge | usr-is-merged"}.get(name, "")
        priority = "required" if name == "base-files" else "optional"
        fields = {"Priority": priority} | ({"Depends": depends} if depends else {})
        text = control(name, version, **fields)
        (tree / "DEBIAN").mkdir()
        (tree / "DEBIAN/control").write_text(text)
        filename = f"pool/main/{name}_{version}_amd64.deb"
        deb = self.root / filename
        deb.parent.mkdir(parents=True, exist_ok=True)
        run("dpkg-deb", "--root-owner-group", "-Zzstd", "-b", tree, deb)
        self.assertIn(b"data.tar.zst", deb.read_bytes())
        return parse_stanza(text, name) | {
            "Filename": filename,
            "Size": str(deb.stat().st_size),
            "SHA256": hashlib.sha256(deb.read_bytes()).hexdigest(),
        }

    def publish(self, suite: str, stanzas: dict[str, dict[str, str]]) -> None:
        universe = COMPONENTS["universe"]
        parts = {
            "main": [stanza for name, stanza in stanzas.items() if name not in universe],
            "universe": [stanza for name, stanza in stanzas.items() if name in universe],
        }
        Suite(
            self.root / "dists" / suite,
            {f"{part}/binary-amd64/Packages": index(found) for part, found in parts.items()},
            fields={
                "Origin": "Ubuntu",
                "Label": "Ubuntu",
                "Suite": suite,
                "Components": "main universe",
            },
        ).write(self.key)

    def update(self, url: str) -> Path:
        sources = self.scratch / "ubuntu.sources"
        sources.write_text(
            f"Types: deb\nURIs: {url}\nSuites: jammy jammy-updates\n"
            f"Components: main universe\nSigned-By: {self.key.path}\n"
        )
        config = self.scratch / "config.json"
        config.write_text(
            json.dumps(
                {
                    "architecture": "amd64",
                    "keyrings": [str(self.key.path)],
                    "label": "//:lock",
                    "lockfile": "Packages.lock",
                    "packages": ["shell"],
                    "sources": [{"path": str(sources), "name": "ubuntu.sources"}],
                }
            )
        )
        variables = {
            "BUILD_WORKSPACE_DIRECTORY": str(self.scratch),
            "XDG_CACHE_HOME": str(self.scratch / "cache"),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        for command in ([], ["mirror", str(self.scratch / "pool")]):
            subprocess.run(
                [sys.executable, update_lock.__file__, "--config", config, "-q", *command],
                env={**os.environ, **variables},
                check=True,
            )
        return self.scratch / "Packages.lock"

    def compose(self, lock: Path) -> Composed:
        packages = read_lock(lock)
        pool = self.scratch / "pool"
        debs = [(pool / package.get("Filename")).read_bytes() for package in packages]
        return compose_debs(debs, Options(architectures=("amd64",)))

    def test_locked_from_suites_and_components_and_unpacked_as_dpkg_does(self) -> None:
        with serve(self.root) as server:
            lock = self.update(server.url)
            packages = {package.name: package for package in read_lock(lock)}
            self.assertEqual(sorted(packages), sorted(FILES))
            self.assertEqual(packages["shell"].version, "1.0ubuntu1.1")
            self.assertEqual(
                str(packages["shell"].origins[0]),
                f"{server.url} jammy-updates/main amd64 Packages",
            )
            self.assertEqual(
                str(packages["libx++6"].origins[0]),
                f"{server.url} jammy/universe amd64 Packages",
            )
            image = self.compose(lock)
        for package in packages.values():
            extracted = self.scratch / "extracted" / package.name
            extracted.mkdir(parents=True)
            run("dpkg-deb", "-x", self.scratch / "pool" / package.get("Filename"), extracted)
            for path in FILES[package.name]:
                text = (extracted / path).read_text()
                place = path if path.startswith(("usr/", "etc/")) else f"usr/{path}"
                self.assertEqual(image.content(place), text, path)

    def test_usr_is_merged_where_a_package_asks_for_it_with_links_for_the_architecture(
        self,
    ) -> None:
        with serve(self.root) as server:
            image = self.compose(self.update(server.url))
        top = image.manifest.directories[""].files
        links = {name: row[TARGET] for name, row in top.items() if row[TYPE] == "symlink"}
        self.assertEqual(
            links,
            {name: f"usr/{name}" for name in ("bin", "lib", "lib32", "lib64", "libx32", "sbin")},
        )
        self.assertNotIn("bin", image.manifest.directories)


class OriginalLockTest(ScratchTest):
    def test_a_lock_of_the_first_apt2ostree_loads_as_it_is(self) -> None:
        lock = self.scratch / "Packages.lock"
        lock.write_text(
            # Its fields, in its order: no Size, no origin.
            "Package: adduser\nArchitecture: all\nVersion: 3.113+nmu3ubuntu4\n"
            "Depends: perl-base (>= 5.6.0), debconf | debconf-2.0\n"
            "Filename: pool/main/a/adduser/adduser_3.113+nmu3ubuntu4_all.deb\n"
            f"MD5sum: {'0' * 32}\nSHA1: {'0' * 40}\nSHA256: {'1' * 64}\nMulti-Arch: foreign\n\n"
            "Package: libstdc++6\nArchitecture: armhf\nVersion: 5.4.0-6ubuntu1~16.04.12\n"
            "Filename: pool/main/g/gcc-5/libstdc++6_5.4.0-6ubuntu1~16.04.12_armhf.deb\n"
            f"MD5sum: {'0' * 32}\nSHA1: {'0' * 40}\nSHA256: {'2' * 64}\nMulti-Arch: same\n\n"
        )
        packages = read_lock(lock)
        self.assertEqual([package.name for package in packages], ["adduser", "libstdc++6"])
        self.assertEqual([package.origins for package in packages], [(), ()])


if __name__ == "__main__":
    unittest.main()
