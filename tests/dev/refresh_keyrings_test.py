from __future__ import annotations

import contextlib
import hashlib
import io
import os
from unittest import mock

from apt2ostree.errors import UserError
from dev import refresh_keyrings
from tests.archive.local_archive import Key, main_suite, serve
from tests.support.debs import control, deb, file
from tests.support.judges import ScratchTest, need

README = (
    "| `debian-archive-keyring.gpg` | debian-archive-keyring 1 | x |\n"
    "| `ubuntu-archive-keyring.gpg` | ubuntu-keyring 1 | y |\n"
)


class RefreshKeyringsTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        need(self, "gpg")
        self.old, self.new = Key(self.scratch, "old"), Key(self.scratch, "new")
        self.addCleanup(self.old.close)
        self.addCleanup(self.new.close)
        self.directory = self.scratch / refresh_keyrings.DIRECTORY
        self.directory.mkdir(parents=True)
        (self.directory / "README.md").write_text(README)
        self.keyrings = [name for names in refresh_keyrings.PACKAGES.values() for name in names]
        for name in self.keyrings:
            (self.directory / f"{name}.gpg").write_bytes(self.old.path.read_bytes())
        self.root = self.scratch / "served"
        context = serve(self.root)
        server = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        self.sources = self.scratch / "x.sources"
        self.sources.write_text(
            f"Types: deb\nURIs: {server.url}\nSuites: test\nComponents: main\n"
            "Signed-By: debian-archive-keyring.gpg\n"
        )

    def publish(self, changed: str = "", without: str = "") -> None:
        stanzas = []
        for package, keyrings in refresh_keyrings.PACKAGES.items():
            files = []
            for name in keyrings:
                key = self.new if name == changed else self.old
                if name != without:
                    files.append(file(f"./usr/share/keyrings/{name}.gpg", key.path.read_bytes()))
            data = deb(*files, control=control(package, "2", Architecture="all"))
            path = self.root / f"pool/{package}.deb"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            fields = {"Package": package, "Version": "2", "Architecture": "all"}
            stanzas.append(
                fields
                | {
                    "Filename": f"pool/{package}.deb",
                    "Size": str(len(data)),
                    "SHA256": hashlib.sha256(data).hexdigest(),
                }
            )
        main_suite(self.root, stanzas).write(self.old)

    def refresh(self, *arguments: str) -> tuple[int, str]:
        out = io.StringIO()
        variables = {"XDG_CACHE_HOME": str(self.scratch / "cache"), "APT2OSTREE_MIRRORS": ""}
        with (
            mock.patch.dict(os.environ, variables),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            options = ["--workspace", str(self.scratch), "--sources", str(self.sources)]
            status = refresh_keyrings.main([*options, *arguments])
        return status, out.getvalue()

    def test_a_changed_keyring_is_written_and_its_keys_are_shown(self) -> None:
        self.publish(changed="ubuntu-archive-keyring")
        path = self.directory / "ubuntu-archive-keyring.gpg"
        status, text = self.refresh("--check")
        self.assertEqual(status, 1)
        self.assertEqual(path.read_bytes(), self.old.path.read_bytes())
        status, text = self.refresh()
        self.assertEqual(status, 0)
        self.assertIn(f"  + {self.new.fingerprint} new@example.org\n", text)
        self.assertIn(f"  - {self.old.fingerprint} old@example.org\n", text)
        self.assertIn("debian-archive-keyring: as in debian-archive-keyring 2\n", text)
        self.assertEqual(path.read_bytes(), self.new.path.read_bytes())
        self.assertEqual(
            (self.directory / "README.md").read_text(),
            README.replace("ubuntu-keyring 1", "ubuntu-keyring 2"),
        )
        self.assertEqual(self.refresh("--check")[0], 0)

    def test_a_package_without_the_keyring_stops_before_anything_is_written(self) -> None:
        self.publish(changed="debian-archive-keyring", without="ubuntu-archive-keyring")
        with self.assertRaises(UserError) as caught:
            self.refresh()
        self.assertEqual(
            str(caught.exception),
            "ubuntu-keyring:all=2: no usr/share/keyrings/ubuntu-archive-keyring.gpg or .pgp in "
            "it; look where the package has it now, and change refresh_keyrings.py",
        )
        path = self.directory / "debian-archive-keyring.gpg"
        self.assertEqual(path.read_bytes(), self.old.path.read_bytes())

    def test_an_archive_that_no_known_key_signed_is_refused(self) -> None:
        self.publish()
        (self.directory / "debian-archive-keyring.gpg").write_bytes(self.new.path.read_bytes())
        with self.assertRaises(UserError):
            self.refresh()

    def test_elsewhere_than_in_the_source_tree_it_says_so(self) -> None:
        with self.assertRaisesRegex(UserError, "in the rule set's own source tree"):
            refresh_keyrings.main(["--workspace", str(self.scratch / "nowhere")])


if __name__ == "__main__":
    import unittest

    unittest.main()
