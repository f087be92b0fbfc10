"""What the scripts say, kept by package, and what dpkg says about each (dpkg(1), --status-fd)."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

LAST_LINES = 40
MAX_LINE = 4096
"""Bytes after which a line is taken for a whole one."""
MAX_SECTIONS = 1 << 14
"""Sections that scripts can begin by what they write."""
_SECTION = re.compile(r"(?:Setting up|Processing triggers for) (\S+) \(\S+\) \.\.\.")
_FOLLOW_UP = "dependency problems"


@dataclass
class Log:
    """Output in sections, one per package, and the packages that failed.

    Scripts may write without end: of each section the last lines are kept.

    Attributes:
        lines: section → last lines; the section before the first package is the empty string.
        errors: package → what dpkg says of its failure.
        configuring: (seconds since boot, package): when dpkg turned to each.
    """

    lines: dict[str, deque[str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    configuring: list[tuple[float, str]] = field(default_factory=list)
    _section: str = ""
    _output: str = ""
    _status: str = ""

    def begin(self, section: str) -> None:
        """What follows is of this section."""
        self.end()
        self._section = section

    def end(self) -> None:
        """Take a last line that has no end for a whole one."""
        if self._output:
            self.add_output(b"\n")

    def add_output(self, data: bytes) -> None:
        """Take in output of the scripts."""
        self._output += data.decode("utf-8", "backslashreplace")
        *whole, self._output = self._output.split("\n")
        if len(self._output) > MAX_LINE:
            whole, self._output = [*whole, self._output], ""
        for line in whole:
            match = _SECTION.match(line)
            if match and len(self.lines) < MAX_SECTIONS:
                self._section = plain_name(match[1])
            lines = self.lines.setdefault(self._section, deque(maxlen=LAST_LINES + 1))
            lines.append(line[:MAX_LINE])

    def add_status(self, data: bytes, now: float) -> None:
        """Take in what dpkg writes to its status descriptor."""
        self._status += data.decode("utf-8", "backslashreplace")
        *whole, self._status = self._status.split("\n")
        for line in whole:
            words = [word.strip() for word in line.split(":", 2)]
            if words[0] == "processing" and len(words) == 3:
                self.configuring.append((now, plain_name(words[2])))
            match = re.match(r"status: (\S+) : error : (.*)", line)
            if match:
                self.errors.setdefault(plain_name(match[1]), match[2])

    def current(self) -> str:
        """The package that dpkg turned to last."""
        return self.configuring[-1][1] if self.configuring else self._section

    def package_at(self, time: float) -> str:
        """The package that was being configured at a time, in seconds since boot."""
        found = ""
        for when, package in self.configuring:
            # A process's start is rounded to a hundredth of a second.
            if when <= time + 0.02:
                found = package
        return found

    def causes(self) -> dict[str, str]:
        """The failures that are not only the consequence of another one."""
        causes = {package: text for package, text in self.errors.items() if _FOLLOW_UP not in text}
        return causes or self.errors

    def last_lines(self, section: str) -> str:
        """The end of a section, indented."""
        lines = list(self.lines.get(section, ()))
        cut = ["…"] if len(lines) > LAST_LINES else []
        return "\n".join(f"  {line}" for line in cut + lines[-LAST_LINES:])


def plain_name(package: str) -> str:
    """A package's name without its architecture."""
    return package.partition(":")[0]
