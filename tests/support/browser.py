"""Chromium, looking at a page without a network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import unittest
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import judges

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--allow-file-access-from-files",
    "--enable-logging=stderr",
    # Whatever a page or the browser itself asks for, nothing leaves the machine.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--virtual-time-budget=3000",
    "--dump-dom",
)
_BROWSERS_OWN = "not an origin"


@dataclass(frozen=True)
class Visit:
    """What a browser made of a page.

    Attributes:
        dom: the document as HTML, after its scripts have run.
        console: messages on the console, errors and violated policies among them.
        requests: URLs that the page tried to get from a network.
    """

    dom: str
    console: tuple[str, ...]
    requests: tuple[str, ...]


def visit(case: unittest.TestCase, page: Path, width: int = 1280, height: int = 900) -> Visit:
    """Open a page in a window of so many pixels; the test is skipped where there is no Chromium."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        judges.skip_aloud(case, f"none of {', '.join(PROGRAMS)} here")
    assert program
    with tempfile.TemporaryDirectory() as profile:
        log = Path(profile, "net-log.json")
        command = [
            program,
            *_OPTIONS,
            f"--user-data-dir={profile}/profile",
            f"--log-net-log={log}",
            f"--window-size={width},{height}",
            page.absolute().as_uri(),
        ]
        result = subprocess.run(command, capture_output=True, check=False)
        messages = result.stderr.decode("utf-8", "replace")
        case.assertEqual(result.returncode, 0, messages[-2000:])
        return Visit(
            dom=result.stdout.decode("utf-8", "replace"),
            console=tuple(re.findall(r":CONSOLE.*?\] (.*)", messages)),
            requests=tuple(_requests(json.loads(log.read_bytes()))),
        )


def _requests(log: Mapping[str, Any]) -> list[str]:
    """Requests of pages out of Chromium's network log, those of the browser itself left out."""
    start = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    begun = [event.get("params", {}) for event in log["events"] if event["type"] == start]
    return [item["url"] for item in begun if item.get("initiator", _BROWSERS_OWN) != _BROWSERS_OWN]
