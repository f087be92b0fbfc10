"""Fakeroot's database and library."""

from __future__ import annotations

import ctypes
import sys
import unittest

from apt2ostree.errors import UserError
from apt2ostree.sandbox import fakeroot
from apt2ostree.sandbox.fakeroot import Status
from tests.support.judges import ScratchTest


class DatabaseTest(unittest.TestCase):
    def test_what_is_dumped_is_parsed(self) -> None:
        statuses = {(0xFE00, 12): Status(0o104755, 33, 4), (1, 2): Status(0o020644, 0, 0, 259)}
        self.assertEqual(statuses, fakeroot.parse(fakeroot.dump(statuses)))

    def test_a_line_of_another_form_is_shown(self) -> None:
        with self.assertRaisesRegex(UserError, "'nonsense' is no line that faked-sysv writes"):
            fakeroot.parse("nonsense\n")

    def test_a_file_that_cannot_be_is_shown(self) -> None:
        for mode, uid in (("0", "0"), ("170644", "0"), ("100644", "4294967296")):
            line = f"dev=1,ino=2,mode={mode},uid={uid},gid=0,nlink=1,rdev=0"
            with self.assertRaisesRegex(UserError, f"'{line}' is no line that faked-sysv writes"):
                fakeroot.parse(f"{line}\n")

    def test_packages_without_fakeroot_are_named_as_such(self) -> None:
        with self.assertRaisesRegex(UserError, "hold no faked-sysv; expected fakeroot and"):
            fakeroot.find(["usr/bin/true", "usr/lib/libfakeroot/libfakeroot-sysv.so"])

    def test_a_library_goes_where_programs_of_its_architecture_look(self) -> None:
        paths = ["usr/share/doc/fakeroot/copyright", "usr/bin/faked-sysv"]
        for triplet in ("x86_64-linux-gnu", "i386-linux-gnu"):
            paths.append(f"usr/lib/{triplet}/libfakeroot/libfakeroot-sysv.so")
        self.assertEqual(
            {
                "faked-sysv": paths[1],
                "lib/x86_64-linux-gnu/libfakeroot-sysv.so": paths[2],
                "lib/i386-linux-gnu/libfakeroot-sysv.so": paths[3],
            },
            fakeroot.find(paths),
        )


class HideSymbolsTest(ScratchTest):
    def test_hidden_functions_are_not_found_and_others_are(self) -> None:
        library = sys.modules["_ctypes"].__file__
        if not library:
            self.skipTest("Python has _ctypes built in, and no library to try it with")
        with open(library, "rb") as file:
            original = file.read()
        self.assertTrue(hasattr(ctypes.CDLL(library), "PyInit__ctypes"))
        copy = self.scratch / "copy.so"
        copy.write_bytes(fakeroot.hide_symbols(original, {"PyInit__ctypes"}))
        self.assertFalse(hasattr(ctypes.CDLL(str(copy)), "PyInit__ctypes"))
        other = self.scratch / "other.so"
        other.write_bytes(fakeroot.hide_symbols(original, {"not_there"}))
        self.assertTrue(hasattr(ctypes.CDLL(str(other)), "PyInit__ctypes"))

    def test_what_is_no_library_is_refused(self) -> None:
        for data in (b"", b"\x7fELF\x02\x01", b"\x7fELF" + bytes(100), b"#!/bin/sh\n"):
            with self.assertRaisesRegex(UserError, "is no shared library"):
                fakeroot.hide_symbols(data, {"x"})


if __name__ == "__main__":
    unittest.main()
