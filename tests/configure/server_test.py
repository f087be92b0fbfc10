"""A server with a kernel and its initrd, judged by ostree, dpkg and its own programs."""

from __future__ import annotations

import os
import unittest
from pathlib import Path

from apt2ostree.tree.manifest import TARGET, TYPE, row_xattrs
from tests.configure import configured

CLUSTER = "var/lib/postgresql/15/main"
PROGRAMS = "/usr/lib/postgresql/15/bin"


class ServerTest(configured.ConfiguredTest):
    packages = 180
    ref = "deb/images/configure_server_debs/configured"

    def test_the_initrd_is_there_and_whole(self) -> None:
        boot = self.directory("boot").files
        (kernel,) = (name.partition("-")[2] for name in boot if name.startswith("vmlinuz-"))
        listing = self.inside("lsinitramfs", f"/boot/initrd.img-{kernel}").splitlines()
        self.assertLess(1000, len(listing))
        for path in ("init", "scripts/local", f"usr/lib/modules/{kernel}/modules.dep"):
            self.assertIn(path, listing)
        self.assertEqual(("0644", "root:root"), self.owned(f"boot/initrd.img-{kernel}"))
        links = {name: row[TARGET] for name, row in self.directory("").files.items()}
        self.assertEqual(f"boot/initrd.img-{kernel}", links["initrd.img"])
        self.assertEqual(f"boot/vmlinuz-{kernel}", links["vmlinuz"])

    def test_sudo_is_setuid_and_its_configuration_is_accepted(self) -> None:
        self.assertEqual(("4755", "root:root"), self.owned("usr/bin/sudo"))
        self.assertIn("parsed OK", self.inside("visudo", "--check"))

    def test_ping_has_its_capability(self) -> None:
        self.assertEqual({"security.capability"}, set(row_xattrs(self.row("usr/bin/ping"))))
        self.assertIn("cap_net_raw=ep", self.inside("getcap", "/usr/bin/ping"))

    def test_postgresql_has_a_place_for_its_cluster(self) -> None:
        self.assertEqual(("0700", "postgres:postgres"), self.owned(CLUSTER))
        self.assertEqual({}, self.directory(CLUSTER).files)
        self.assertEqual(
            ("0644", "postgres:postgres"), self.owned("etc/postgresql/15/main/postgresql.conf")
        )

    def test_postgresql_runs_after_the_first_start_that_the_guide_shows(self) -> None:
        guide = Path(os.environ["GUIDE"]).read_text(encoding="utf-8").splitlines()
        before = [line.partition("=")[2] for line in guide if line.startswith("ExecStartPre=")]
        self.assertEqual(2, len(before))
        start = [
            "install -d -o postgres -g postgres /run/postgresql",
            *before,
            *before,  # every start but the first finds all in place
            # Itself, as pg_ctlcluster hides from its programs who fakeroot says they are.
            f"runuser -u postgres -- {PROGRAMS}/pg_ctl start --silent -D /{CLUSTER} "
            "-o '-c config_file=/etc/postgresql/15/main/postgresql.conf'",
            f"{PROGRAMS}/pg_isready",
        ]
        self.assertIn("accepting connections", self.inside("sh", "-ec", "\n".join(start)))

    def test_no_link_to_the_certificate_that_is_made_at_first_boot_is_left(self) -> None:
        links = [
            name
            for name, row in self.directory("etc/ssl/certs").files.items()
            if row[TYPE] == "symlink" and "snakeoil" in row[TARGET]
        ]
        self.assertEqual([], links)
        self.assertEqual({}, self.directory("etc/ssl/private").files)
        self.assertEqual(("0710", "root:ssl-cert"), self.owned("etc/ssl/private"))

    def test_mail_and_ssh_servers_accept_their_configuration(self) -> None:
        self.assertIn("Exim version", self.inside("exim4", "-bV"))
        self.assertEqual(("4755", "root:root"), self.owned("usr/sbin/exim4"))
        script = "ssh-keygen -A >/dev/null && mkdir /run/sshd && /usr/sbin/sshd -t && echo fine"
        self.assertEqual("fine\n", self.inside("sh", "-ec", script))


if __name__ == "__main__":
    unittest.main()
