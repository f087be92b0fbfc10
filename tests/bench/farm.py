"""Benchmark: an image from packages on a mirror to a commit, beside the tools that others use.

    bazel run //tests/bench:farm -- --rounds 3
    bazel run //tests/bench:farm_desktop -- --rounds 1 --only unpacked extract

All contenders take the same packages from one mirror on loopback and end with a commit in an
OSTree repo (bare-user, no sync to disk). They run in turn, round after round; the medians are
printed, and each as a multiple of ours. A peer that is not installed is left out aloud.
Before each cold build ours has made an image of one other package in the same output base: the
server runs, the rule set is loaded, the tools of `bazel run` are fetched. What that took is
printed too.

Processor time is that of all processes of a contender, Bazel's server and its workers among
them. Peak memory is of the largest process.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apt2ostree import errors
from tests.apt import local_archive
from tests.farm import pool
from tests.support import bazel, servers

SUITE = "bookworm"
LEFT_OUT = "nginx"
CASES = ("cold", "no-op", "one bumped", "second variant", "cold, warm remote cache")


@dataclass(frozen=True)
class Figures:
    """What one run took.

    Attributes:
        wall: seconds.
        cpu: seconds, user and system.
        peak: bytes of memory of the largest process.
        downloaded: bytes from the mirror and the remote cache.
        disk: bytes that lie there afterwards.
    """

    wall: float
    cpu: float
    peak: int
    downloaded: int
    disk: int


@dataclass
class Place:
    """Where one run takes place.

    Attributes:
        directory: its own.
        mirror: of the packages.
        cache: remote cache.
        lock: text of the lock.
    """

    directory: Path
    mirror: servers.Nginx
    cache: servers.Nginx
    lock: str

    @property
    def names(self) -> list[str]:
        """Of the packages."""
        return re.findall(r"^Package: (\S+)$", self.lock, re.MULTILINE)

    @property
    def repo(self) -> Path:
        """The OSTree repo; made when first asked for."""
        repo = self.directory / "repo"
        if not repo.exists():
            quiet("ostree", "init", f"--repo={repo}", "--mode=bare-user")
            quiet("ostree", f"--repo={repo}", "config", "set", "core.fsync", "false")
        return repo


def quiet(*command: str | Path, **variables: str) -> str:
    """Run a program; return what it printed.

    Raises:
        UserError: it failed; the text has its last words.
    """
    done = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **variables},
    )
    if done.returncode:
        raise errors.UserError(f"{command[0]} failed:\n{done.stdout[-3000:]}")
    return done.stdout


class Contender:
    """A way to the commit. Cases that a tool has no shortcut for are done from the start."""

    name = ""
    needs: Sequence[str] = ()

    def fresh(self, place: Place) -> None:
        """Prepare a cold start, untimed."""

    def build(self, place: Place) -> None:
        """Make the commit of `place.lock`, from what is there."""
        raise NotImplementedError

    def processes(self) -> str:
        """What the command lines of its daemons have in common; empty if it has none."""
        return ""


def commit_directory(place: Place, root: Path) -> None:
    """What follows a bootstrap: device nodes are nothing for OSTree."""
    shutil.rmtree(root / "dev", ignore_errors=True)
    quiet(
        "ostree", "commit", f"--repo={place.repo}", "--branch=image", f"--tree=dir={root}",
        "--no-bindings", "--timestamp=0",
    )  # fmt: skip


class Mmdebstrap(Contender):
    """mmdebstrap(1), then one commit of the directory."""

    needs = ("mmdebstrap",)

    def __init__(self, variant: str) -> None:
        self.variant = variant
        self.name = f"mmdebstrap, {variant}, + ostree commit"

    def build(self, place: Place) -> None:
        root = place.directory / "root"
        quiet(
            "mmdebstrap", f"--variant={self.variant}", "--mode=root",
            "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
            f"--include={','.join(place.names)}", SUITE, root,
            f"deb [trusted=yes] {place.mirror.url} {SUITE} main",
        )  # fmt: skip
        commit_directory(place, root)


class Debootstrap(Contender):
    """debootstrap(8), then one commit of the directory."""

    name = "debootstrap + ostree commit"
    needs = ("debootstrap",)

    def build(self, place: Place) -> None:
        root = place.directory / "root"
        root.mkdir()
        # It wants to make devices there, and the private root's mounts have none.
        script = 'mount --bind "$1" "$1"; mount -o remount,bind,dev "$1"; shift; exec "$@"'
        quiet(
            "unshare", "--mount", "sh", "-euc", script, "sh", root,
            "debootstrap", "--variant=minbase", f"--keyring={place.mirror.root / 'test.gpg'}",
            f"--include={','.join(place.names)}", SUITE, root, place.mirror.url,
        )  # fmt: skip
        commit_directory(place, root)


class Multistrap(Contender):
    """multistrap(1), which only unpacks, then one commit of the directory."""

    name = "multistrap + ostree commit"

    def __init__(self, package: Path) -> None:
        self._package = package.absolute()

    def build(self, place: Place) -> None:
        root = place.directory / "root"
        configuration = place.directory / "multistrap.conf"
        trusted = root / "etc/apt/trusted.gpg.d"
        trusted.mkdir(parents=True)
        shutil.copy(place.mirror.root / "key.asc", trusted)
        configuration.write_text(
            "[General]\narch=amd64\nunpack=true\nbootstrap=Debian\n"
            f"aptsources=Debian\ndirectory={root}\n[Debian]\npackages={' '.join(place.names)}\n"
            f"source={place.mirror.url}\nsuite={SUITE}\ncomponents=main\nomitdebsrc=true\n"
        )
        program = place.directory / "program"
        quiet("dpkg-deb", "-x", self._package, program)
        quiet(program / "usr/sbin/multistrap", "-f", configuration)
        commit_directory(place, root)


class Ninja(Contender):
    """A ninja build as apt2ostree's forerunner: a commit per .deb, and one that combines them."""

    name = "ninja, a commit per .deb"
    needs = ("ninja",)

    def build(self, place: Place) -> None:
        stanzas = pool.stanzas(place.lock)
        lines = [
            "rule deb",
            "  command = /usr/lib/apt/apt-helper download-file $url $out.deb SHA256:$sha256 "
            f">/dev/null && dpkg-deb --fsys-tarfile $out.deb >$out.tar && ostree commit "
            f"--repo={place.repo} --branch=$branch --tree=tar=$out.tar --no-bindings "
            "--timestamp=0 >$out && rm $out.tar",
            "rule image",
            f"  command = ostree commit --repo={place.repo} --branch=image --no-bindings "
            "--timestamp=0 $trees >$out",
        ]
        outputs, trees = [], []
        for stanza in stanzas:
            digest = stanza["SHA256"]
            branch = f"deb/{digest}"
            outputs.append(f"debs/{digest}")
            trees.append(f"--tree=ref={branch}")
            lines += [
                f"build debs/{digest}: deb",
                f"  url = {place.mirror.url}/{stanza['Filename']}".replace(":", "$:", 0),
                f"  sha256 = {digest}",
                f"  branch = {branch}",
            ]
        lines += [f"build image: image {' '.join(outputs)}", f"  trees = {' '.join(trees)}", ""]
        (place.directory / "build.ninja").write_text("\n".join(lines))
        assert place.repo.exists()
        quiet("ninja", "-C", place.directory, "-j2")


@dataclass
class Ours(Contender):
    """This project, into a repo.

    Attributes:
        configure: run the maintainer scripts too.
    """

    configure: bool = False
    machine: bazel.Machine | None = None
    use_cache: bool = False
    _case: unittest.TestCase = field(default_factory=unittest.TestCase)

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"apt2ostree, {'configured' if self.configure else 'unpacked'}, imported"

    def fresh(self, place: Place) -> None:
        self._case.doCleanups()
        configure = "configure = True, " if self.configure else ""
        self.machine = bazel.machine(
            self._case,
            place.directory,
            {
                "MODULE.bazel": bazel.module("debs", "other"),
                "BUILD.bazel": bazel.image("debs").replace("packages", configure + "packages", 1),
                "other/BUILD.bazel": bazel.image("other"),
                "debs.lock": place.lock,
                "other.lock": pool.generate(place.mirror.root, 1).replace(pool.ORIGIN, pool.DEBIAN),
            },
            (
                f"--repository_cache={place.directory / 'repositories'}",
                *((f"--remote_cache={place.cache.url}",) if self.use_cache else ()),
            ),
            APT2OSTREE_MIRRORS=f"{pool.DEBIAN}={place.mirror.url},"
            + os.environ.get("APT2OSTREE_MIRRORS", ""),
        )
        self.machine.log_executions = False
        started = time.perf_counter()
        self.machine.run("run", "//other:image", "--", "--help").check()
        print(f"{self.name}: {time.perf_counter() - started:.1f} s to start and load the rule set")

    def build(self, place: Place) -> None:
        assert self.machine
        lock = self.machine.workspace / "debs.lock"
        if lock.read_text() != place.lock:
            lock.write_text(place.lock)
        self.machine.run("run", "//:image", "--", "import", f"--repo={place.repo}").check()

    def processes(self) -> str:
        assert self.machine
        return str(self.machine.output_base)


def _processes(mark: str) -> tuple[float, int]:
    """(seconds of processor time, largest peak of memory) of processes with a mark."""
    seconds, peak = 0.0, 0
    for process in Path("/proc").glob("[0-9]*") if mark else ():
        try:
            if mark.encode() not in (process / "cmdline").read_bytes():
                continue
            times = (process / "stat").read_text().rpartition(")")[2].split()[11:15]
            status = (process / "status").read_text()
        except OSError:
            continue
        seconds += sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
        found = re.search(r"VmHWM:\s+(\d+)", status)
        peak = max(peak, int(found[1]) * 1024 if found else 0)
    return seconds, peak


def measure(contender: Contender, place: Place) -> Figures:
    """Time one build."""
    nginxes = (place.mirror, place.cache)
    for nginx in nginxes:
        nginx.forget_transfers()
    before, _ = _processes(contender.processes())
    started = time.perf_counter()
    child = os.fork()
    if not child:
        try:
            contender.build(place)
        except BaseException as error:
            print(error, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - started
    if status:
        raise errors.UserError(f"{contender.name} failed")
    after, peak = _processes(contender.processes())
    return Figures(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime + after - before,
        peak=max(peak, usage.ru_maxrss * 1024),
        downloaded=sum(
            transfer.sent
            for nginx in nginxes
            for transfer in nginx.transfers()
            if transfer.method == "GET"
        ),
        disk=int(quiet("du", "-s", "--block-size=1", place.directory).split()[0]),
    )


def without(lock: str, name: str) -> str:
    """A lock for another image: without one package."""
    stanzas = lock.strip().split("\n\n")
    return "\n\n".join(item for item in stanzas if f"Package: {name}\n" not in item) + "\n"


def publish(mirror: Path, lock: str) -> None:
    """Write the indexes that apt reads."""
    directory = mirror / f"dists/{SUITE}/main/binary-amd64"
    directory.mkdir(parents=True, exist_ok=True)
    index = re.sub(r"^APT-Sources: .*\n", "", lock, flags=re.MULTILINE)
    (directory / "Packages").write_text(index + "\n")  # debootstrap needs the last line empty
    suite = directory.parents[1]
    for signed in ("Release", "Release.gpg"):
        (suite / signed).unlink(missing_ok=True)
    options = {"Suite": SUITE, "Codename": SUITE, "Components": "main", "Architectures": "amd64"}
    release = quiet(
        "apt-ftparchive",
        *(f"-oAPT::FTPArchive::Release::{key}={value}" for key, value in options.items()),
        # debootstrap takes the longest digest that it sees, and Packages has SHA256.
        *(f"-oAPT::FTPArchive::{digest}=false" for digest in ("MD5", "SHA1", "SHA512")),
        "release",
        suite,
    )
    (suite / "Release").write_text(release)
    key = local_archive.Key(mirror)
    try:
        (suite / "Release.gpg").write_bytes(key.detach_sign(release.encode()))
        (mirror / "key.asc").write_bytes(key.armoured)
    finally:
        key.close()


def cases(contender: Contender, scratch: Path, place: Callable[[], Place]) -> dict[str, Figures]:
    """Run one contender through all cases."""
    found = {}
    here = place()
    lock = here.lock
    bumped = pool.bump(here.mirror.root, lock, scratch)
    incremental = isinstance(contender, (Ours, Ninja))
    contender.fresh(here)
    publish(here.mirror.root, lock)
    found["cold"] = measure(contender, here)
    if incremental:
        found["no-op"] = measure(contender, here)
        here.lock = bumped
        found["one bumped"] = measure(contender, here)
        here.lock = without(lock, LEFT_OUT)
        found["second variant"] = measure(contender, here)
    if isinstance(contender, Ours):
        contender.use_cache = True
        for _ in range(2):  # the first fills the cache
            again = place()
            contender.fresh(again)
            found["cold, warm remote cache"] = measure(contender, again)
            shutil.rmtree(again.directory, ignore_errors=True)
        contender.use_cache = False
    shutil.rmtree(here.directory, ignore_errors=True)
    return {case: found.get(case, found["cold"]) for case in CASES}


def table(results: dict[str, list[dict[str, Figures]]]) -> None:
    """Print medians, and the times as multiples of the first contender's."""
    first = next(iter(results))
    for case in CASES:
        print(f"\n| {case} | wall | ratio | processor | ratio | peak | downloaded | disk |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|")
        ours = _median(results[first], case)
        for name, runs in results.items():
            figures = _median(runs, case)
            print(
                f"| {name} | {figures.wall:.2f} s | {figures.wall / ours.wall:.1f} "
                f"| {figures.cpu:.2f} s | {figures.cpu / ours.cpu:.1f} "
                f"| {figures.peak / 1e6:.0f} MB | {figures.downloaded / 1e6:.1f} MB "
                f"| {figures.disk / 1e6:.0f} MB |"
            )


def _median(runs: Sequence[dict[str, Figures]], case: str) -> Figures:
    def of(name: str) -> float:
        return float(statistics.median(getattr(run[case], name) for run in runs))

    return Figures(of("wall"), of("cpu"), int(of("peak")), int(of("downloaded")), int(of("disk")))


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; see --help."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--lock", type=Path, required=True, help="lockfile of the packages")
    parser.add_argument(
        "--only", nargs="+", default=[""], help="contenders whose names contain one of these"
    )
    parser.add_argument("--multistrap", type=Path, required=True, help="its package")
    parser.add_argument("debs", nargs="+", type=Path, help="the packages, or their directory")
    options = parser.parse_args(arguments)
    debs = [
        path
        for given in options.debs
        for path in (given.glob("*.deb") if given.is_dir() else [given])
    ]
    lock = options.lock.read_text(encoding="utf-8")
    contenders: list[Contender] = [
        Ours(), Ours(configure=True), Mmdebstrap("extract"), Mmdebstrap("custom"),
        Debootstrap(), Multistrap(options.multistrap), Ninja(),
    ]  # fmt: skip
    case = unittest.TestCase()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        scratch = Path(name)
        mirror = servers.Nginx(scratch / "mirror", scratch / "mirror/files").start(case)
        cache = servers.Nginx(scratch / "cache", scratch / "cache/files", servers.STORE)
        cache.start(case)
        pool.link(mirror.root, lock, debs)
        print(f"{len(debs)} packages, {sum(deb.stat().st_size for deb in debs) / 1e6:.1f} MB")
        print(f"load: {os.getloadavg()}, {os.cpu_count()} processors", flush=True)
        results: dict[str, list[dict[str, Figures]]] = {}
        for number in range(options.rounds):
            for contender in contenders:
                missing = [tool for tool in contender.needs if not shutil.which(tool)]
                if missing or not any(words in contender.name for words in options.only):
                    if missing:
                        print(f"LEFT OUT: {contender.name}: no {', '.join(missing)} here")
                    continue

                def place() -> Place:
                    return Place(Path(tempfile.mkdtemp(dir=scratch)), mirror, cache, lock)

                shutil.rmtree(cache.root)
                cache.root.mkdir()
                try:
                    figures = cases(contender, scratch, place)
                except errors.UserError as error:
                    print(f"LEFT OUT: {contender.name}: {error}", flush=True)
                    continue
                results.setdefault(contender.name, []).append(figures)
                print(f"round {number + 1}: {contender.name}: {figures['cold'].wall:.1f} s cold")
                sys.stdout.flush()
        for contender in contenders:
            if isinstance(contender, Ours):
                contender._case.doCleanups()
        table(results)
        print(f"\nload: {os.getloadavg()}")
        case.doCleanups()
    return 0


if __name__ == "__main__":
    errors.run(main)
