"""apt of the image on a device, with the sources that were written into it, and a real archive."""

from __future__ import annotations

import hashlib
import unittest

from tests.archive.local_archive import Key, main_suite
from tests.scenarios.variants.example import run_image
from tests.support import judges, servers
from tests.support.debs import control, deb, file

KEYRING = "usr/share/keyrings/debian-archive-keyring.gpg"
NEW = "greetings"


class AptUpdateTest(judges.ScratchTest):
    """The archive's addresses are those of Debian; a proxy brings apt to the one made here.

    The device's keyring is exchanged for that of the test, because nobody but Debian can sign
    with Debian's key.
    """

    def setUp(self) -> None:
        super().setUp()
        judges.need(self, "bwrap", "gpg", "nginx")
        self.key = Key(self.scratch)
        self.addCleanup(self.key.close)
        self.served = self.scratch / "served"
        package = deb(file("./usr/share/greetings", b"hello\n"), control=control(NEW, "2.0"))
        name = f"pool/{NEW}.deb"
        stanza = {
            **dict(line.split(": ", 1) for line in control(NEW, "2.0").splitlines()),
            "Filename": name,
            "Size": str(len(package)),
            "SHA256": hashlib.sha256(package).hexdigest(),
        }
        for archive, suite in (
            ("debian", "bookworm"),
            ("debian", "bookworm-updates"),
            ("debian-security", "bookworm-security"),
        ):
            path = self.served / archive / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(package)
            main_suite(self.served / archive, [stanza], suite).write(self.key)
        self.web = servers.Nginx(self.scratch / "nginx", self.served).start(self)
        run_image(self.scratch, "product", "checkout", "--user-mode", "device")
        self.device = self.scratch / "device"
        (self.device / KEYRING).write_bytes(self.key.path.read_bytes())

    def on_device(self, *command: str) -> str:
        """Run a program of the device, as its root; what it printed."""
        full = ["bwrap", "--unshare-user", "--uid", "0", "--gid", "0"]
        full += ["--bind", str(self.device), "/"]
        full += ["--dev", "/dev", "--ro-bind", "/proc", "/proc", "--tmpfs", "/tmp", "--clearenv"]
        full += ["--setenv", "PATH", "/usr/sbin:/usr/bin:/sbin:/bin", "--chdir", "/"]
        full += ["--setenv", "DEBIAN_FRONTEND", "noninteractive"]
        return judges.run(*full, *command)

    def apt(self, *arguments: str) -> str:
        # One user is all that there is in the namespace, so apt cannot become _apt.
        options = [f"Acquire::http::Proxy={self.web.url}", "APT::Sandbox::User=root"]
        return self.on_device(
            "apt-get", *(word for option in options for word in ("-o", option)), *arguments
        )

    def test_update_finds_what_the_archive_has_and_installs_it(self) -> None:
        output = self.apt("update")
        for address in (
            "http://ftp.debian.org/debian bookworm InRelease",
            "http://ftp.debian.org/debian bookworm-updates InRelease",
            "http://security.debian.org/debian-security bookworm-security InRelease",
        ):
            self.assertIn(f"{address} ", output)
        for word in ("W:", "E:", "Err:", "Ign:"):
            self.assertNotIn(word, output)
        self.assertIn("500 http://ftp.debian.org/debian", self.on_device("apt-cache", "policy"))
        self.apt("install", "--yes", NEW)
        self.assertEqual(self.on_device("cat", "/usr/share/greetings"), "hello\n")
        shown = self.on_device("dpkg-query", "-W", "-f=${Version} ${Status}", NEW)
        self.assertEqual(shown, "2.0 install ok installed")
        self.assertEqual(self.on_device("dpkg", "--audit"), "")

    def test_an_archive_signed_by_another_key_is_refused(self) -> None:
        other = Key(self.scratch, "other")
        self.addCleanup(other.close)
        (self.device / KEYRING).write_bytes(other.path.read_bytes())
        with self.assertRaisesRegex(AssertionError, "NO_PUBKEY"):
            self.apt("update", "-o", "APT::Update::Error-Mode=any")


if __name__ == "__main__":
    unittest.main()
