import unittest
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from apt2ostree.errors import UserError
from apt2ostree.ostree import gvariant

# What frames change at: the sizes at which an offset takes another byte.
SIZES = st.one_of(st.integers(0, 300), st.integers(65500, 65560))
ITEMS = st.lists(st.one_of(st.binary(max_size=40), SIZES.map(bytes)), max_size=6)


class RoundTripTest(unittest.TestCase):
    @given(ITEMS)
    def test_arrays(self, items: list[bytes]) -> None:
        self.assertEqual(gvariant.parse_array(gvariant.array(items)), items)

    @given(ITEMS.filter(len), st.binary(max_size=20))
    def test_tuples(self, members: list[bytes], fixed: bytes) -> None:
        data = gvariant.tuple_after(fixed, members)
        self.assertEqual(gvariant.parse_tuple(data, len(members), len(fixed)), members)

    def test_the_offsets_grow_where_the_container_with_them_no_longer_fits(self) -> None:
        # One item of 254 bytes and an offset of one byte are 255; one more needs two.
        self.assertEqual(len(gvariant.array([bytes(254)])), 255)
        self.assertEqual(len(gvariant.array([bytes(255)])), 257)
        self.assertEqual(len(gvariant.array([bytes(65533)])), 65535)
        self.assertEqual(len(gvariant.array([bytes(65534)])), 65538)


class BytesTest(unittest.TestCase):
    """Examples worked out in the GVariant specification, 1.0, section 3."""

    def test_an_array_of_strings(self) -> None:
        items = [gvariant.string(text) for text in ("i", "can", "has", "strings?")]
        expected = b"i\0can\0has\0strings?\0" + bytes([2, 6, 10, 19])
        self.assertEqual(gvariant.array(items), expected)

    def test_a_tuple_of_strings_has_its_offsets_backwards(self) -> None:
        members = [gvariant.string(text) for text in ("a", "bc", "d")]
        self.assertEqual(gvariant.tuple_(members), b"a\0bc\0d\0" + bytes([5, 2]))

    def test_a_dictionary_aligns_its_entries(self) -> None:
        data = gvariant.dictionary({"a": ("s", b"x\0"), "bc": ("u", b"\0\0\0\1")})
        first = b"a\0" + bytes(6) + b"x\0\0s" + bytes([2])
        second = b"bc\0" + bytes(5) + b"\0\0\0\1\0u" + bytes([3])
        padded = first + bytes(-len(first) % 8)
        ends = bytes([len(first), len(padded) + len(second)])
        self.assertEqual(data, padded + second + ends)

    def test_extended_attributes_are_sorted_by_name(self) -> None:
        data = gvariant.xattrs({"user.b": b"2", "user.a": b"1"})
        self.assertLess(data.index(b"user.a\0"), data.index(b"user.b\0"))
        self.assertEqual(gvariant.xattrs({}), b"")


class BadInputTest(unittest.TestCase):
    def test_strings_that_ostree_cannot_hold(self) -> None:
        with self.assertRaisesRegex(UserError, r"'\\udcff' is not UTF-8"):
            gvariant.string("\udcff")
        with self.assertRaisesRegex(UserError, "NUL"):
            gvariant.string("a\0b")

    @given(st.binary(max_size=300), st.integers(1, 6), st.integers(0, 20))
    def test_random_bytes_never_raise_anything_else(
        self, data: bytes, members: int, start: int
    ) -> None:
        parsers: list[Callable[[], list[bytes]]] = [
            lambda: gvariant.parse_array(data),
            lambda: gvariant.parse_tuple(data, members, start),
        ]
        for parse in parsers:
            try:
                for item in parse():
                    self.assertIn(item, data)
            except UserError as error:
                self.assertIn("broken OSTree object", str(error))


if __name__ == "__main__":
    unittest.main()
