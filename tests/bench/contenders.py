"""Ways from packages on a mirror to a commit in an OSTree repo: ours, and those of others."""

from __future__ import annotations

import os
import re
import shutil
import time
import unittest
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apt2ostree import errors
from tests.archive import local_archive
from tests.bench.measure import quiet
from tests.farm import farm, pool
from tests.support import bazel, servers

SUITE = "bookworm"
UNPACKED, CONFIGURED = "unpacked", "configured"


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


class Contender:
    """A way to the commit.

    Attributes:
        name: for people.
        kind: `UNPACKED` or `CONFIGURED`: what it makes.
        incremental: a second build takes over what has not changed.
        needs: programs without which it is left out.
    """

    name = ""
    kind = UNPACKED
    incremental = False
    needs: Sequence[str] = ()

    def fresh(self, place: Place) -> None:
        """Prepare a cold start, untimed."""

    def build(self, place: Place) -> None:
        """Make the commit of `place.lock`, from what is there."""
        raise NotImplementedError

    def mark(self) -> str:
        """What the command lines of its daemons have in common; empty if it has none."""
        return ""


def _commit_directory(place: Place, root: Path) -> None:
    """What follows a bootstrap: device nodes are nothing for OSTree."""
    shutil.rmtree(root / "dev", ignore_errors=True)
    quiet(
        "ostree", "commit", f"--repo={place.repo}", "--branch=image", f"--tree=dir={root}",
        "--no-bindings", "--timestamp=0",
    )  # fmt: skip


class Mmdebstrap(Contender):
    """mmdebstrap(1), then one commit of the directory."""

    needs = ("mmdebstrap",)

    def __init__(self, variant: str, kind: str) -> None:
        self.variant = variant
        self.kind = kind
        self.name = f"mmdebstrap --variant={variant}, ostree commit"

    def build(self, place: Place) -> None:
        root = place.directory / "root"
        quiet(
            "mmdebstrap", f"--variant={self.variant}", "--mode=root",
            "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
            f"--include={','.join(place.names)}", SUITE, root,
            f"deb [trusted=yes] {place.mirror.url} {SUITE} main",
        )  # fmt: skip
        _commit_directory(place, root)


class Debootstrap(Contender):
    """debootstrap(8), then one commit of the directory."""

    name = "debootstrap, ostree commit"
    kind = CONFIGURED
    needs = ("debootstrap",)

    def build(self, place: Place) -> None:
        root = place.directory / "root"
        root.mkdir()
        # It makes devices there, which the file systems of a confined root may not allow.
        script = 'mount --bind "$1" "$1"; mount -o remount,bind,dev "$1"; shift; exec "$@"'
        quiet(
            "unshare", "--mount", "sh", "-euc", script, "sh", root,
            "debootstrap", "--variant=minbase", f"--keyring={place.mirror.root / 'test.gpg'}",
            f"--include={','.join(place.names)}", SUITE, root, place.mirror.url,
        )  # fmt: skip
        _commit_directory(place, root)


class Multistrap(Contender):
    """multistrap(1), which only unpacks, then one commit of the directory."""

    name = "multistrap, ostree commit"

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
        _commit_directory(place, root)


_NINJA = """\
rule deb
  command = /usr/lib/apt/apt-helper download-file $url $out.deb SHA256:$sha256 >/dev/null && $
    dpkg-deb --fsys-tarfile $out.deb >$out.tar && $
    ostree commit --repo={repo} --branch=deb/$sha256 --tree=tar=$out.tar --no-bindings $
    --timestamp=0 >$out && rm $out.tar
rule image
  command = ostree commit --repo={repo} --branch=image --no-bindings --timestamp=0 $trees >$out
"""


class Ninja(Contender):
    """A ninja build as apt2ostree's forerunner: a commit per .deb, and one that combines them."""

    name = "ninja, a commit per .deb"
    incremental = True
    needs = ("ninja",)

    def build(self, place: Place) -> None:
        lines = [_NINJA.format(repo=place.repo)]
        stanzas = pool.stanzas(place.lock)
        for stanza in stanzas:
            lines += [
                f"build debs/{stanza['SHA256']}: deb",
                f"  url = {place.mirror.url}/{stanza['Filename']}",
                f"  sha256 = {stanza['SHA256']}",
            ]
        digests = [stanza["SHA256"] for stanza in stanzas]
        lines += [
            f"build image: image {' '.join(f'debs/{digest}' for digest in digests)}",
            f"  trees = {' '.join(f'--tree=ref=deb/{digest}' for digest in digests)}",
            "",
        ]
        (place.directory / "build.ninja").write_text("\n".join(lines))
        quiet("ninja", "-C", place.directory, f"-j{os.cpu_count()}")


def short_lived_options() -> tuple[str, ...]:
    """Bazel's startup options that the documentation names for a Bazel that will not build much."""
    text = (bazel.SOURCES / "docs/build-farm.md").read_text(encoding="utf-8")
    return tuple(re.findall(r"^startup (\S+)$", text, re.MULTILINE))


@dataclass
class Ours(Contender):
    """This project.

    Attributes:
        kind: what to make.
        short_lived: with `short_lived_options`.
        into_repo: import the image into a repo; else the commit stays in Bazel's output tree.
        use_cache: the remote cache.
        others: how many packages the other image has that is built before a cold start.
    """

    kind: str = UNPACKED
    into_repo: bool = True
    short_lived: bool = False
    use_cache: bool = False
    others: int = 1
    incremental: bool = True
    machine: bazel.Machine | None = None
    _case: unittest.TestCase = field(default_factory=unittest.TestCase)

    @property
    def name(self) -> str:  # type: ignore[override]
        how = "bazel run … import" if self.into_repo else "bazel build"
        return f"apt2ostree, {how}{', short-lived' if self.short_lived else ''}"

    def fresh(self, place: Place) -> None:
        self.close()
        configure = "configure = True, " if self.kind == CONFIGURED else ""
        cache: tuple[str, ...] = ()
        if self.use_cache:
            cache = (f"--remote_cache={place.cache.url}",)
            if not self.into_repo:
                cache += ("--remote_download_minimal", *farm.ONLY_THE_COMMIT)
        other = pool.generate(place.mirror.root, self.others).replace(pool.ORIGIN, pool.DEBIAN)
        self.machine = bazel.machine(
            self._case,
            place.directory,
            {
                "MODULE.bazel": bazel.module("debs", "other"),
                "BUILD.bazel": bazel.image("debs").replace("packages", configure + "packages", 1),
                "other/BUILD.bazel": bazel.image("other"),
                "debs.lock": place.lock,
                "other.lock": other,
            },
            (f"--repository_cache={place.directory / 'repositories'}", *cache),
            APT2OSTREE_MIRRORS=f"{pool.DEBIAN}={place.mirror.url},"
            + os.environ.get("APT2OSTREE_MIRRORS", ""),
        )
        self.machine.log_executions = False
        self.machine.startup_options = short_lived_options() if self.short_lived else ()
        started = time.perf_counter()
        self.machine.run("run", "//other:image", "--", "--help").check()
        seconds = time.perf_counter() - started
        print(f"{self.name}, {self.kind}: {seconds:.1f} s to start Bazel, build {self.others}")

    def build(self, place: Place) -> None:
        assert self.machine
        self._write(place)
        if self.into_repo:
            run = self.machine.run("run", "//:image", "--", "import", f"--repo={place.repo}")
            run.check()
        else:
            self.machine.build("//:image")

    def load(self, place: Place) -> None:
        """Let Bazel load the lock."""
        assert self.machine
        self._write(place)
        self.machine.run("query", "@debs//:packages").check()

    def build_all_from_cache(self, place: Place) -> None:
        """Make the commit, and see that nothing but that was done here.

        Raises:
            UserError: actions were executed.
        """
        assert self.machine
        built = self.machine.build("//:image")
        ran = re.search(r"^INFO: \d+ processes: (.*)$", built.output, re.MULTILINE)
        if not ran or re.search(r"worker|sandbox|local", ran[1]):
            raise errors.UserError(f"not all was in the cache:\n{built.output[-2000:]}")
        if self.into_repo:
            self.build(place)

    def _write(self, place: Place) -> None:
        assert self.machine
        lock = self.machine.workspace / "debs.lock"
        if lock.read_text() != place.lock:
            lock.write_text(place.lock)

    def mark(self) -> str:
        assert self.machine
        return str(self.machine.output_base)

    def close(self) -> None:
        """Stop Bazel, remove what it made."""
        self._case.doCleanups()


def publish(mirror: Path, lock: str) -> None:
    """Write the indexes that apt reads, with the packages of a lock alone, and sign them."""
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
