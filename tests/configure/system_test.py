"""A bootable system with an SSH server, judged by ostree, dpkg and its own programs."""

from __future__ import annotations

import unittest

from apt2ostree.sandbox import acl
from apt2ostree.tree.manifest import decode_xattrs, row_xattrs
from tests.configure import configured


class SystemTest(configured.ConfiguredTest):
    packages = 186
    ref = "deb/images/configure_system_debs/configured"

    def test_ping_has_its_capability(self) -> None:
        self.assertEqual({"security.capability"}, set(row_xattrs(self.row("usr/bin/ping"))))
        self.assertIn("cap_net_raw=ep", self.inside("getcap", "/usr/bin/ping"))

    def test_the_journal_has_its_acls(self) -> None:
        self.assertEqual(("2755", "root:systemd-journal"), self.owned("var/log/journal"))
        xattrs = decode_xattrs(self.directory("var/log/journal").xattrs)
        self.assertEqual({acl.ACCESS, acl.DEFAULT}, set(xattrs))

    def test_owners_and_setuid_bits_are_those_of_a_real_system(self) -> None:
        self.assertEqual(("4755", "root:root"), self.owned("usr/bin/su"))
        self.assertEqual(("2755", "root:_ssh"), self.owned("usr/bin/ssh-agent"))
        self.assertEqual(
            ("4754", "root:messagebus"), self.owned("usr/lib/dbus-1.0/dbus-daemon-launch-helper")
        )
        self.assertEqual(("0755", "man:man"), self.owned("var/cache/man"))
        self.assertEqual(("1730", "root:crontab"), self.owned("var/spool/cron/crontabs"))

    def test_services_are_enabled(self) -> None:
        units = self.inside("systemctl", "is-enabled", "ssh.service", "cron.service").split()
        self.assertEqual(["enabled", "enabled"], units)

    def test_sshd_accepts_its_configuration_once_it_has_keys(self) -> None:
        script = "ssh-keygen -A >/dev/null && mkdir /run/sshd && /usr/sbin/sshd -t && echo fine"
        self.assertEqual("fine\n", self.inside("sh", "-ec", script))

    def test_python_runs(self) -> None:
        program = "import ssl, sqlite3; print(ssl.create_default_context().cert_store_stats())"
        self.assertIn("'x509_ca': 1", self.inside("python3", "-c", program))


if __name__ == "__main__":
    unittest.main()
