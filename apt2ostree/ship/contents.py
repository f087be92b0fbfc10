"""Reading files' content out of an image's objects tars."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from apt2ostree.errors import UserError
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree import objects, objects_tar
from apt2ostree.ostree.objects_tar import Location
from apt2ostree.tree.manifest import CHECKSUM, TYPE

CHUNK = 1 << 20
OPEN_FILES = 64
"""Objects tars kept open; an image has one per package."""


class Contents:
    """The content of an image's files, by checksum; close it, or use it in a `with`.

    Args:
        image: the image.
    """

    def __init__(self, image: BuiltImage) -> None:
        self._image = image
        self._files: OrderedDict[Path, BinaryIO] = OrderedDict()

    def __enter__(self) -> Contents:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()

    def chunks(self, checksum: str) -> Iterator[bytes]:
        """Yield the content of the file whose object has this checksum.

        Raises:
            UserError: the image does not have the object, or it is cut off.
        """
        location = self._locations.get(f"{checksum}.file")
        if location is None:
            raise UserError(
                f"{self._image.label}: object {checksum} is in none of its objects tars; build "
                "it again"
            )
        file = self._open(location.path)
        file.seek(location.offset)
        data = file.read(min(location.size, CHUNK))
        left = location.size - len(data)
        _, start = objects.parse_file_header(data)
        yield data[start:]
        while left:
            data = file.read(min(left, CHUNK))
            if not data:
                raise UserError(f"{location.path}: truncated objects tar; build it again")
            left -= len(data)
            yield data

    def read(self, path: str) -> bytes | None:
        """The content of the file at a path of the image; `None` if there is no such file."""
        row = self._image.manifest.row(path)
        return b"".join(self.chunks(row[CHECKSUM])) if row and row[TYPE] == "file" else None

    def read_text(self, path: str) -> str | None:
        """The same as text, whatever its bytes."""
        data = self.read(path)
        return None if data is None else data.decode("utf-8", "surrogateescape")

    @cached_property
    def _locations(self) -> dict[str, Location]:
        return {
            name: location
            for path in self._image.objects
            for name, location in objects_tar.index(path)
            if name.endswith(".file")
        }

    def _open(self, path: Path) -> BinaryIO:
        file = self._files.pop(path, None)
        if file is None:
            if len(self._files) >= OPEN_FILES:
                self._files.popitem(last=False)[1].close()
            file = path.open("rb")
        self._files[path] = file
        return file
