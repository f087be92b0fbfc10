"""Writing a file that the user names: all of it or nothing."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from apt2ostree.errors import UserError


@contextlib.contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes the place of `path` when all is written.

    Devices and pipes, such as /dev/stdout, are written to directly, and a symlink stays one.

    Raises:
        UserError: `path` is a directory, or in none.
    """
    if path.is_dir():
        raise UserError(f"{path}: a directory; expected the name of a file to write")
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise UserError(f"{target}: no directory {target.parent}; make it first")
    temporary = target.parent / f".apt2ostree.{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(target)
    except OSError as error:
        if error.filename in (None, str(temporary)):
            raise UserError(f"{target}: {error.strerror}") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
