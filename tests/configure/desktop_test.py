"""A GNOME desktop with LibreOffice, judged by ostree, dpkg and its own programs."""

from __future__ import annotations

import unittest

from apt2ostree.sandbox import acl
from apt2ostree.tree.manifest import TARGET, TYPE, decode_xattrs, row_xattrs
from tests.configure import configured

LOOK = """\
getent passwd Debian-gdm | cut -d: -f1,5,6
stat -c '%a %U:%G' /usr/bin/su
su -s /bin/sh -c 'id -un' Debian-gdm
systemctl get-default
systemctl is-enabled NetworkManager.service bluetooth.service
getcap /usr/lib/x86_64-linux-gnu/gstreamer1.0/gstreamer-1.0/gst-ptp-helper | cut -d' ' -f2
gnome-shell --version | cut -d. -f1
gsettings get org.gnome.desktop.background picture-uri
fc-match --format '%{family}\\n' sans
gio mime application/vnd.oasis.opendocument.text | head -n 1
python3 -c 'import gi; gi.require_version("Gtk", "4.0"); import gi.repository.Gtk as gtk
print(gtk.MAJOR_VERSION)'
libreoffice --version | head -n 1 | cut -d. -f1
"""
SEEN = """\
Debian-gdm:Gnome Display Manager:/var/lib/gdm3
4755 root:root
Debian-gdm
graphical.target
enabled
enabled
cap_net_bind_service,cap_net_admin=ep
GNOME Shell 43
'file:///usr/share/images/desktop-base/desktop-background.xml'
DejaVu Sans
Default application for “application/vnd.oasis.opendocument.text”: libreoffice-writer.desktop
4
LibreOffice 7
"""


class DesktopTest(configured.ConfiguredTest):
    packages = 1145
    ref = "deb/images/desktop_debs/configured"
    look = LOOK
    seen = SEEN
    checks_out = False

    def test_gdm_shows_the_login(self) -> None:
        link = self.row("etc/systemd/system/display-manager.service")
        self.assertEqual(
            ["symlink", "/lib/systemd/system/gdm3.service"], [link[TYPE], link[TARGET]]
        )

    def test_owners_setuid_bits_and_attributes_are_those_of_a_real_system(self) -> None:
        self.assertEqual(
            ("4754", "root:messagebus"), self.owned("usr/lib/dbus-1.0/dbus-daemon-launch-helper")
        )
        self.assertEqual(("2755", "root:mail"), self.owned("usr/libexec/camel-lock-helper-1.2"))
        self.assertEqual(("0755", "colord:colord"), self.owned("var/lib/colord"))
        helper = self.row("usr/lib/x86_64-linux-gnu/gstreamer1.0/gstreamer-1.0/gst-ptp-helper")
        self.assertEqual({"security.capability"}, set(row_xattrs(helper)))
        journal = decode_xattrs(self.directory("var/log/journal").xattrs)
        self.assertEqual({acl.ACCESS, acl.DEFAULT}, set(journal))

    def test_caches_of_all_packages_files_were_made(self) -> None:
        for path in (
            "usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/2.10.0/loaders.cache",
            "usr/lib/x86_64-linux-gnu/gio/modules/giomodule.cache",
            "usr/share/applications/mimeinfo.cache",
            "usr/share/glib-2.0/schemas/gschemas.compiled",
            "usr/share/mime/mime.cache",
        ):
            self.assertEqual(("0644", "root:root"), self.owned(path))


if __name__ == "__main__":
    unittest.main()
