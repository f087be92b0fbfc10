"""Count the tests of one or more Bazel invocations, for the last line of a CI log.

Usage: test_summary.py [--failed-checks N] EVENTS.json...

EVENTS.json is what `bazel test --build_event_json_file=` writes. A test target whose log has
unittest's summary counts as the test cases in it; any other as one. A test that crashed or timed
out and any target that did not build is a failure, too. Prints `N passed, N failed, N skipped`;
exits 1 if anything failed or nothing passed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Count:
    """How many tests went how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def count_log(log: str, target_passed: bool) -> Count:
    """Count the test cases in the log of one test target.

    Args:
        log: What the test printed.
        target_passed: Bazel's own verdict, which always shows in the count.
    """
    count = Count()
    for match in re.finditer(
        r"^Ran (\d+) tests? in [^\n]*\n+(?:OK|FAILED|NO TESTS RAN)(?: \((.*)\))?$",
        log,
        re.MULTILINE,
    ):
        outcomes = {
            name: int(number) for name, number in re.findall(r"([a-z ]+)=(\d+)", match[2] or "")
        }
        failed = sum(outcomes.get(n, 0) for n in ("failures", "errors", " errors"))
        failed += sum(number for name, number in outcomes.items() if "unexpected" in name)
        skipped = sum(number for name, number in outcomes.items() if "skipped" in name)
        # An error in setUpClass is no test that ran, nor is a skip there.
        count += Count(max(0, int(match[1]) - failed - skipped), failed, skipped)
    if target_passed:
        return count if count != Count() else Count(passed=1)
    return count if count.failed else count + Count(failed=1)


def count_events(events: Iterable[Mapping[str, Any]]) -> Count:
    """Count the tests in the build events of one `bazel test`."""
    logs: dict[str, list[str]] = {}
    verdicts: dict[str, str] = {}
    broken: set[str] = set()
    finished = False
    incomplete = False
    for event in events:
        identity = event.get("id", {})
        if "testResult" in identity:
            files = event.get("testResult", {}).get("testActionOutput", [])
            label = identity["testResult"]["label"]
            logs.setdefault(label, []).extend(
                file["uri"] for file in files if file["name"] == "test.log" and "uri" in file
            )
        elif "testSummary" in identity:
            label = identity["testSummary"]["label"]
            verdicts[label] = event.get("testSummary", {}).get("overallStatus", "NO_STATUS")
        elif "targetConfigured" in identity and "aborted" in event:
            broken.add(identity["targetConfigured"]["label"])
        elif "targetCompleted" in identity and not event.get("completed", {}).get("success"):
            broken.add(identity["targetCompleted"]["label"])
        elif "buildFinished" in identity:
            finished = True
            # 3: tests failed, 4: no tests; anything else but 0: not all was built or run.
            code = event.get("finished", {}).get("exitCode", {}).get("code", 0)
            incomplete = code not in (0, 3, 4)
    total = Count()
    for label, verdict in verdicts.items():
        text = "".join(read_log(uri) for uri in logs.get(label, []))
        total += count_log(text, verdict in ("PASSED", "FLAKY"))
    total += Count(failed=len(broken - set(verdicts)))
    if not finished or (incomplete and not total.failed):
        total += Count(failed=1)
    return total


def read_log(uri: str) -> str:
    """The text of a file:// URI, or nothing if it is gone."""
    try:
        return Path(urllib.parse.unquote(urllib.parse.urlsplit(uri).path)).read_text(
            errors="replace"
        )
    except OSError:
        return ""


def main(arguments: Sequence[str]) -> int:
    """Do what the module's docstring says."""
    parser = argparse.ArgumentParser(description="Count the tests of Bazel invocations.")
    parser.add_argument("--failed-checks", type=int, default=0, metavar="N")
    parser.add_argument("events", type=Path, nargs="*")
    options = parser.parse_args(arguments)
    total = Count(failed=options.failed_checks)
    for path in options.events:
        lines = path.read_text().splitlines() if path.exists() else []
        total += count_events(json.loads(line) for line in lines if line.strip())
    print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
