import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

from dev.test_summary import Count, count_events, count_log, main

PASSED = "....\n----\nRan 4 tests in 0.001s\n\nOK\n"
SKIPPED = "..s.\n----\nRan 4 tests in 0.001s\n\nOK (skipped=1)\n"
FAILED = "F.sE\n----\nRan 4 tests in 0.001s\n\nFAILED (failures=1, errors=1, skipped=1)\n"


def finished(code: int) -> "dict[str, Any]":
    return {"id": {"buildFinished": {}}, "finished": {"exitCode": {"code": code}}}


def summary(label: str, status: str) -> "dict[str, Any]":
    return {"id": {"testSummary": {"label": label}}, "testSummary": {"overallStatus": status}}


class CountLogTest(unittest.TestCase):
    def test_counts_cases_of_unittest(self) -> None:
        self.assertEqual(count_log(PASSED, True), Count(4, 0, 0))
        self.assertEqual(count_log(SKIPPED, True), Count(3, 0, 1))
        self.assertEqual(count_log(FAILED, False), Count(1, 2, 1))

    def test_expected_failures_pass_and_unexpected_successes_fail(self) -> None:
        log = "Ran 3 tests in 1.2s\n\nFAILED (expected failures=1, unexpected successes=1)\n"
        self.assertEqual(count_log(log, False), Count(2, 1, 0))

    def test_a_class_skipped_in_its_set_up_is_a_skip(self) -> None:
        log = "Ran 0 tests in 0.000s\n\nOK (skipped=1)\n"
        self.assertEqual(count_log(log, True), Count(0, 0, 1))
        log = "Ran 0 tests in 0.000s\n\nNO TESTS RAN (skipped=1)\n"
        self.assertEqual(count_log(log, True), Count(0, 0, 1))

    def test_other_tests_count_as_one(self) -> None:
        self.assertEqual(count_log("fine\n", True), Count(1, 0, 0))
        self.assertEqual(count_log("Segmentation fault\n", False), Count(0, 1, 0))

    def test_a_target_that_fails_though_its_cases_passed_is_a_failure(self) -> None:
        self.assertEqual(count_log(PASSED, False), Count(4, 1, 0))


class CountEventsTest(unittest.TestCase):
    def test_reads_logs_of_all_shards(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            events = []
            for shard, text in (("1", PASSED), ("2", SKIPPED)):
                log = Path(name) / f"a b{shard}.log"
                log.write_text(text)
                events.append(
                    {
                        "id": {"testResult": {"label": "//:t"}},
                        "testResult": {
                            "testActionOutput": [{"name": "test.log", "uri": log.as_uri()}]
                        },
                    }
                )
            events += [summary("//:t", "PASSED"), finished(0)]
            self.assertEqual(count_events(events), Count(7, 0, 1))

    def test_a_target_without_a_log_is_a_failure_unless_it_passed(self) -> None:
        for status in ("FAILED_TO_BUILD", "TIMEOUT", "NO_STATUS"):
            self.assertEqual(count_events([summary("//:t", status), finished(1)]).failed, 1)

    def test_every_target_that_did_not_build_is_a_failure(self) -> None:
        events: list[dict[str, Any]] = [
            {"id": {"targetConfigured": {"label": "//:a"}}, "aborted": {}},
            {"id": {"targetCompleted": {"label": "//:b"}}, "completed": {}},
            {"id": {"targetCompleted": {"label": "//:c"}}, "completed": {"success": True}},
            {"id": {"targetCompleted": {"label": "//:t"}}, "completed": {}},
            summary("//:t", "FAILED_TO_BUILD"),
            finished(1),
        ]
        self.assertEqual(count_events(events), Count(0, 3, 0))

    def test_a_build_that_broke_is_a_failure(self) -> None:
        self.assertEqual(count_events([finished(1)]), Count(0, 1, 0))
        self.assertEqual(count_events([]), Count(0, 1, 0))
        self.assertEqual(count_events([finished(4)]), Count(0, 0, 0))


class MainTest(unittest.TestCase):
    def run_main(self, *arguments: str) -> "tuple[int, str]":
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            return main(arguments), output.getvalue()

    def test_prints_one_line_and_fails_with_any_failure(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "events.json"
            lines = [summary("//:t", "PASSED"), finished(0)]
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
            self.assertEqual(self.run_main(str(path)), (0, "1 passed, 0 failed, 0 skipped\n"))
            self.assertEqual(
                self.run_main("--failed-checks=2", str(path)),
                (1, "1 passed, 2 failed, 0 skipped\n"),
            )

    def test_events_that_were_never_written_are_a_failure(self) -> None:
        self.assertEqual(self.run_main("/no/such"), (1, "0 passed, 1 failed, 0 skipped\n"))


if __name__ == "__main__":
    unittest.main()
