"""The space on the disk that an OSTree repo wants left free.

Source: ostree.repo-config(5), `min-free-space-percent` and `min-free-space-size`. Content objects
count, metadata objects do not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.progress import format_size

DEFAULT_PERCENT = 3
_UNITS = {"MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}


@dataclass(frozen=True)
class Reserve:
    """What a repo's configuration says.

    Attributes:
        option: as it says it: `min-free-space-percent=3`.
        percent: of the file system, to keep free.
        size: bytes to keep free; 0: the percentage counts.
    """

    option: str
    percent: int
    size: int = 0

    def bytes_of(self, total: int) -> int:
        """How many bytes to keep free of a file system of `total` bytes."""
        return self.size or total * self.percent // 100


def parse(core: Mapping[str, str]) -> Reserve:
    """Read the options.

    Args:
        core: the section `core` of the repo's configuration.

    Raises:
        UserError: one is not what ostree takes.
    """
    text = core.get("min-free-space-size", "")
    found = re.fullmatch(r"(\d{1,9})([MGT]B)", text)
    if text and not found:
        raise UserError(f"min-free-space-size={text}: expected a number and MB, GB or TB: 500MB")
    if found and int(found[1]):
        return Reserve(f"min-free-space-size={text}", 0, int(found[1]) * _UNITS[found[2]])
    text = core.get("min-free-space-percent", str(DEFAULT_PERCENT))
    if not re.fullmatch(r"\d{1,2}", text):
        raise UserError(f"min-free-space-percent={text}: expected a number from 0 to 99")
    return Reserve(f"min-free-space-percent={text}", int(text))


class FreeSpace:
    """What a transaction may write, as it is on the disk when it begins.

    Args:
        repo: the repo's directory.
        reserve: what it keeps free.
    """

    def __init__(self, repo: Path, reserve: Reserve) -> None:
        status = os.statvfs(repo)
        # What only root may use is free to root alone.
        blocks = status.f_bavail if os.getuid() else status.f_bfree
        self._bytes = blocks * status.f_frsize - reserve.bytes_of(status.f_blocks * status.f_frsize)
        self._unlimited = not (reserve.percent or reserve.size)
        self._repo, self._reserve = repo, reserve

    def check(self, size: int) -> None:
        """Refuse to write more bytes than there are.

        Args:
            size: of all that the transaction writes.

        Raises:
            UserError: there are fewer.
        """
        if size > self._bytes and not self._unlimited:
            raise UserError(
                f"{self._repo}: {self._reserve.option} in its config would be exceeded by "
                f"{format_size(size - self._bytes)} at least; nothing was changed in the repo. "
                "Free some space (`ostree prune` removes what no ref needs), or keep less free"
            )
