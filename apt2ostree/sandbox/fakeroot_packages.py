"""Fakeroot out of its packages' trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.ostree.objects_tar import Location
from apt2ostree.sandbox import fakeroot, materialize
from apt2ostree.tree import manifest, paths
from apt2ostree.tree.manifest import CHECKSUM, TYPE, Row


@dataclass(frozen=True)
class FakerootPackages:
    """Packages that hold fakeroot.

    Attributes:
        rows: their files by path.
        locations: where their objects are.
    """

    rows: Mapping[str, Row]
    locations: Mapping[str, Location]

    @classmethod
    def load(cls, manifests: Sequence[Path], tars: Sequence[Path]) -> FakerootPackages | None:
        """The packages with these manifests and objects; `None` if there are none."""
        if not manifests:
            return None
        rows = {
            paths.join(path, name): row
            for file in manifests
            for path, directory in manifest.load(file).directories.items()
            for name, row in directory.files.items()
            if row[TYPE] == "file"
        }
        return cls(rows, materialize.index(tars))

    def files(self) -> dict[str, bytes]:
        """The content of the daemon and of the libraries: see `fakeroot.find`.

        Raises:
            UserError: the packages do not hold them.
        """
        result = {}
        for name, path in fakeroot.find(self.rows).items():
            object_name = f"{self.rows[path][CHECKSUM]}.file"
            if object_name not in self.locations:
                raise UserError(f"/{path} of fakeroot: its object is missing; build it again")
            result[name] = materialize.read_content(self.locations[object_name], object_name)
        return result
