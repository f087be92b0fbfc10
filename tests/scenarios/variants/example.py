"""The images of examples/variants as a test's runfiles have them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

EXAMPLE = Path("examples/variants").absolute()


def run_image(directory: Path, name: str, *arguments: str | Path) -> str:
    """`bazel run` of an image in a directory, but for Bazel; what it printed.

    Raises:
        AssertionError: it failed; the text has what it said.
    """
    result = subprocess.run(
        [EXAMPLE / name, *arguments],
        env={**os.environ, "BUILD_WORKING_DIRECTORY": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise AssertionError(f"{name} {arguments} exited with {result.returncode}: {result.stderr}")
    return result.stdout
