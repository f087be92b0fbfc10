import unittest

from hypothesis import given
from hypothesis import strategies as st

from apt2ostree.debian.control import (
    MalformedLineError,
    parse_stanza,
    parse_stanzas,
    read_fields,
    render_stanza,
    split_stanzas,
)
from apt2ostree.errors import UserError

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True)
LINES = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=30
)


class StanzasTest(unittest.TestCase):
    def test_lines_of_blanks_are_between_stanzas_and_comments_are_left_out(self) -> None:
        text = "\n# c\n\nA: b\r\n# d\r\n e\r\n \t\r\n\r\nF: g"
        self.assertEqual(list(split_stanzas(text)), [[(4, "A: b"), (6, " e")], [(9, "F: g")]])
        self.assertEqual(list(parse_stanzas(text, "x")), [{"A": "b\n e"}, {"F": "g"}])
        self.assertEqual(list(split_stanzas("\n \n#\n")), [])

    def test_names_and_values_come_as_they_are(self) -> None:
        self.assertEqual(
            list(read_fields([(3, "A : b "), (4, "\tc"), (6, "a:"), (7, "b:x:y")])),
            [(3, "A ", [" b ", "\tc"]), (6, "a", [""]), (7, "b", ["x:y"])],
        )

    def test_a_line_that_is_no_field_is_given_with_its_number(self) -> None:
        for lines in ([(5, "nonsense")], [(5, " of nothing")], [(5, ": a")]):
            with self.assertRaises(MalformedLineError) as caught:
                list(read_fields(lines))
            self.assertEqual((caught.exception.number, caught.exception.line), lines[0])
        words = "x, line 4: expected 'Field: value', got 'nonsense'"
        with self.assertRaisesRegex(UserError, words):
            list(parse_stanzas("A: b\n\nC: d\nnonsense\n", "x"))


class ControlTest(unittest.TestCase):
    def test_fields_keep_their_order_and_continuation_lines(self) -> None:
        text = "Package: a\nDepends: b,\n c\nDescription: short\n long\n .\n more\n"
        fields = parse_stanza(text, "x")
        self.assertEqual(list(fields), ["Package", "Depends", "Description"])
        self.assertEqual(fields["Description"], "short\n long\n .\n more")
        self.assertEqual(render_stanza(fields), text)

    def test_blanks_go_at_the_ends_of_a_value_alone(self) -> None:
        fields = parse_stanza("A:  b \n c \n d \nE: f \n", "x")
        self.assertEqual({"A": "b \n c \n d", "E": "f"}, fields)

    def test_a_field_with_an_empty_first_line(self) -> None:
        text = "Conffiles:\n /etc/a 1\n /etc/b 2\n"
        self.assertEqual(parse_stanza(text, "x"), {"Conffiles": "\n /etc/a 1\n /etc/b 2"})
        self.assertEqual(render_stanza(parse_stanza(text, "x")), text)

    def test_fields_that_dpkg_knows_are_found_in_any_case(self) -> None:
        fields = parse_stanza("package: a\nMULTI-ARCH: same\nx-Own: b\n", "x")
        self.assertEqual(fields, {"Package": "a", "Multi-Arch": "same", "x-Own": "b"})

    def test_crlf_and_blank_lines_around(self) -> None:
        self.assertEqual(
            parse_stanza("\r\nA: b\r\nC: d\r\n e\r\n\r\n", "x"), {"A": "b", "C": "d\n e"}
        )

    def test_errors_name_the_file_and_the_line(self) -> None:
        for text, words in (
            ("A: b\nnonsense\n", "ctl, line 2: expected 'Field: value', got 'nonsense'"),
            (" leading\n", "ctl, line 1: expected 'Field: value'"),
            ("A: b\n\nB: c\n", "ctl, line 2: expected 'Field: value', got ''"),
            ("A: b\nB: c\na: d\n", "ctl, line 3: field a is there twice"),
            ("A: b\n \n c\n", "ctl, line 2: a blank line in field A"),
            ("A B: c\n", "ctl, line 1: expected"),
            (": c\n", "ctl, line 1: expected"),
            ("", "ctl, line 1: expected"),
        ):
            with self.subTest(text), self.assertRaisesRegex(UserError, words):
                parse_stanza(text, "ctl")

    def test_a_value_of_a_million_lines_is_read_in_linear_time(self) -> None:
        # Joined line by line it takes a minute and more, which is this test's limit.
        lines = [" line"] * 1_000_000
        stanza = parse_stanza("\n".join(["Package: a", "Description: x", *lines]), "x")
        self.assertEqual(stanza["Description"], "\n".join(["x", *lines]))

    @given(st.dictionaries(NAMES.map(str.title), st.lists(LINES, min_size=1), min_size=1))
    def test_what_is_rendered_parses_to_the_same(self, fields: dict[str, list[str]]) -> None:
        stanza = {name: "\n ".join(lines) for name, lines in fields.items()}
        self.assertEqual(parse_stanza(render_stanza(stanza), "x"), stanza)

    @given(st.text(max_size=200))
    def test_random_text_never_raises_anything_else(self, text: str) -> None:
        try:
            rendered = render_stanza(parse_stanza(text, "x"))
        except UserError:
            return
        self.assertNotIn("\n\n", rendered.replace("\r", "?"))


if __name__ == "__main__":
    unittest.main()
