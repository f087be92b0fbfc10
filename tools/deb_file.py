"""Action: take one program out of a .deb."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from apt2ostree import worker
from apt2ostree.deb.package import Deb
from apt2ostree.errors import UserError


@dataclass(frozen=True)
class Request:
    """What to extract.

    Attributes:
        deb: the package.
        program: its path in the package, as in usr/bin/env.
        output: file to write.
    """

    deb: Path
    program: str
    output: Path


def main(request: Request) -> None:
    """Run the action."""
    try:
        extract(request.deb, request.program, request.output)
    except UserError as error:
        raise UserError(f"{request.deb}: {error}") from error


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
    worker.run(main, Request)
