"""A virtual machine that boots a disk: QEMU with UEFI, all of it from a lock of ours.

What is to be done in it comes by credentials of its firmware tables (SMBIOS, systemd.exec(5)), and
answers go out through a virtual serial port, so that nothing of a test is in the image.
"""

from __future__ import annotations

import base64
import contextlib
import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from apt2ostree.disk.toolbox import Toolbox

_FIRMWARE = "usr/share/OVMF/OVMF_CODE_4M.fd"
_VARIABLES = "usr/share/OVMF/OVMF_VARS_4M.fd"
PORT = "apt2ostree"
"""The name of the port for answers: /dev/virtio-ports/apt2ostree in the machine."""


@dataclass(frozen=True)
class Options:
    """What the machine has.

    Attributes:
        memory: megabytes.
        processors: how many.
        credentials: name → value, which systemd finds.
        kvm: whether the processor runs it itself.
    """

    memory: int = 2048
    processors: int = 2
    credentials: Mapping[str, str] = field(default_factory=dict)
    kvm: bool = False


@dataclass(frozen=True)
class Run:
    """What became of a machine.

    Attributes:
        answers: lines that came out of its port.
        console: lines of its serial console.
        seconds: how long it ran.
        timed_out: it was stopped, because its time was over.
    """

    answers: Sequence[str]
    console: Sequence[str]
    seconds: float
    timed_out: bool


def command(toolbox: Toolbox, disk: Path, scratch: Path, options: Options) -> list[str]:
    """QEMU's command line.

    Args:
        toolbox: with QEMU and OVMF.
        disk: a raw image, which is written to.
        scratch: a directory for the firmware's variables and the port's answers.
        options: see there.
    """
    variables = scratch / "variables.fd"
    shutil.copyfile(toolbox.root / _VARIABLES, variables)
    variables.chmod(0o600)
    firmware = f"if=pflash,format=raw,unit=0,readonly=on,file={toolbox.root / _FIRMWARE}"
    words = [
        *("-accel", "kvm" if options.kvm else "tcg,thread=multi,tb-size=512"),
        *("-cpu", "host" if options.kvm else "max", "-smp", str(options.processors)),
        *("-m", str(options.memory), "-M", "q35", "-nographic", "-nodefaults", "-no-user-config"),
        *("-serial", "stdio", "-L", str(toolbox.root / "usr/share/qemu")),
        *("-L", str(toolbox.root / "usr/share/seabios")),
        *("-drive", firmware),
        *("-drive", f"if=pflash,format=raw,unit=1,file={variables}"),
        *("-drive", f"if=none,id=disk,format=raw,file={disk},cache=unsafe"),
        *("-device", "virtio-blk-pci,drive=disk,bootindex=0"),
        *("-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="),
        *("-device", "virtio-rng-pci", "-device", "virtio-serial-pci"),
        *("-chardev", f"file,id=answers,path={scratch / 'answers'}"),
        *("-device", f"virtserialport,chardev=answers,name={PORT}"),
    ]
    for name, value in options.credentials.items():
        encoded = base64.b64encode(value.encode()).decode()
        words += ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={encoded}"]
    return toolbox.command("usr/bin/qemu-system-x86_64", *words)


def run(
    toolbox: Toolbox,
    disk: Path,
    scratch: Path,
    options: Options,
    time_limit: float,
    show: Callable[[str], None],
) -> Run:
    """Run the machine until it is switched off.

    Args:
        toolbox: see `command`, as `disk`, `scratch` and `options`.
        disk: the disk.
        scratch: the directory.
        options: what it has.
        time_limit: seconds.
        show: is given each line of the console, with the seconds since the start.
    """
    answers = scratch / "answers"
    answers.unlink(missing_ok=True)
    start = time.monotonic()
    lines: list[str] = []
    with _started(command(toolbox, disk, scratch, options), toolbox, scratch) as process:
        over = False
        for line in _lines(process, start + time_limit):
            lines.append(line)
            show(f"{time.monotonic() - start:7.1f} {line}")
        if process.poll() is None:
            over = time.monotonic() >= start + time_limit
            if over:
                process.kill()
            process.wait()
        status = process.returncode
    if status and not over:
        lines.append(f"QEMU ended with status {status}")
    found = answers.read_text("utf-8", "replace").splitlines() if answers.exists() else []
    return Run(found, lines, time.monotonic() - start, over)


@contextlib.contextmanager
def _started(
    words: Sequence[str], toolbox: Toolbox, scratch: Path
) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**toolbox.environment, "HOME": str(scratch), "TMPDIR": str(scratch)}
    modules = toolbox.root / "usr/lib/x86_64-linux-gnu/qemu"
    environment["QEMU_MODULE_DIR"] = str(modules)
    process = subprocess.Popen(
        words,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def _lines(process: subprocess.Popen[bytes], deadline: float) -> Iterator[str]:
    """What the machine's console shows, line by line, until it ends or the deadline is there."""
    assert process.stdout
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                break
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                break
            *whole, rest = (rest + data).replace(b"\r", b"").split(b"\n")
            yield from (line.decode("utf-8", "replace") for line in whole)
    if rest:
        yield rest.decode("utf-8", "replace")
