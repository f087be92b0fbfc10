"""Action: write the files that multistrap writes into an image besides those of packages.

That is apt's knowledge of the archives that the configuration lists in `aptsources`, one file in
/etc/apt/sources.list.d for each, and a copy of the file that `aptpreferences` names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apt2ostree import worker
from apt2ostree.lock.input_file import InputFile
from apt2ostree.lock.multistrap_target import image_files


@dataclass(frozen=True)
class Request:
    """What to write.

    Attributes:
        files: (name, file) of the configuration, then of the files that it names.
        architecture: in the place of the configuration's, if it is not empty.
        output: directory to write.
    """

    files: Sequence[tuple[str, Path]]
    architecture: str
    output: Path


def main(request: Request) -> None:
    """Run the action."""
    files = [InputFile(path, name) for name, path in request.files]
    for name, text in image_files(files, request.architecture).items():
        path = request.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    worker.run(main, Request)
