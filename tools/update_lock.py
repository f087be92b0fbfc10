"""Write a lockfile anew: the packages of an image, resolved as apt would, from signed archives.

This is what `bazel run //image:update_lock` runs. Downloads go into a cache
($XDG_CACHE_HOME/apt2ostree), through the mirrors in $APT2OSTREE_MIRRORS (FROM=TO[,FROM=TO…]), the
proxies in $http_proxy and $https_proxy, with the credentials in ~/.netrc.

Exit status: 0 done; 1 an error, or --check found that the lockfile is not up to date; 130
interrupted.
"""

from __future__ import annotations

import apt2ostree.early_interrupt  # noqa: F401 (before what takes long to import)

import argparse
import logging
import os
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from apt2ostree import errors, messages
from apt2ostree.archive.archive import Archives
from apt2ostree.archive.cache import default_cache
from apt2ostree.archive.distributions import NamedSources
from apt2ostree.archive.download import Downloader, Settings
from apt2ostree.archive.keyrings import Keyrings
from apt2ostree.archive.mirrors import Mirrors
from apt2ostree.archive.progress import Progress, show_progress
from apt2ostree.archive.snapshots import Snapshots
from apt2ostree.command_line import Parser
from apt2ostree.lock.lock_config import LockConfig, read_config
from apt2ostree.lock.lockfile import read_lock, write_lock
from apt2ostree.lock.pool import fill_pool, pool_files
from apt2ostree.lock.source_tree import source_directory, writable_directory
from apt2ostree.lock.summary import markdown, print_summary
from apt2ostree.lock.update import Update, make_update

COMMANDS = {
    "mirror": "download all packages of the lockfile into a directory that serves as a mirror",
    "sources": "print the sources, in deb822 format, and change nothing",
}


def main(arguments: Sequence[str]) -> int:
    """Run the tool; see --help."""
    options = parser().parse_args(arguments)
    messages.choose(options.verbose, options.quiet)
    logging.basicConfig(handlers=[_Libraries()])
    errors.heed_sigterm()
    configs = [read_config(path, options.runfiles) for path in options.config]
    if options.command == "sources":
        return _print_sources(configs)
    workspace = _workspace(options.workspace)
    with show_progress(sys.stderr, options.quiet) as progress:
        downloader = _downloader(options, progress)
        if options.command == "mirror":
            return _mirror(configs, workspace, _invocation_path(options.directory), downloader)
        writes = not (options.check or options.dry_run)
        find = writable_directory if writes else source_directory
        directories = [find(config, workspace) for config in configs]
        updates = [
            _update(config, downloader, directory, options)
            for config, directory in zip(configs, directories)
        ]
    status = _apply(updates, directories, options)
    downloader.cache.prune()
    return status


class _Libraries(logging.Handler):
    """Lets libraries warn as everything here does."""

    def emit(self, record: logging.LogRecord) -> None:
        messages.say(f"{record.levelname.lower()}: {record.getMessage()}")


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    description, _, epilog = (__doc__ or "").partition("\n\n")
    parser = Parser(
        prog="update_lock",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="show what would change, and change nothing"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="change nothing; exit with status 1 and the reason if the lockfile is not what an "
        "update would make of it",
    )
    parser.add_argument(
        "--summary",
        metavar="FILE",
        help="write the summary as Markdown too, fit for a commit message; - is standard output",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="update, or add, this package, and of the others only those that it takes; may be "
        "repeated",
    )
    parser.add_argument(
        "--allow-older",
        action="store_true",
        help="take an archive that is older than the one that the lockfile was made from",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="say more about each step")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, no summary")
    parser.add_argument("--jobs", type=_positive, default=Settings.jobs, help="downloads at once")
    parser.add_argument(
        "--tries", type=_positive, default=Settings.tries, help="attempts at each download"
    )
    parser.add_argument(
        "--timeout",
        type=_positive,
        default=int(Settings.timeout),
        metavar="SECONDS",
        help="how long a server may be silent",
    )
    hidden = argparse.SUPPRESS  # What the rule passes.
    parser.add_argument("--config", type=Path, action="append", required=True, help=hidden)
    parser.add_argument("--runfiles", type=Path, default=Path(), help=hidden)
    parser.add_argument("--workspace", type=Path, help=hidden)
    commands = parser.add_subparsers(dest="command", metavar="[COMMAND]", required=False)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
        if name == "mirror":
            command.add_argument("directory", metavar="DIR", type=Path, help="the directory")
    return parser


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return int(text)


def _workspace(given: Path | None) -> Path:
    """The source tree, which `bazel run` names."""
    directory = given or os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not directory:
        raise errors.UserError(
            "the source tree is not known: run this with `bazel run`, which sets "
            "BUILD_WORKSPACE_DIRECTORY"
        )
    return Path(directory)


def _invocation_path(path: Path) -> Path:
    """A path as its user meant it: relative to where `bazel run` was typed."""
    return Path(os.environ.get("BUILD_WORKING_DIRECTORY", ".")) / path


def _downloader(options: argparse.Namespace, progress: Progress) -> Downloader:
    return Downloader(
        cache=default_cache(os.environ),
        mirrors=Mirrors.from_environment(os.environ),
        progress=progress,
        settings=Settings(jobs=options.jobs, tries=options.tries, timeout=options.timeout),
    )


def _update(
    config: LockConfig, downloader: Downloader, directory: Path, options: argparse.Namespace
) -> Update:
    archives = Archives(
        downloader=downloader,
        keyrings=Keyrings(config.keyrings),
        snapshots=Snapshots(config.snapshots),
        now=datetime.now(timezone.utc),
    )
    start = time.monotonic()
    update = make_update(config, archives, directory, options.allow_older, options.only)
    messages.debug(f"{config.label}: resolved in {time.monotonic() - start:.2f} s")
    return update


def _apply(
    updates: Sequence[Update], directories: Sequence[Path], options: argparse.Namespace
) -> int:
    """Write, or only compare, and tell."""
    stale = False
    for update, directory in zip(updates, directories):
        path = directory / update.config.lockfile
        if options.check:
            stale = _report_staleness(update, path) or stale
        elif not options.dry_run:
            write_lock(path, update.content)
        if not options.quiet:
            print_summary(update.summary, sys.stdout)
    if options.summary:
        text = "\n".join(markdown(update.summary) for update in updates)
        if options.summary == "-":
            print(text, end="")
        else:
            _invocation_path(Path(options.summary)).write_text(text, encoding="utf-8")
    return 1 if stale else 0


def _report_staleness(update: Update, path: Path) -> bool:
    if not path.exists():
        reason = "it does not exist"
    elif path.read_bytes() == update.content:
        return False
    elif update.summary.changes:
        reason = "the packages or the archives have changed since it was written"
    else:
        reason = "the packages are the same, but what the archives say of them has changed"
    messages.error(
        f"{update.config.lockfile} is not up to date: {reason}; run\n"
        f"    bazel run {update.config.label}"
    )
    return True


def _mirror(
    configs: Sequence[LockConfig], workspace: Path, directory: Path, downloader: Downloader
) -> int:
    paths = [source_directory(config, workspace) / config.lockfile for config in configs]
    for config, path in zip(configs, paths):
        if not path.exists():
            raise errors.UserError(
                f"{config.lockfile} does not exist yet; run\n    bazel run {config.label}"
            )
    packages = [package for path in paths for package in read_lock(path)]
    files = pool_files(packages)
    fetched = fill_pool(directory, files, downloader)
    print(f"{directory}: {len(files)} packages, {fetched} of them downloaded now")
    return 0


def _print_sources(configs: Sequence[LockConfig]) -> int:
    for config in configs:
        for source in config.sources:
            if isinstance(source, NamedSources):
                print(source.deb822(config.architecture))
            else:
                print(source.read())
    return 0


if __name__ == "__main__":
    errors.run(main)
