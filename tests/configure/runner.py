"""Runs the configure action on packages made in a test, upon a small real base.

The base is the target `:small`: dpkg, a shell, perl and what they need, configured.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from apt2ostree.image import built_image, compose
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.ostree import objects_tar
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.tree import manifest
from apt2ostree.tree.manifest import CHECKSUM, Directory, Manifest, Row, row_xattrs
from tests.support import debs, images, requests
from tests.support.actions import configure_request
from tests.support.judges import ScratchTest

TOOL = (
    "from apt2ostree import worker; from tools.configure import Request, main; "
    "worker.run(main, Request)"
)
CLEANUP = Path("apt2ostree/configure/cleanup.list")
SECONDS = f"98765.{os.getpid()}"
"""An odd time to sleep, by which a test knows its own processes."""


@dataclass(frozen=True)
class Outcome:
    """What the action did.

    Attributes:
        status: its exit status.
        said: its standard error.
        directory: where its outputs are.
        tars: all the image's objects tars.
    """

    status: int
    said: str
    directory: Path
    tars: Sequence[Path]

    @property
    def manifest(self) -> Manifest:
        """The configured image's manifest."""
        return manifest.load(self.manifest_path)

    @property
    def manifest_path(self) -> Path:
        """Where it is."""
        return self.directory / "image.manifest.json"

    @property
    def commit(self) -> str:
        """Its commit checksum."""
        return (self.directory / "image.commit").read_text(encoding="ascii").strip()

    def row(self, path: str) -> Row | None:
        """A file's row."""
        return self.manifest.row(path)

    def directory_at(self, path: str) -> Directory:
        """A directory of the image."""
        return self.manifest.directories[path]

    def xattrs(self, path: str) -> dict[str, bytes]:
        """A file's extended attributes."""
        row = self.row(path)
        assert row, path
        return row_xattrs(row)

    def text(self, path: str) -> str:
        """A file's content."""
        row = self.row(path)
        assert row, f"no {path} in the image"
        found = images.contents([tar.read_bytes() for tar in self.tars[-1:]])
        return found[row[CHECKSUM]].decode("utf-8", "surrogateescape")


@lru_cache
def base() -> BuiltImage:
    """The base; its description is given as the test's first argument."""
    description = Path(os.environ["BASE_IMAGE"] + ".image.json")
    return built_image.load(description, Path.cwd().parent)


def package(
    name: str = "tiny",
    *entries: debs.Entry,
    scripts: Mapping[str, str] | None = None,
    **fields: str,
) -> bytes:
    """A package for all architectures; its scripts get a `#!` line and stop on errors."""
    whole = {
        kind: text if text.startswith("#!") or kind in ("templates", "triggers", "conffiles")
        else f"#!/bin/bash\nset -e\n{text}\n"
        for kind, text in (scripts or {}).items()
    }  # fmt: skip
    fields = {"Architecture": "all", **fields}
    return debs.deb(*entries, control=debs.control(name, **fields), scripts=whole)


class ConfigureTest(ScratchTest):
    """A test that runs the action."""

    def command(
        self, packages: Sequence[bytes], options: Mapping[str, Any], name: str = "output"
    ) -> tuple[list[str], Path, list[Path]]:
        """The action's command line, its output directory, the image's tars.

        Args:
            packages: to be configured upon the base.
            options: what the request says besides.
            name: of the output directory.
        """
        directory = self.scratch / name
        directory.mkdir()
        unpacked = [images.unpack(deb) for deb in packages]
        tars = list(base().objects)
        for number, (_, tar) in enumerate(unpacked):
            tars.append(directory / f"{number}.objects.tar")
            tars[-1].write_bytes(tar)
        tars.append(directory / "unpacked.objects.tar")
        with tars[-1].open("w+b") as file:
            writer = ObjectsWriter(file)
            below = compose.Base("small", base().manifest, lambda: [])
            image, _ = compose.compose(
                [one for one, _ in unpacked], {}, compose.Options(), writer, below
            )
            writer.close()
        (directory / "unpacked.json").write_text(image.dump(), encoding="utf-8")
        unpacked_image = BuiltImage(
            label="//test:image",
            ref="",
            commit_path=directory / "unpacked.commit",
            manifest_path=directory / "unpacked.json",
            objects=tars,
            fakeroot=base().fakeroot,
            fakeroot_objects=base().fakeroot_objects,
        )
        request = replace(
            configure_request(unpacked_image, CLEANUP, f"{directory}/image"), **options
        )
        argument = requests.write(directory / "request.json", request)
        return [sys.executable, "-c", TOOL, argument], directory, [*tars, request.objects]

    def configure(
        self,
        *packages: bytes,
        options: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        name: str = "output",
        umask: int = -1,
    ) -> Outcome:
        """Configure packages upon the base."""
        command, directory, tars = self.command(packages, options or {}, name)
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment_of_tools(environment or {}),
            umask=umask,
            check=False,
        )
        said = result.stdout.decode("utf-8", "replace")
        self.assertFalse(list(directory.glob("*.scratch")), "the scratch directory is left")
        return Outcome(result.returncode, said, directory, tars)

    def configured(self, *packages: bytes, options: Mapping[str, Any] | None = None) -> Outcome:
        """Configure packages, which must succeed; judged by OSTree's rules for objects."""
        outcome = self.configure(*packages, options=options)
        self.assertEqual(0, outcome.status, outcome.said)
        have = {name for tar in outcome.tars for name, _ in objects_tar.index(tar)}
        path = outcome.directory / "image.commit"
        image = BuiltImage("//test:image", "x", path, outcome.manifest_path, outcome.tars)
        self.assertEqual(set(), image.object_names() - have)
        return outcome

    def postinst(
        self, text: str, options: Mapping[str, Any] | None = None, **scripts: str
    ) -> Outcome:
        """Configure a package with this postinst."""
        return self.configured(package(scripts={"postinst": text, **scripts}), options=options)

    def failing(self, text: str, options: Mapping[str, Any] | None = None, **scripts: str) -> str:
        """What the action says when this postinst fails; nothing is written then."""
        outcome = self.configure(package(scripts={"postinst": text, **scripts}), options=options)
        self.assertEqual(1, outcome.status, outcome.said)
        self.assertFalse((outcome.directory / "image.manifest.json").exists())
        self.assertFalse((outcome.directory / "image.commit").exists())
        return outcome.said


def environment_of_tools(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment for a tool of ours, run by this Python."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **extra}


def sleepers() -> list[str]:
    """The processes of the machine that sleep for `SECONDS`."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                command = (path / "cmdline").read_bytes()
            except OSError:
                continue
            if command == f"sleep\0{SECONDS}\0".encode():
                found.append(path.name)
    return found
