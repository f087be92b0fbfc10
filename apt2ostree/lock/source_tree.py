"""Where a lockfile is in somebody's source tree: of the main repository, or of another module."""

from __future__ import annotations

import os
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.lock.lock_config import LockConfig


def source_directory(config: LockConfig, workspace: Path) -> Path:
    """The directory that the lockfile's path is relative to, to read it.

    Args:
        config: the target.
        workspace: the main repository's source tree, which `bazel run` names.
    """
    return _directory(config, workspace)[0]


def writable_directory(config: LockConfig, workspace: Path) -> Path:
    """The directory that the lockfile's path is relative to, to write it. See `source_directory`.

    Raises:
        UserError: the lockfile is of a module that Bazel has downloaded, and would be again.
    """
    directory, own = _directory(config, workspace)
    if not own:
        raise UserError(
            f"{config.label}: its lockfile {config.lockfile} is of the module "
            f"{config.repository}, which Bazel has downloaded to {directory}; nothing was written. "
            "Update it in that module's own source tree, or map the module to a directory with "
            "local_path_override in MODULE.bazel and run this again"
        )
    return directory


def _directory(config: LockConfig, workspace: Path) -> tuple[Path, bool]:
    """(the directory, whether it is somebody's source tree)."""
    if not config.repository:
        return workspace, True
    if not config.package_file:
        raise UserError(f"{config.label}: it has no BUILD file to find its source tree by")
    path, below = config.package_file.path, config.package_file.name
    real = Path(os.path.realpath(path))
    if not str(real).endswith(f"/{below}"):
        # Its BUILD file is another repository's, so the rest was downloaded.
        return Path(str(path)[: -len(below)]), False
    directory = Path(str(real)[: -len(below)])
    # Bazel's own directories: by the repository's name under its output base or in a vendor
    # directory, and by two hashes in `contents` of a repository cache.
    bazels = directory.name == config.repository or directory.parents[1].name == "contents"
    return directory, not bazels
