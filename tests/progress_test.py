import contextlib
import io
import time
import unittest

from apt2ostree import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class ProgressTest(unittest.TestCase):
    def test_nothing_is_printed_where_there_is_no_terminal(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()) as output:
            self.assertEqual(list(progress.progress([1, 2, 3], 3, "things")), [1, 2, 3])
        self.assertEqual(output.getvalue(), "")

    def test_a_terminal_shows_a_count_and_is_left_clean(self) -> None:
        with contextlib.redirect_stderr(Terminal()) as output:
            for _ in progress.progress(range(3), 1234, "objects"):
                time.sleep(progress.INTERVAL)
        self.assertIn("\r\033[K3 of 1,234 objects", output.getvalue())
        self.assertTrue(output.getvalue().endswith("\r\033[K"))

    def test_it_is_left_clean_after_an_error_too(self) -> None:
        with contextlib.redirect_stderr(Terminal()) as output:
            items = progress.progress(range(3), 3, "objects")
            next(items)
            items.close()  # type: ignore[attr-defined]
        self.assertTrue(output.getvalue().endswith("\r\033[K"))


class SizeTest(unittest.TestCase):
    def test_units_of_a_thousand(self) -> None:
        for size, text in (
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (12_345_678, "12.3 MB"),
            (5e13, "50.0 TB"),
            (5e17, "500000.0 TB"),
        ):
            self.assertEqual(progress.format_size(size), text)


if __name__ == "__main__":
    unittest.main()
