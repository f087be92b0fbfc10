import contextlib
import io
import unittest
from collections.abc import Iterator

from apt2ostree import messages


class MessagesTest(unittest.TestCase):
    @contextlib.contextmanager
    def chosen(self, verbose: bool = False, quiet: bool = False) -> Iterator[list[str]]:
        messages.choose(verbose, quiet)
        try:
            with messages.kept() as said:
                yield said
        finally:
            messages.choose()

    def say_all(self) -> None:
        messages.error("no a")
        messages.warning("odd b")
        messages.note("did c")
        messages.debug("saw d")

    def test_each_kind_is_a_line_on_standard_error(self) -> None:
        stream = io.StringIO()
        with contextlib.redirect_stderr(stream):
            self.say_all()
            messages.say("as it is")
        self.assertEqual(stream.getvalue(), "error: no a\nwarning: odd b\nnote: did c\nas it is\n")

    def test_verbose_adds_what_helps_to_find_a_fault(self) -> None:
        with self.chosen(verbose=True) as said:
            self.say_all()
        self.assertEqual(said, ["error: no a", "warning: odd b", "note: did c", "debug: saw d"])

    def test_quiet_takes_notes_away_and_no_warning(self) -> None:
        with self.chosen(quiet=True) as said:
            self.say_all()
        self.assertEqual(said, ["error: no a", "warning: odd b"])

    def test_what_is_kept_is_not_printed_and_is_this_blocks_alone(self) -> None:
        stream = io.StringIO()
        with contextlib.redirect_stderr(stream), messages.kept() as outer:
            with messages.kept() as inner:
                messages.note("in")
            messages.note("out")
        self.assertEqual((inner, outer, stream.getvalue()), (["note: in"], ["note: out"], ""))

    def test_hostile_names_do_not_steer_the_terminal(self) -> None:
        with messages.kept() as said:
            messages.note("a\x1b[2J\x9b2J\x07\r\u202e\udcff\nb ä")
        self.assertEqual(said, ["note: a\\x1b[2J\\x9b2J\\x07\\r\\u202e\\udcff\nb ä"])
        self.assertEqual(messages.printable("plain ä\n"), "plain ä\n")


if __name__ == "__main__":
    unittest.main()
