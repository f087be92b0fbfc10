"""Benchmark: the phases of a build, and how each grows with the number of packages.

    TMPDIR=/dev/shm bazel run //tests/bench:growth -- --plot docs/growth.svg
    TMPDIR=/dev/shm bazel run //tests/bench:phases              # the 105 of an example
    TMPDIR=/dev/shm bazel run //tests/bench:phases_desktop      # the 1,145 of another

See `farm.py` for why in memory.

Packages are served from loopback. Each number of them gets a fresh output base, whose server has
built an image of one other package before. Then, one after the other:

- `load`: query the lock's list of packages; `fetch`: download them all and analyze the image
  (`build --nobuild`); `unpack` them; `compose` the image; `import` it into a new OSTree repo;
- `no-op`: build again;
- `bump: load` and `bump: build`: the same after one package has a new version, download and all;
- `variant: …`: for a second lock, which has all packages but each twentieth.

The plot is logarithmic on both axes: a line as steep as the dashed one is linear growth.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
import os
import random
import re
import tempfile
import time
import unittest
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apt2ostree import errors
from tests.bench import measure
from tests.farm import pool
from tests.support import bazel, servers
from tools import deb_tree

Phases = dict[str, float]
"""Phase → seconds (`HEAP` → bytes, `OVERHEAD` → seconds each)."""

HEAP = "heap of the server, per package"
OVERHEAD = "overhead per unpacking"
COLORS = (
    "#1b6ca8", "#d1495b", "#3a7d44", "#8e6c8a", "#e0a030", "#2a9d8f", "#6d597a", "#bc4749",
    "#222222", "#9a6b3f",
)  # fmt: skip
MOST_SEQUENTIAL = 2000
"""Packages up to which the overhead is measured, which takes a build with one job."""


@dataclass(frozen=True)
class Packages:
    """What to build images of.

    Attributes:
        origin: where the lock says that they are from.
        lock: text of the lock.
        bumped: text of the lock with a new version of one package.
    """

    origin: str
    lock: str
    bumped: str


def generated(mirror: Path, number: int) -> Packages:
    """Small packages, as many as asked for."""
    lock = pool.generate(mirror, number, files=4)
    stanzas = lock.split("\n\n")
    bumped = pool.small(mirror, number // 2, random.Random(3), files=4, revision=2)
    stanzas[number // 2] = bumped.rstrip("\n")
    return Packages(pool.ORIGIN, lock, "\n\n".join(stanzas))


def real(mirror: Path, lock: str, debs: Sequence[Path], scratch: Path) -> Packages:
    """Debian's own packages."""
    pool.link(mirror, lock, debs)
    return Packages(pool.DEBIAN, lock, pool.bump(mirror, lock, scratch))


def thinned(lock: str) -> str:
    """A lock without each twentieth package."""
    stanzas = lock.strip().split("\n\n")
    return "\n\n".join(itertools.compress(stanzas, itertools.cycle([1] * 19 + [0]))) + "\n"


def run_phases(
    case: unittest.TestCase,
    mirror: servers.Nginx,
    packages: Packages,
    directory: Path,
    profiles: Path | None = None,
) -> Phases:
    """Run all phases; the end of the case stops Bazel.

    Args:
        case: whose end that is.
        mirror: that has the packages.
        packages: what to build images of.
        directory: for everything that is written.
        profiles: directory for Bazel's profiles of the phases.
    """
    number = len(pool.stanzas(packages.lock))
    other = pool.small(mirror.root, 99999, random.Random(2)).replace(pool.ORIGIN, packages.origin)
    machine = bazel.machine(
        case,
        directory,
        {
            "MODULE.bazel": bazel.module("debs", "variant", "other"),
            "BUILD.bazel": bazel.image("debs"),
            "variant/BUILD.bazel": bazel.image("variant"),
            "other/BUILD.bazel": bazel.image("other"),
            "debs.lock": "",
            "variant.lock": "",
            "other.lock": other,
        },
        (f"--repository_cache={directory / 'repositories'}",),
        APT2OSTREE_MIRRORS=f"{packages.origin}={mirror.url},"
        + os.environ.get("APT2OSTREE_MIRRORS", ""),
    )
    machine.log_executions = False
    phases: Phases = {}

    def timed(phase: str, command: str, *arguments: str) -> float:
        if profiles:
            name = f"{number}-{re.sub('[^a-z]+', '-', phase)}.json.gz"
            arguments = (f"--profile={profiles / name}", "--noslim_profile", *arguments)
        started = time.perf_counter()
        machine.run(command, *arguments).check()
        seconds = time.perf_counter() - started
        phases[phase] = seconds
        return seconds

    def heap() -> float:
        """Bytes; Bazel prints whole megabytes."""
        return 1e6 * float(re.sub(r"\D", "", machine.run("info", "used-heap-size-after-gc").stdout))

    def write(name: str, text: str) -> None:
        (machine.workspace / name).write_text(text)

    machine.run("run", "//other:image", "--", "--help").check()
    before = heap()
    write("debs.lock", packages.lock)
    timed("load", "query", "@debs//:packages")
    timed("fetch", "build", "--nobuild", "//:image")
    timed("unpack", "build", "@debs//:packages")
    timed("compose", "build", "//:image")
    phases[HEAP] = (heap() - before) / number
    repo = directory / "repo"
    measure.quiet("ostree", "init", f"--repo={repo}", "--mode=bare-user")
    timed("import", "run", "//:image", "--", "import", f"--repo={repo}")
    timed("no-op", "build", "//:image")
    write("debs.lock", packages.bumped)
    timed("bump: load", "query", "@debs//:packages")
    timed("bump: build", "build", "//:image")
    write("variant.lock", thinned(packages.lock))
    timed("variant: load", "query", "@variant//:packages")
    timed("variant: build", "build", "//variant:image")
    if number <= MOST_SEQUENTIAL:
        machine.run("clean").check()
        machine.run("build", "--nobuild", "//:image").check()
        sequential = timed(OVERHEAD, "build", "--jobs=1", "//:image")
        phases[OVERHEAD] = (sequential - in_process(mirror.root, packages, directory)) / number
    return phases


def in_process(mirror: Path, packages: Packages, directory: Path) -> float:
    """Seconds that unpacking takes with no Bazel and nothing to start, one after the other."""
    outputs = directory / "in-process"
    outputs.mkdir()
    started = time.perf_counter()
    for number, stanza in enumerate(pool.stanzas(packages.bumped)):
        tree = outputs / f"{number}.json", outputs / f"{number}.tar"
        deb_tree.main(deb_tree.Request(mirror / stanza["Filename"], "x", [], *tree))
    return time.perf_counter() - started


def plot(results: Mapping[int, Phases]) -> str:
    """The phases' seconds over the numbers of packages, as SVG."""
    phases = [phase for phase in next(iter(results.values())) if phase not in (HEAP, OVERHEAD)]
    seconds = [result[phase] for result in results.values() for phase in phases]
    left, right = math.log10(min(results)), math.log10(max(results))
    low, high = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))

    def x(number: float) -> float:
        return 70 + 380 * (math.log10(number) - left) / ((right - left) or 1)

    def y(value: float) -> float:
        return 350 - 320 * (math.log10(value) - low) / ((high - low) or 1)

    def text(across: float, down: float, words: str, more: str = "") -> str:
        return f'<text x="{across:.0f}" y="{down:.0f}" {more}>{words}</text>'

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 400" font-family="sans-serif" '
        'font-size="12"><rect width="720" height="400" fill="white"/>'
    ]
    for power in range(low, high + 1):
        down = y(10.0**power)
        parts.append(f'<path d="M70 {down:.1f}H450" stroke="#ddd"/>')
        parts.append(text(62, down + 4, f"{10.0**power:g} s", 'text-anchor="end"'))
    for number in results:
        parts.append(text(x(number), 370, f"{number:,}", 'text-anchor="middle"'))
    parts.append(text(260, 390, "packages", 'text-anchor="middle"'))
    least = min(results)
    end = min(max(results), least * 10.0 ** (high - low))
    parts.append(
        f'<path d="M{x(least):.1f} {y(10.0**low):.1f}L{x(end):.1f} '
        f'{y(10.0**low * end / least):.1f}" stroke="#888" stroke-dasharray="4"/>'
    )
    parts.append(text(470, 40, "- - -  linear growth", 'fill="#666"'))
    for index, phase in enumerate(phases):
        color = COLORS[index % len(COLORS)]
        points = [(x(number), y(result[phase])) for number, result in results.items()]
        path = "L".join(f"{across:.1f} {down:.1f}" for across, down in points)
        parts.append(f'<path d="M{path}" stroke="{color}" stroke-width="2" fill="none"/>')
        parts += [
            f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{color}"/>'
            for across, down in points
        ]
        parts.append(text(470, 64 + 20 * index, phase, f'fill="{color}"'))
    return "\n".join([*parts, "</svg>", ""])


def table(results: Mapping[int, Phases]) -> str:
    """A row for each phase, a column for each number of packages."""

    def cell(phase: str, result: Phases) -> str:
        if phase not in result:
            return ""
        if phase == HEAP:
            return f"{result[phase] / 1e3:.1f} kB"
        if phase == OVERHEAD:
            return f"{result[phase] * 1e3:.1f} ms"
        return f"{result[phase]:.2f} s"

    lines = [f"| packages | {' | '.join(f'{number:,}' for number in results)} |"]
    lines.append("|---|" + "---:|" * len(results))
    for phase in next(iter(results.values())):
        cells = (cell(phase, result) for result in results.values())
        lines.append(f"| {phase} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; see --help."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--plot", type=Path, help="SVG file to write")
    parser.add_argument("--markdown", type=Path, help="Markdown file to put the table into, too")
    parser.add_argument("--name", default="growth", help="of the table, there")
    parser.add_argument("--lock", type=Path, help="lockfile of real packages, of the runfiles")
    parser.add_argument("--numbers", nargs="+", type=int, help="of generated packages")
    parser.add_argument("--profiles", type=Path, help="directory for Bazel's profiles, to be there")
    options = parser.parse_args(arguments)
    lock = options.lock.read_text(encoding="utf-8") if options.lock else ""
    debs = pool.of_runfiles() if lock else []
    os.chdir(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    results: dict[int, Phases] = {}
    measure.sync_nothing()
    print(f"load: {os.getloadavg()}, {os.cpu_count()} processors", flush=True)
    for number in options.numbers or ([len(pool.stanzas(lock))] if lock else [100, 1000, 10000]):
        case = unittest.TestCase()
        with contextlib.ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            stack.callback(case.doCleanups)
            mirror = servers.Nginx(directory / "mirror", directory / "mirror/files").start(case)
            packages = (
                real(mirror.root, lock, debs, directory) if lock else generated(mirror.root, number)
            )
            profiles = options.profiles and options.profiles.absolute()
            results[number] = run_phases(case, mirror, packages, directory, profiles)
        print(table({number: results[number]}), flush=True)
    print(f"load: {os.getloadavg()}\n\n{table(results)}")
    if options.plot:
        options.plot.write_text(plot(results), encoding="utf-8")
    if options.markdown:
        measure.write_table(options.markdown, options.name, table(results))
    return 0


if __name__ == "__main__":
    errors.run(main)
