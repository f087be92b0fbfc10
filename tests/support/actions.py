"""What the rules ask actions for by default."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from apt2ostree.image.built_image import BuiltImage
from tools import compose, configure


def compose_request(packages: Sequence[Path], start: str) -> compose.Request:
    """An image of amd64; `start` is what the outputs' paths start with."""
    return compose.Request(
        base=[],
        packages=packages,
        local_packages=[],
        layers=[],
        architectures=["amd64"],
        merged_usr="auto",
        overlay_conflicts="error",
        remove=[],
        unmatched_globs="warning",
        automatic=[],
        quirks=[],
        accounts=[],
        manifest=Path(f"{start}.manifest.json"),
        objects=Path(f"{start}.objects.tar"),
        commit=Path(f"{start}.commit"),
    )


def configure_request(image: BuiltImage, cleanup: Path, start: str) -> configure.Request:
    """An image configured; `start` is what the outputs' paths start with."""
    return configure.Request(
        image=image,
        cleanup=[cleanup],
        debconf=[],
        disk_limit=0,
        environment={},
        epoch=0,
        hooks_after=[],
        hooks_before=[],
        policy=[],
        time_limit=0,
        manifest=Path(f"{start}.manifest.json"),
        objects=Path(f"{start}.objects.tar"),
        commit=Path(f"{start}.commit"),
    )
