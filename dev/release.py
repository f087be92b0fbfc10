"""Make a release: an archive of what ships, and what says where it is and what is in it.

`bazel run //dev:release -- DIRECTORY` writes

- `apt2ostree-VERSION.tar.gz`, a commit without what `.gitattributes` marks `export-ignore`; the
  same bytes wherever it is made;
- `notes.md`, the version's part of CHANGELOG.md and how to use the archive;
- `registry/`, laid out as the Bazel Central Registry is
  (https://bazel.build/external/registry), from the templates in `.bcr/`.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apt2ostree import errors
from apt2ostree.errors import UserError

_MODULE = re.compile(r'^module\(\n    name = "(\w+)",\n    version = "([\w.+-]+)",$', re.MULTILINE)
# What the user's own git is configured with must not show in the archive.
_GIT = ("git", "-c", "tar.umask=0022", "-c", "core.autocrlf=false")

NOTES = """\
# {name} {version}

{changes}

## Install

In `MODULE.bazel`:

```starlark
{override}
```
"""
OVERRIDE = """\
bazel_dep(name = "{name}", version = "{version}")
archive_override(
    module_name = "{name}",
    integrity = "{integrity}",
    strip_prefix = "{prefix}",
    urls = ["{url}"],
)"""


@dataclass(frozen=True)
class Release:
    """A release, and all that is derived from it.

    Attributes:
        name: of the module.
        version: of the module.
        archive: a gzipped tar of what ships.
        url: where the archive will be.
    """

    name: str
    version: str
    archive: bytes
    url: str

    @property
    def prefix(self) -> str:
        """The directory that all is in."""
        return f"{self.name}-{self.version}"

    @property
    def integrity(self) -> str:
        """The archive's SHA-256 as Subresource Integrity writes it."""
        return "sha256-" + base64.b64encode(hashlib.sha256(self.archive).digest()).decode()

    def override(self) -> str:
        """What a user writes into MODULE.bazel."""
        return OVERRIDE.format(
            name=self.name,
            version=self.version,
            integrity=self.integrity,
            prefix=self.prefix,
            url=self.url,
        )


class Checkout:
    """A git commit.

    Args:
        directory: of a checkout.
        revision: as git names it.
    """

    def __init__(self, directory: Path, revision: str) -> None:
        self.directory = directory
        self.revision = revision

    def git(self, *arguments: str) -> bytes:
        """Run git there.

        Raises:
            UserError: it failed, or is not there.
        """
        try:
            done = subprocess.run(
                [*_GIT, *arguments], cwd=self.directory, capture_output=True, check=False
            )
        except FileNotFoundError:
            raise UserError("a release is made with git, which is not on PATH") from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise UserError(f"{self.directory}: git {arguments[0]}: {said}")
        return done.stdout

    def read(self, path: str) -> str:
        """The text of a committed file.

        Raises:
            UserError: there is no such file in the commit.
        """
        return self.git("cat-file", "blob", f"{self.revision}:{path}").decode()

    def archive(self, prefix: str) -> bytes:
        """What ships as a gzipped tar, in a directory `prefix`; a function of the commit."""
        tar = self.git("archive", "--format=tar", f"--prefix={prefix}/", self.revision)
        return gzip.compress(tar, mtime=0)


def module(text: str) -> tuple[str, str]:
    """Name and version in a MODULE.bazel.

    Raises:
        UserError: they are not where they are looked for.
    """
    found = _MODULE.search(text)
    if not found:
        raise UserError("MODULE.bazel: expected module(…) to begin with a name and a version")
    return found[1], found[2]


def changes(changelog: str, version: str) -> str:
    """A version's part of CHANGELOG.md.

    Raises:
        UserError: it has none, or an empty one.
    """
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    for section in sections:
        heading, _, text = section.partition("\n")
        if heading.split()[0] == version and text.strip():
            return text.strip()
    raise UserError(
        f"CHANGELOG.md: nothing under '## {version}', the version in MODULE.bazel: say there what "
        "changes for users"
    )


def registry(release: Release, checkout: Checkout) -> dict[str, str]:
    """The files of a registry that has this release: path → text."""
    templates: list[dict[str, Any]] = [
        json.loads(checkout.read(f".bcr/{name}.template.json")) for name in ("metadata", "source")
    ]
    metadata = {**templates[0], "versions": [release.version]}
    source = {
        **templates[1],
        "integrity": release.integrity,
        "strip_prefix": release.prefix,
        "url": release.url,
    }
    below = f"modules/{release.name}/{release.version}"
    return {
        "bazel_registry.json": "{}\n",
        f"modules/{release.name}/metadata.json": json.dumps(metadata, indent=4) + "\n",
        f"{below}/MODULE.bazel": checkout.read("MODULE.bazel"),
        f"{below}/presubmit.yml": checkout.read(".bcr/presubmit.yml"),
        f"{below}/source.json": json.dumps(source, indent=4) + "\n",
    }


def write(directory: Path, files: dict[str, bytes]) -> None:
    """Write files below a directory: all of them, or none.

    Raises:
        UserError: one is there with other content: what was released does not change.
    """
    for name, content in files.items():
        path = directory / name
        if path.exists() and path.read_bytes() != content:
            raise UserError(
                f"{path}: is there already, and differs: a release does not change. Raise the "
                "version in MODULE.bazel, or remove it if nobody has it yet"
            )
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = argparse.ArgumentParser(
        prog="bazel run //dev:release --",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("directory", type=Path, metavar="DIRECTORY", help="where to write it")
    parser.add_argument("--revision", default="HEAD", help="the commit (default: %(default)s)")
    parser.add_argument(
        "--url",
        help="the directory where the archive will be on the web (default: DIRECTORY as file://)",
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run it; see --help."""
    options = parser().parse_args(arguments)
    directory = Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."), options.directory).resolve()
    checkout = Checkout(
        Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", ".")).resolve(), options.revision
    )
    name, version = module(checkout.read("MODULE.bazel"))
    told = changes(checkout.read("CHANGELOG.md"), version)
    file = f"{name}-{version}.tar.gz"
    url = f"{(options.url or directory.as_uri()).rstrip('/')}/{file}"
    release = Release(name, version, checkout.archive(f"{name}-{version}"), url)
    notes = NOTES.format(name=name, version=version, changes=told, override=release.override())
    files = {file: release.archive, "notes.md": notes.encode()}
    for path, text in registry(release, checkout).items():
        files[f"registry/{path}"] = text.encode()
    write(directory, files)
    print(f"{directory / file}: {len(release.archive)} bytes\n\n{release.override()}")
    return 0


if __name__ == "__main__":
    errors.run(main)
