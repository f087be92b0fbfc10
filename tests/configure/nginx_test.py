"""examples/nginx, configured, judged by ostree, dpkg and nginx itself."""

from __future__ import annotations

import unittest

from tests.configure import configured
from tests.configure.configured import bazel_run


class NginxTest(configured.ConfiguredTest):
    packages = 105
    ref = "deb/images/nginx_debs/configured"

    def test_nginx_accepts_its_configuration(self) -> None:
        self.assertIn("test is successful", self.inside("nginx", "-t"))

    def test_accounts_are_there(self) -> None:
        line = self.inside("getent", "passwd", "www-data").strip()
        self.assertEqual("www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin", line)

    def test_owners_and_setuid_bits_are_those_of_a_real_system(self) -> None:
        self.assertEqual(("4755", "root:root"), self.owned("usr/bin/su"))
        self.assertEqual(("0640", "root:shadow"), self.owned("etc/shadow"))
        self.assertEqual(("0640", "www-data:adm"), self.owned("var/log/nginx/access.log"))
        self.assertEqual(("2755", "root:shadow"), self.owned("usr/bin/chage"))
        self.assertEqual(("2775", "root:mail"), self.owned("var/mail"))

    def test_a_shells_exit_status_is_passed_on(self) -> None:
        self.assertEqual(7, bazel_run("shell", "--", "sh", "-c", "exit 7").returncode)
        missing = bazel_run("shell", "--", "no-such-program")
        self.assertEqual(127, missing.returncode)
        self.assertIn("no-such-program: No such file or directory", missing.stdout)

    def test_what_a_shell_changes_is_thrown_away(self) -> None:
        self.inside("touch", "/srv/changed")
        self.assertEqual("", self.inside("ls", "/srv"))


if __name__ == "__main__":
    unittest.main()
