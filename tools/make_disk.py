"""Action: write a disk that boots an image."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apt2ostree import worker
from apt2ostree.disk import disk, sysroot
from apt2ostree.disk.toolbox import Toolbox
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ship import checkout


@dataclass(frozen=True)
class Request:
    """What to write; see `sysroot.Options` for what is not told here.

    Attributes:
        image: a bootable image.
        tools: the programs that write file systems.
        keys: files with OpenPGP public keys.
        kernel_arguments: besides those that find the root.
        size: mebibytes of the disk.
        output: disk to write.
    """

    image: BuiltImage
    tools: BuiltImage
    os_name: str
    branch: str
    remote: str
    keys: Sequence[Path]
    kernel_arguments: Sequence[str]
    size: int
    output: Path


def main(request: Request) -> None:
    """Run the action."""
    with tempfile.TemporaryDirectory(dir=request.output.parent) as directory:
        scratch = Path(directory).absolute()
        checkout.write(request.tools, scratch / "tools", user_mode=True)
        toolbox = Toolbox(scratch / "tools", {"SOURCE_DATE_EPOCH": str(disk.EPOCH)})
        (scratch / "work").mkdir()
        with request.output.open("w+b") as output:
            disk.make(output, request.image, _options(request), toolbox, scratch / "work")


def _options(request: Request) -> disk.Options:
    return disk.Options(
        sysroot.Options(
            os_name=request.os_name,
            branch=request.branch,
            remote=request.remote,
            keys=b"".join(path.read_bytes() for path in request.keys),
            kernel_arguments=(f"root=LABEL={disk.ROOT_LABEL}", "rw", *request.kernel_arguments),
        ),
        disk.root_size(request.size << 20),
    )


if __name__ == "__main__":
    worker.run(main, Request)
