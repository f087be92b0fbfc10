"""Action: take one program out of a .deb."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from apt2ostree import errors
from apt2ostree.deb.package import Deb
from apt2ostree.errors import UserError


def main(arguments: Sequence[str]) -> int:
    """Run the action; see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deb", required=True, type=Path, help="the package")
    parser.add_argument("--path", required=True, help="of the program, as in usr/bin/env")
    parser.add_argument("--output", required=True, type=Path, help="file to write")
    options = parser.parse_args(arguments)
    try:
        extract(options.deb, options.path, options.output)
    except UserError as error:
        raise UserError(f"{options.deb}: {error}") from error
    return 0


def extract(package: Path, path: str, output: Path) -> None:
    """Write a file of a package, executable. What comes after it in the package is not read.

    Raises:
        UserError: there is none, or the package is broken.
    """
    with package.open("rb") as deb:
        for tar in Deb(deb).data():
            for member in tar:
                if member.name.removeprefix("./") == path and member.type == "file":
                    with output.open("wb") as file:
                        file.writelines(tar.content())
                    output.chmod(0o755)
                    return
    raise UserError(f"no file {path} in it")


if __name__ == "__main__":
    errors.run(main)
