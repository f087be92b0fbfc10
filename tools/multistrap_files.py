"""Action: write the files that multistrap writes into an image besides those of packages.

That is apt's knowledge of the archives that the configuration lists in `aptsources`, one file in
/etc/apt/sources.list.d for each, and a copy of the file that `aptpreferences` names.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from apt2ostree import errors
from apt2ostree.lock.input_file import InputFile
from apt2ostree.lock.multistrap_target import image_files


def main(arguments: Sequence[str]) -> int:
    """Run the action; see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--file",
        action="append",
        required=True,
        nargs=2,
        metavar=("NAME", "FILE"),
        help="the configuration, then the files that it names",
    )
    parser.add_argument("--architecture", default="", help="in the place of the configuration's")
    parser.add_argument("--output", type=Path, required=True, help="directory to write")
    options = parser.parse_args(arguments)
    files = [InputFile(Path(path), name) for name, path in options.file]
    for name, text in image_files(files, options.architecture).items():
        path = options.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    errors.run(main)
