"""Requests as Bazel writes them for actions."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any


def text(request: Any) -> str:
    """The JSON of a request, a dataclass."""
    return json.dumps(dataclasses.asdict(request), default=str)


def write(path: Path, request: Any) -> str:
    """Write a request into a file; return the argument that names it."""
    path.write_text(text(request), encoding="utf-8")
    return f"@{path}"
