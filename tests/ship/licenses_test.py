import unittest

from apt2ostree.ship import licenses
from tests.support.copyrights import FILE


class LicensesTest(unittest.TestCase):
    def test_a_machine_readable_file(self) -> None:
        found = licenses.parse(FILE)
        self.assertEqual(found.ids, ("GPL-2.0-or-later", "LicenseRef-odd-license", "MIT"))
        self.assertEqual(found.expression, "GPL-2.0-or-later AND LicenseRef-odd-license AND MIT")
        self.assertEqual(
            found.texts, {"LicenseRef-odd-license": "Do what you like.\n\nBut be nice."}
        )
        self.assertEqual(found.names, {"LicenseRef-odd-license": "odd-license"})
        self.assertEqual(found.holders, ("2001 Someone", "2002 Another", "2003 Packager"))

    def test_prose_says_nothing(self) -> None:
        self.assertEqual(
            licenses.parse("This package is free software, see GPL-2."), licenses.Licenses()
        )
        self.assertEqual(licenses.parse(""), licenses.Licenses())

    def test_a_broken_paragraph_is_left_out(self) -> None:
        text = FILE.replace("Upstream-Name: x", "nonsense without colon\n\nUpstream-Name: x")
        self.assertEqual(licenses.parse(text).ids, licenses.parse(FILE).ids)

    def test_names_of_the_spdx_list(self) -> None:
        for debian, spdx in {
            "GPL-1": "GPL-1.0-only",
            "LGPL-2.1+": "LGPL-2.1-or-later",
            "GFDL-1.3": "GFDL-1.3-only",
            "GPL-3.0-only": "GPL-3.0-only",
            "BSD-3-clause": "BSD-3-Clause",
            "Artistic": "Artistic-1.0-Perl",
            "GPL-9": "LicenseRef-GPL-9",
            "GPL-2 with OpenSSL exception": "LicenseRef-GPL-2-with-OpenSSL-exception",
            "++": "LicenseRef-unnamed",
        }.items():
            self.assertEqual(licenses.spdx_id(debian), spdx)


if __name__ == "__main__":
    unittest.main()
