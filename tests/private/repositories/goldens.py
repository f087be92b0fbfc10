"""Hold what is generated to goldens, texts that are kept so that a change of them is reviewed.

`bazel run //tests/private/repositories:update_goldens` writes them; `:goldens_test` compares.
"""

from __future__ import annotations

import difflib
import os
import shutil
from pathlib import Path

FOLDER = "tests/private/repositories"
GOLDENS = Path(FOLDER, "goldens")
GENERATED = Path(FOLDER, "generated")


def difference(golden: Path, generated: Path) -> str:
    """What is to be said of a golden; empty if it is what was generated.

    Args:
        golden: the file that is kept. Either need not exist, which is a difference.
        generated: the file that was made now.
    """
    kept, made = (
        path.read_text(encoding="utf-8").splitlines() if path.exists() else None
        for path in (golden, generated)
    )
    if kept == made:
        return ""
    changes = difflib.unified_diff(
        kept or [], made or [], str(golden), "generated now", lineterm=""
    )
    wrong = "is not what is generated now" if made is not None else "is generated no more"
    return (
        f"{golden} {wrong}; if that is meant, `bazel run //{FOLDER}:update_goldens` and review "
        "what it writes:\n" + "\n".join(changes)
    )


def update(goldens: Path, generated: Path) -> None:
    """Write all goldens anew."""
    shutil.rmtree(goldens, ignore_errors=True)
    goldens.mkdir(parents=True)
    for path in sorted(generated.iterdir()):
        (goldens / path.name).write_bytes(path.read_bytes())


if __name__ == "__main__":
    update(Path(os.environ["BUILD_WORKSPACE_DIRECTORY"]) / GOLDENS, GENERATED)
