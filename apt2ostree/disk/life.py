"""A device's life in a test: boot, signed upgrade, boot, rollback, boot; and what has to hold.

`life.sh` runs in the device at each boot and answers; here its answers are compared with images.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apt2ostree.tree.manifest import Manifest

SCRIPT = Path(__file__).with_name("life.sh")
UNIT = "apt2ostree-test.service"
_UNIT_TEXT = """\
[Unit]
Description=What a test of apt2ostree asks
After=multi-user.target

[Service]
Type=exec
ImportCredential=apt2ostree.*
ExecStart=/bin/sh %d/apt2ostree.life
"""
REFUSED = {
    "unsigned": ("without a signature", "no signatures found"),
    "foreign": ("signed with another key", "none are in trusted keyring|public key not found"),
    "tampered": ("that was tampered with", "[Cc]orrupted"),
}
"""Branch of the repo → what its commit is, and what ostree says of it."""
_WANTED = f"[Unit]\nWants={UNIT}\n"


@dataclass(frozen=True)
class Boot:
    """What a device said of one boot: key → lines."""

    answers: Mapping[str, Sequence[str]]
    whole: bool

    def lines(self, key: str) -> Sequence[str]:
        """The lines of a key; none if it was not told."""
        return self.answers.get(key, ())

    def line(self, key: str) -> str:
        """The last line of a key, or nothing."""
        return self.lines(key)[-1] if self.lines(key) else ""


@dataclass(frozen=True)
class Expected:
    """What is expected of a boot.

    Attributes:
        name: what errors call it.
        commit: that is booted.
        image: its manifest.
        later: whether the device was changed before.
    """

    name: str
    commit: str
    image: Manifest
    later: bool = field(default=False)


def credentials(checks: str = "", remote: str = "", key: str = "") -> dict[str, str]:
    """What a machine is given so that it runs `life.sh`.

    Args:
        checks: a shell script of the user's, or nothing.
        remote: URL of the repo with the upgrade; empty: the device is booted once.
        key: the OpenPGP key, armored, that has signed it.
    """
    given = {
        f"systemd.extra-unit.{UNIT}": _UNIT_TEXT,
        "systemd.unit-dropin.multi-user.target": _WANTED,
        "apt2ostree.life": SCRIPT.read_text(encoding="utf-8"),
        "apt2ostree.checks": checks,
        "apt2ostree.remote": remote,
        "apt2ostree.key": key,
    }
    return {name: value for name, value in given.items() if value}


def boots(answers: Iterable[str]) -> list[Boot]:
    """The answers, boot by boot."""
    found: list[tuple[dict[str, list[str]], bool]] = []
    for answer in answers:
        key, _, value = answer.partition(" ")
        if key == "boot":
            found.append((defaultdict(list), False))
        elif found and key == "end":
            found[-1] = (found[-1][0], True)
        elif found:
            found[-1][0][key].append(value)
    return [Boot(dict(lines), whole) for lines, whole in found]


def faults(said: Sequence[Boot], expected: Sequence[Expected]) -> Iterator[str]:
    """Yield what is not as it has to be."""
    for number, (boot, wanted) in enumerate(zip(said, expected)):
        for fault in _of_boot(boot, wanted):
            yield f"{wanted.name}: {fault}"
        if not boot.whole:
            yield f"{wanted.name}: it did not come to its end"
        if wanted.later and boot.line("machine-id") != said[0].line("machine-id"):
            yield f"{wanted.name}: its machine-id is another than at the first boot"
        if number + 1 < len(expected) and number == 0:
            yield from _of_upgrade(boot)
    for wanted in expected[len(said) :]:
        yield f"{wanted.name}: the device did not answer"


def _of_boot(boot: Boot, wanted: Expected) -> Iterator[str]:
    failed = "; ".join(boot.lines("failed"))
    if boot.line("state") != "running":
        yield f"the system is {boot.line('state')!r}, not 'running'; failed: {failed or 'none'}"
    if boot.line("deployment") != f"{wanted.commit}.0":
        yield f"{boot.line('deployment')!r} is booted, expected {wanted.commit}.0"
    for directory in boot.lines("writable"):
        yield f"{directory} is writable"
    if boot.lines("audit"):
        yield f"dpkg --audit: {' '.join(boot.lines('audit'))}"
    packages = {f"{p.name} {p.version} {p.architecture}" for p in wanted.image.packages}
    for package in sorted(packages ^ set(boot.lines("package")))[:10]:
        yield f"package {package} is not in both the image and what dpkg lists"
    for kind in ("passwd", "group"):
        ids = _ids(boot.lines(kind))
        for name, number in _ids(wanted.image.texts.get(f"etc/{kind}", "").splitlines()).items():
            if ids.get(name) != number:
                yield f"{kind}: {name} has id {ids.get(name, 'none')}, expected {number}"
    if wanted.later and list(boot.lines("kept")) != ["kept", "edited"]:
        yield "a file in /var or one in /etc, made on the device, was not kept"
    if wanted.later and "apt2ostree-test" not in _ids(boot.lines("passwd")):
        yield "a user made on the device was not kept"
    if boot.line("checked") not in ("", "0"):
        yield f"`checks` failed with status {boot.line('checked')}:\n" + "\n".join(
            boot.lines("check")
        )


def _of_upgrade(boot: Boot) -> Iterator[str]:
    for branch, (what, words) in REFUSED.items():
        said = " ".join(boot.lines(branch))
        if not re.search(words, said):
            yield f"a commit {what} was not refused for it: {said!r}"
    if not any("Transaction complete" in line for line in boot.lines("upgrade")):
        yield "ostree admin upgrade: " + "\n".join(boot.lines("upgrade"))


def _ids(lines: Iterable[str]) -> dict[str, str]:
    fields = (line.split(":") for line in lines)
    return {entry[0]: entry[2] for entry in fields if len(entry) > 3}
