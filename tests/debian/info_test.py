import unittest

from apt2ostree.deb.package import ControlFile
from apt2ostree.debian import info
from apt2ostree.errors import UserError
from tests.support.debs import control


def control_files(**files: str) -> dict[str, ControlFile]:
    return {name: ControlFile(0o644, text.encode()) for name, text in files.items()}


class ConffilesTest(unittest.TestCase):
    def test_paths_in_order_without_blanks(self) -> None:
        files = control_files(conffiles="/etc/b\n/etc/a  \n\n")
        found = [conffile.path for conffile in info.conffiles(files)]
        self.assertEqual(found, ["/etc/b", "/etc/a"])
        self.assertEqual(info.conffiles({}), [])

    def test_what_the_status_file_has_of_them(self) -> None:
        files = control_files(conffiles="/etc/a\nremove-on-upgrade /etc/b\n/etc/c\n")
        states = [info.conffile_state(item, {"etc/a": "00"}) for item in info.conffiles(files)]
        self.assertEqual(states, ["00", "newconffile remove-on-upgrade", "newconffile"])

    def test_relative_paths_are_refused_with_their_line(self) -> None:
        with self.assertRaisesRegex(UserError, "conffiles, line 2: expected an absolute path"):
            info.conffiles(control_files(conffiles="/etc/a\netc/b\n"))

    def test_paths_that_go_up_again_are_refused(self) -> None:
        with self.assertRaisesRegex(UserError, "conffiles, line 1: '/etc/../a' has a component"):
            info.conffiles(control_files(conffiles="/etc/../a\n"))


class FieldsTest(unittest.TestCase):
    def test_every_required_field(self) -> None:
        for name in ("Package", "Version", "Architecture"):
            text = "".join(line for line in control().splitlines(True) if not line.startswith(name))
            with self.assertRaisesRegex(UserError, f"control file: no field {name}"):
                info.control_fields(control_files(control=text))

    def test_values_that_would_be_paths(self) -> None:
        for text in (
            control("../evil"),
            control(".hidden"),
            control(Architecture="../../evil", Multi_Arch="same"),
            control(Architecture="a:b"),
            control(version="1/2"),
        ):
            with self.assertRaisesRegex(UserError, "is none that dpkg allows"):
                info.control_fields(control_files(control=text))

    def test_versions_that_debian_has(self) -> None:
        for version in ("1", "1:2.3~rc1+dfsg-4.1", "20230101", "0.0~git-1", "2:1.0:1-1"):
            fields = info.control_fields(control_files(control=control(version=version)))
            self.assertEqual(fields["Version"], version)


class FilesTest(unittest.TestCase):
    def test_names_carry_the_architecture_for_multi_arch_same_only(self) -> None:
        fields = {"Package": "tiny", "Architecture": "amd64"}
        self.assertEqual(info.prefix(fields), "tiny")
        self.assertEqual(info.prefix({**fields, "Multi-Arch": "foreign"}), "tiny")
        self.assertEqual(info.prefix({**fields, "Multi-Arch": "same"}), "tiny:amd64")

    def test_what_belongs_under_info(self) -> None:
        fields = {"Package": "tiny", "Architecture": "amd64"}
        files = control_files(control="x", postinst="y", list="evil")
        found = info.files(fields, files, ["", "usr", "usr/a"], {"usr/a": "00"})
        self.assertEqual(list(found), ["tiny.list", "tiny.md5sums", "tiny.postinst"])
        self.assertEqual(found["tiny.list"].data, b"/.\n/usr\n/usr/a\n")
        self.assertEqual(found["tiny.md5sums"].data, b"00  usr/a\n")

    def test_md5sums_of_the_package_are_kept(self) -> None:
        fields = {"Package": "tiny", "Architecture": "amd64"}
        found = info.files(fields, control_files(md5sums="own\n"), [], {"a": "00"})
        self.assertEqual(found["tiny.md5sums"].data, b"own\n")


if __name__ == "__main__":
    unittest.main()
