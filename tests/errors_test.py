import errno
import os
import signal
import subprocess
import sys
import unittest
from unittest import mock

_PROGRAM = """
import errno, os, signal, sys
from apt2ostree.errors import UserError, run

def main(arguments):
    {body}
    return 3

run(main)
"""


def outcome(body: str) -> tuple[int, str]:
    """Exit status and standard error of a tool whose main is `body`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(body=body)],
        capture_output=True,
        env=environment,
        check=False,
        text=True,
    )
    return result.returncode, result.stderr


class RunTest(unittest.TestCase):
    def test_the_status_of_main_is_the_exit_status(self) -> None:
        self.assertEqual(outcome("pass"), (3, ""))

    def test_a_user_error_is_one_line(self) -> None:
        self.assertEqual(outcome("raise UserError('no such x')"), (1, "error: no such x\n"))

    def test_an_error_of_the_operating_system_names_the_file(self) -> None:
        status, text = outcome("open('/no/such')")
        self.assertEqual(status, 1)
        self.assertEqual(text, f"error: [Errno {errno.ENOENT}] {os.strerror(2)}: '/no/such'\n")

    def test_an_interrupt_is_130_without_a_word(self) -> None:
        self.assertEqual(outcome("os.kill(os.getpid(), signal.SIGINT)"), (130, ""))

    def test_an_interrupt_while_modules_are_imported_says_nothing(self) -> None:
        program = "import apt2ostree.early_interrupt, os; os.kill(os.getpid(), 2)"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        result = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, env=environment, check=False
        )
        self.assertEqual((result.returncode, result.stderr), (-signal.SIGINT, b""))

    def test_an_interrupt_after_that_is_one_again(self) -> None:
        program = "import apt2ostree.early_interrupt\n" + _PROGRAM
        with mock.patch(f"{__name__}._PROGRAM", program):
            self.assertEqual(outcome("os.kill(os.getpid(), signal.SIGINT)"), (130, ""))

    def test_a_reader_that_went_away_is_no_error(self) -> None:
        self.assertEqual(outcome("raise BrokenPipeError"), (141, ""))

    def test_a_bug_is_a_traceback(self) -> None:
        status, text = outcome("raise KeyError('bug')")
        self.assertEqual(status, 1)
        self.assertIn("Traceback", text)

    def test_hostile_names_do_not_steer_the_terminal(self) -> None:
        _, text = outcome(r"raise UserError('a\x1b[2J\x07\r\udcff\nb ä')")
        self.assertEqual(text, "error: a\\x1b[2J\\x07\\r\\udcff\nb ä\n")


if __name__ == "__main__":
    unittest.main()
