"""Benchmark: unpacking and composing, beside dpkg-deb and ostree, in one run.

    bazel run //tests/bench:core

Every contender handles the same packages from local disk, one after the other, on one
core; the runs of the contenders alternate, and medians are printed, with ratios. Peak
memory is of the largest single process.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apt2ostree import errors
from tests.support import requests
from tests.support.actions import compose_request
from tools import compose, deb_tree


@dataclass
class Contender:
    """A way to do the job.

    Attributes:
        name: for the table.
        prepare: makes what a run needs, untimed.
        run: the timed part.
        seconds: of each run.
        peak: bytes of memory of the largest process seen.
    """

    name: str
    prepare: Callable[[], None]
    run: Callable[[], None]
    seconds: list[float] = field(default_factory=list)
    peak: int = 0


def measure(contenders: Sequence[Contender], rounds: int) -> None:
    """Run the contenders in turn, each run in a forked child, so that memory is its own."""
    for _ in range(rounds):
        for contender in contenders:
            contender.prepare()
            start = time.perf_counter()
            child = os.fork()
            if not child:
                contender.run()
                usage = max(
                    resource.getrusage(who).ru_maxrss
                    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
                )
                Path("peak").write_text(str(usage * 1024))
                os._exit(0)
            if os.waitpid(child, 0)[1]:
                raise errors.UserError(f"{contender.name} failed")
            contender.seconds.append(time.perf_counter() - start)
            contender.peak = max(contender.peak, int(Path("peak").read_text()))


def table(title: str, contenders: Sequence[Contender]) -> None:
    """Print the contenders, each as a multiple of the first."""
    ours = statistics.median(contenders[0].seconds)
    print(f"\n{title}\n{'':44} {'median':>8} {'min':>8} {'ratio':>7} {'peak':>8}")
    for contender in contenders:
        median = statistics.median(contender.seconds)
        print(
            f"{contender.name:44} {median:7.2f}s {min(contender.seconds):7.2f}s "
            f"{median / ours:6.2f}x {contender.peak / 1e6:6.0f}MB"
        )


def quiet(*command: str | Path) -> str:
    """Run a program; return what it printed."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; see --help."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="runs of each (default: 5)")
    parser.add_argument("debs", nargs="+", type=Path)
    options = parser.parse_args(arguments)
    debs = [path.resolve() for path in options.debs]
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(f"{len(debs)} packages, {sum(deb.stat().st_size for deb in debs) / 1e6:.1f} MB")
        benchmark_unpacking(debs, options.rounds)
        benchmark_composing(debs, options.rounds)
        largest = max(debs, key=lambda deb: deb.stat().st_size)
        benchmark_largest(largest)
        os.chdir("/")
    return 0


def fresh(name: str) -> Callable[[], None]:
    """A preparation: an empty directory."""

    def prepare() -> None:
        shutil.rmtree(name, ignore_errors=True)
        Path(name).mkdir()

    return prepare


def fresh_repo(mode: str) -> Callable[[], None]:
    """A preparation: an empty repo that does not sync to disk."""

    def prepare() -> None:
        fresh("repo")()
        quiet("ostree", "init", "--repo=repo", f"--mode={mode}")
        quiet("ostree", "config", "--repo=repo", "set", "core.fsync", "false")

    return prepare


def unpack_ours(debs: Sequence[Path]) -> None:
    """What a persistent worker does: all the actions in one process."""
    for number, deb in enumerate(debs):
        deb_tree.main(unpack_request(deb, f"ours/{number}"))


def unpack_request(deb: Path, name: str) -> deb_tree.Request:
    """What Bazel asks of the action; `name` is what the outputs' names start with."""
    outputs = Path(f"{name}.json"), Path(f"{name}.tar")
    return deb_tree.Request(deb, "x", [], *outputs)


def unpack_ours_one_by_one(debs: Sequence[Path]) -> None:
    """What Bazel does without workers: a process per package (its own start-up apart)."""
    for number, deb in enumerate(debs):
        request = requests.write(Path("request.json"), unpack_request(deb, f"ours/{number}"))
        quiet(sys.executable, "-S", deb_tree.__file__, request)


def unpack_dpkg(debs: Sequence[Path]) -> None:
    """dpkg-deb -x of each."""
    for number, deb in enumerate(debs):
        quiet("dpkg-deb", "-x", deb, f"theirs/{number}")


def commit_tars(debs: Sequence[Path]) -> None:
    """`ostree commit --tree=tar=` of each data.tar."""
    for number, deb in enumerate(debs):
        with Path("data.tar").open("wb") as file:
            subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True, stdout=file)
        quiet(
            "ostree", "commit", "--repo=repo", f"--branch=deb/{number}", "--no-bindings",
            "--timestamp=0", "--tree=tar=data.tar",
        )  # fmt: skip


def benchmark_unpacking(debs: Sequence[Path], rounds: int) -> None:
    """All debs to objects."""
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    contenders = [
        Contender("apt2ostree, one worker", fresh("ours"), lambda: unpack_ours(debs)),
        Contender(
            "apt2ostree, a process per package",
            fresh("ours"),
            lambda: unpack_ours_one_by_one(debs),
        ),
        Contender("dpkg-deb -x", fresh("theirs"), lambda: unpack_dpkg(debs)),
        Contender(
            "ostree commit --tree=tar=, bare-user",
            fresh_repo("bare-user"),
            lambda: commit_tars(debs),
        ),
        Contender(
            "ostree commit --tree=tar=, archive", fresh_repo("archive"), lambda: commit_tars(debs)
        ),
    ]
    measure(contenders, rounds)
    table("every package to objects, one core, no sync", contenders)


def benchmark_composing(debs: Sequence[Path], rounds: int) -> None:
    """Trees to an image."""
    fresh("ours")()
    unpack_ours(debs)
    fresh_repo("bare-user")()
    commit_tars(debs)
    packages = [Path(f"ours/{number}.json") for number in range(len(debs))]
    request = compose_request(packages, "i")
    theirs = [f"--tree=ref=deb/{number}" for number in range(len(debs))]

    def compose_process() -> None:
        written = requests.write(Path("request.json"), request)
        quiet(sys.executable, "-S", compose.__file__, written)

    def compose_worker() -> None:
        compose.main(request)

    def combine() -> None:
        quiet(
            "ostree", "commit", "--repo=repo", "--branch=image", "--no-bindings",
            "--timestamp=0", *theirs,
        )  # fmt: skip

    contenders = [
        Contender("apt2ostree, in a worker", lambda: None, compose_worker),
        Contender("apt2ostree, a process", lambda: None, compose_process),
        Contender("ostree commit --tree=ref=… (no dpkg database)", lambda: None, combine),
    ]
    measure(contenders, rounds)
    table("composing the image", contenders)


def benchmark_largest(deb: Path) -> None:
    """Memory of one action on the largest package."""
    fresh("ours")()
    contender = Contender(
        f"largest package ({deb.stat().st_size / 1e6:.1f} MB)",
        lambda: None,
        lambda: unpack_ours_one_by_one([deb]),
    )
    measure([contender], 1)
    table("one action", [contender])


if __name__ == "__main__":
    errors.run(main)
