"""Programs of a Debian of ours, run where they were written out: nothing of the machine's.

They need no root and no namespace: the dynamic linker that they name is called with the directory
of the libraries that came with them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from apt2ostree.device import elf
from apt2ostree.errors import UserError

_TIME_LIMIT = 1800


class Toolbox:
    """Programs below a directory.

    Args:
        root: an image that was written out.
        environment: of the programs, besides their locale.
    """

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None) -> None:
        self.root = root
        self._environment = {"LC_ALL": "C.UTF-8", "TZ": "UTC", **(environment or {})}

    def command(self, program: str, *arguments: str | Path) -> list[str]:
        """The command line of a program, a path relative to the root.

        Raises:
            UserError: it is for another machine.
        """
        path = self.root / program
        needs = elf.needs(path.read_bytes())
        if not needs.interpreter:
            return [str(path), *map(str, arguments)]
        linker = (self.root / needs.interpreter.lstrip("/")).resolve()
        if linker.name != "ld-linux-x86-64.so.2":
            raise UserError(f"{program}: a program for {linker.name}, expected one for amd64")
        libraries = ":".join(
            str(self.root / "usr/lib/x86_64-linux-gnu" / name) for name in ("", "pulseaudio")
        )
        return [str(linker), "--library-path", libraries, str(path), *map(str, arguments)]

    @property
    def environment(self) -> dict[str, str]:
        """What the programs' environment is."""
        return dict(self._environment)

    def run(self, program: str, *arguments: str | Path) -> str:
        """Run a program, which must succeed; return what it wrote on both outputs.

        Raises:
            UserError: it failed, with what it wrote, or the machine cannot run it.
        """
        try:
            result = subprocess.run(
                self.command(program, *arguments),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_TIME_LIMIT,
                check=False,
            )
        except OSError as error:
            raise UserError(
                f"{program}: {error}; disks are made by machines that run programs for amd64"
            ) from error
        text = result.stdout.decode("utf-8", "replace")
        if result.returncode:
            raise UserError(
                f"{program} {_shown(arguments)}: exit status {result.returncode}\n{text}"
            )
        return text


def _shown(arguments: Sequence[str | Path]) -> str:
    return " ".join(str(argument) for argument in arguments)
