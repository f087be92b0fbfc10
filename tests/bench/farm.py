"""Benchmark: an image from packages on a mirror to a commit, beside the tools that others use.

    TMPDIR=/dev/shm bazel run //tests/bench:farm -- --rounds 3 --markdown docs/benchmarks.md
    TMPDIR=/dev/shm bazel run //tests/bench:farm_desktop -- --rounds 3 --only apt2ostree

All contenders take the same packages from one mirror on loopback and end with a commit in an
OSTree repo (bare-user); `bazel build` ends with the commit in Bazel's output tree. Nothing is
synced to disk. They run in turn, round after round; the medians are printed, and each as a
multiple of what ours takes into a repo, unpacked beside unpacked and configured beside configured.
Let them work in memory (TMPDIR): for minutes after many files were deleted, ext4 is slow to create
new ones, and whoever comes second pays for what the first has left.
A peer that is not installed is left out aloud; the others need root.

Before each cold build ours has made an image of one other package in the same output base: the
server runs, the rule set is loaded, the tools of `bazel run` are fetched. What that took is
printed too. `Bazel in use` has made one of 300 other packages. `short-lived` is a Bazel whose
Java compiles less. A peer that cannot take over anything from its last build does each case cold.

Processor time is that of all processes of a contender, Bazel's server and its workers among
them. Peak memory is that of the largest process.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import sys
import tempfile
import unittest
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Callable

from apt2ostree import errors
from tests.bench import contenders, measure
from tests.bench.contenders import CONFIGURED, UNPACKED, Contender, Ours, Place
from tests.bench.measure import Figures
from tests.farm import pool
from tests.support import servers

LEFT_OUT = ("nginx", "gnome-core")
"""Packages that the second variant does not have."""
IN_USE = 300
"""Packages that a Bazel has made an image of before it counts as one in use."""
COLD = "cold"
CASES = (
    COLD,
    "cold, Bazel in use",
    "no-op",
    "one bumped",
    "one bumped, lock loaded",
    "second variant",
    "cold, warm remote cache",
)

Results = Mapping[tuple[str, str], Sequence[Mapping[str, Figures]]]
"""(kind, contender) → for each round case → figures; ours into a repo is its kind's first."""


def run_cases(
    contender: Contender, scratch: Path, place: Callable[[], Place]
) -> dict[str, Figures]:
    """Run one contender through all cases that it does not do cold."""
    found: dict[str, Figures] = {}

    def timed(case: str, where: Place, do: Callable[[Place], None] = contender.build) -> None:
        found[case] = measure.work(
            lambda: do(where), where.mirror, where.cache, where.directory, contender.mark()
        )

    here = place()
    lock = here.lock
    contender.fresh(here)
    timed(COLD, here)
    if contender.incremental:
        timed("no-op", here)
        here.lock = pool.bump(here.mirror.root, here.lock, scratch)
        timed("one bumped", here)
        if isinstance(contender, Ours):
            here.lock = pool.bump(here.mirror.root, here.lock, scratch)
            contender.load(here)
            timed("one bumped, lock loaded", here)
        here.lock = without(lock, LEFT_OUT)
        timed("second variant", here)
    if isinstance(contender, Ours):
        contender.close()
    shutil.rmtree(here.directory, ignore_errors=True)
    if isinstance(contender, Ours):
        with cold(contender, place(), others=IN_USE) as used:
            timed("cold, Bazel in use", used)
        with cold(contender, place(), use_cache=True) as filling:
            contender.build(filling)
        with cold(contender, place(), use_cache=True) as using:
            timed("cold, warm remote cache", using, contender.build_all_from_cache)
    return found


@contextlib.contextmanager
def cold(ours: Ours, place: Place, others: int = 1, use_cache: bool = False) -> Iterator[Place]:
    """A Bazel of its own; afterwards nothing is left of it, a desktop takes 4 GB."""
    before = ours.others, ours.use_cache
    ours.others, ours.use_cache = others, use_cache
    try:
        ours.fresh(place)
        yield place
    finally:
        ours.close()
        shutil.rmtree(place.directory, ignore_errors=True)
        ours.others, ours.use_cache = before


def without(lock: str, names: Sequence[str]) -> str:
    """A lock for another image: without some packages."""
    stanzas = lock.strip().split("\n\n")
    return "\n\n".join(item for item in stanzas if item.split()[1] not in names) + "\n"


def table(results: Results) -> str:
    """Medians, and times as multiples of those of ours, in Markdown."""
    lines = [
        "| case | | wall | ratio | processor | ratio | peak | mirror | cache | disk | ratio |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for kind in (UNPACKED, CONFIGURED):
        rows = {name: runs for (of, name), runs in results.items() if of == kind}
        for case in CASES if rows else ():
            ours = median(next(iter(rows.values())), case)
            lines += [
                _row(f"{kind}: {case}", name, median(runs, case), ours)
                for name, runs in rows.items()
            ]
    return "\n".join(lines)


def median(runs: Sequence[Mapping[str, Figures]], case: str) -> Figures:
    """Of a contender's rounds."""
    return measure.median([run.get(case) or _instead(run, case) for run in runs])


def _instead(run: Mapping[str, Figures], case: str) -> Figures:
    """What stands for a case that the contender knows no shortcut for."""
    return run.get("one bumped", run[COLD]) if case.startswith("one bumped") else run[COLD]


def _row(case: str, name: str, figures: Figures, ours: Figures) -> str:
    return (
        f"| {case} | {name} | {figures.wall:.2f} s | {figures.wall / ours.wall:.1f} "
        f"| {figures.processor:.2f} s | {figures.processor / ours.processor:.1f} "
        f"| {figures.peak / 1e6:.0f} MB | {figures.mirror / 1e6:.1f} MB "
        f"| {figures.cache / 1e6:.1f} MB | {figures.disk / 1e6:.0f} MB "
        f"| {figures.disk / ours.disk:.1f} |"
    )


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--lock", type=Path, required=True, help="lockfile of the packages")
    parser.add_argument(
        "--only",
        nargs="+",
        default=[""],
        metavar="WORDS",
        help="contenders whose kind and name contain one of these, such as `unpacked: mm`",
    )
    parser.add_argument("--markdown", type=Path, help="Markdown file to put the table into, too")
    parser.add_argument("--name", default="farm", help="of the table, there")
    parser.add_argument("--multistrap", type=Path, required=True, help="its package")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; see --help."""
    options = _arguments().parse_args(arguments)
    lock = options.lock.read_text(encoding="utf-8")
    everybody = [
        Ours(), Ours(into_repo=False), Ours(into_repo=False, short_lived=True),
        contenders.Mmdebstrap("extract", UNPACKED), contenders.Multistrap(options.multistrap),
        contenders.Ninja(), Ours(CONFIGURED), Ours(CONFIGURED, short_lived=True),
        contenders.Mmdebstrap("custom", CONFIGURED), contenders.Debootstrap(),
    ]  # fmt: skip
    chosen = [
        contender
        for contender in everybody
        if any(words in f"{contender.kind}: {contender.name}" for words in options.only)
    ]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    measure.sync_nothing()
    sizes = [int(stanza["Size"]) for stanza in pool.stanzas(lock)]
    print(f"{len(sizes)} packages, {sum(sizes) / 1e6:.1f} MB")
    print(f"load: {os.getloadavg()}, {os.cpu_count()} processors", flush=True)
    results: dict[tuple[str, str], list[dict[str, Figures]]] = {}
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        case = unittest.TestCase()
        stack.callback(case.doCleanups)
        for contender in everybody:
            if isinstance(contender, Ours):
                stack.callback(contender.close)
        mirror = servers.Nginx(scratch / "mirror", scratch / "mirror/files").start(case)
        cache = servers.Nginx(scratch / "cache", scratch / "cache/files", servers.STORE)
        cache.start(case)
        pool.link(mirror.root, lock, pool.of_runfiles())
        contenders.publish(mirror.root, lock)

        def place() -> Place:
            return Place(Path(tempfile.mkdtemp(dir=scratch)), mirror, cache, lock)

        for number in range(options.rounds):
            for contender in chosen:
                missing = [tool for tool in contender.needs if not shutil.which(tool)]
                try:
                    if missing:
                        raise errors.UserError(f"no {', '.join(missing)} here")
                    figures = run_cases(contender, scratch, place)
                except errors.UserError as error:
                    print(f"LEFT OUT: {contender.name}: {error}", flush=True)
                    continue
                finally:
                    shutil.rmtree(cache.root)
                    cache.root.mkdir()
                results.setdefault((contender.kind, contender.name), []).append(figures)
                seconds = ", ".join(f"{case} {took.wall:.2f} s" for case, took in figures.items())
                print(f"round {number + 1}: {contender.kind}: {contender.name}: {seconds}")
                sys.stdout.flush()
    text = table(results)
    print(f"load: {os.getloadavg()}\n\n{text}")
    if options.markdown:
        measure.write_table(options.markdown, options.name, text)
    return 0


if __name__ == "__main__":
    errors.run(main)
