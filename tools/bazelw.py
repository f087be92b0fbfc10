"""Run Bazel in the current workspace, also on a machine where Bazel cannot be had.

Usage: tools/bazelw [BAZEL ARGUMENTS...]
       tools/bazelw --bazelw-exec COMMAND [ARGUMENTS...]
       tools/bazelw --bazelw-help

Every argument goes to Bazel, and Bazel's exit code comes back. Which Bazel:

1. The one in APT2OSTREE_BAZEL, if that is set to a path.
2. `bazel` or `bazelisk` on PATH, if it is 7.1 or newer and reaches the registries that this
   workspace's modules come from. The answer is remembered for a day.
3. Otherwise a private Debian system with Bazel in it, made once (about a minute, 1.6 GB) with
   mmdebstrap from the Debian mirror that this machine's apt uses, and entered with bubblewrap.
   Nothing is installed into this machine but mmdebstrap and bubblewrap themselves, and those
   only by root. All directories of this machine but the system's own (/usr, /etc, /var, ...)
   are seen in it under the same paths. `--bazelw-exec` runs another command in there.

Environment:
  APT2OSTREE_BAZEL     a path: use this Bazel, unchecked; "private": always the private system
  APT2OSTREE_CACHE     where the private system and what Bazel makes in it are kept
                       (default: $XDG_CACHE_HOME/apt2ostree or ~/.cache/apt2ostree)
  APT2OSTREE_MIRROR    the Debian mirror to make the private system from
  APT2OSTREE_MIRRORS   FROM=TO[,FROM=TO...]: where the lockfiles' archives are downloaded from.
                       If unset, the archives of Debian are mapped to this machine's mirror.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

DEBIAN_ARCHIVE = "http://ftp.debian.org/debian"
DEBIAN_SECURITY = "http://security.debian.org/debian-security"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
OLDEST_BAZEL = (7, 1)
REMEMBER_SECONDS = 24 * 3600
UNUSED_ROOT_SECONDS = 7 * 24 * 3600
ROOT_BYTES = 2 * 1024**3

DEBIAN_SUITES = {"oldstable", "stable", "testing", "unstable", "sid"} | {
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
}

SYSTEM_DIRECTORIES = {"bin", "boot", "lib", "lib32", "lib64", "libx32", "sbin", "usr"} | {
    "dev",
    "etc",
    "lost+found",
    "proc",
    "run",
    "sys",
    "var",
}
"""Top-level directories that a private root has of its own, or that are bound specially."""

HOST_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/ssl/certs")
"""What a private root takes from the host's /etc: names, and trust for Bazel, pip and git."""

HOST_ONLY_VARIABLES = {
    "JAVA_HOME",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "PERL5LIB",
    "PYTHONHOME",
    "PYTHONPATH",
}
"""Variables that name programs and libraries of the host, which a private root has not."""

INNER_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

STUB_MODULES = {
    "apple_support": ("1.23.1",),
    "buildozer": ("7.1.2",),
    "protobuf": ("3.19.6", "21.7"),
    "zlib": ("1.3.1.bcr.3",),
}
"""Modules that Bazel's own `bazel_tools` names, which nothing loads and Debian does not ship."""


class BazelwError(Exception):
    """Something that the user has to see to; its text says what."""


@dataclass(frozen=True)
class RootSpec:
    """What a private Debian system is made of. Another spec is another root."""

    suite: str
    packages: tuple[str, ...]
    smoke_test: tuple[str, ...] = ("bazel", "--version")
    """A command that must succeed in a root before it is put to use."""

    @property
    def name(self) -> str:
        """The root's directory name, which changes with every change of the spec."""
        return "root-" + hashlib.sha256(repr(self).encode()).hexdigest()[:12]


ROOT = RootSpec(
    suite="forky",
    packages=(
        "apt-utils",
        "bazel-bootstrap",
        "bubblewrap",
        "ca-certificates",
        "dpkg-dev",
        "fakeroot",
        "git",
        "gnupg",
        "gpgv",
        "mmdebstrap",
        "mount",
        "nginx-light",
        "ostree",
        "python3",
        "python3-pip",
        "xz-utils",
        "zstd",
    ),
)


# --- This machine's apt -----------------------------------------------------------------------


@dataclass(frozen=True)
class AptSource:
    """One URI and suite of sources.list(5)."""

    uri: str
    suite: str
    components: tuple[str, ...]


def parse_one_line_sources(text: str) -> list[AptSource]:
    """Parse the one-line format of sources.list(5): `deb [options] URI SUITE [COMPONENT...]`."""
    sources = []
    for line in text.splitlines():
        words = re.sub(r"\[[^]]*\]", " ", line.split("#")[0]).split()
        if len(words) >= 3 and words[0] == "deb":
            sources.append(AptSource(words[1], words[2], tuple(words[3:])))
    return sources


def parse_deb822_sources(text: str) -> list[AptSource]:
    """Parse the deb822 format of sources.list(5), every URI with every suite."""
    sources = []
    for stanza in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields: dict[str, list[str]] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t"):
                fields.setdefault(name, []).extend(line.split())
            elif ":" in line:
                name, value = line.split(":", 1)
                name = name.strip().lower()
                fields[name] = value.split()
        if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
            continue
        sources += [
            AptSource(uri, suite, tuple(fields.get("components", [])))
            for uri in fields.get("uris", [])
            for suite in fields.get("suites", [])
        ]
    return sources


def apt_sources(etc_apt: Path) -> list[AptSource]:
    """The archives that apt is configured to use, in its order; `mirror+file:` lists resolved."""
    sources = []
    for path in [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]:
        with contextlib.suppress(OSError):
            if path.suffix == ".list":
                sources += parse_one_line_sources(path.read_text(errors="replace"))
            elif path.suffix == ".sources":
                sources += parse_deb822_sources(path.read_text(errors="replace"))
    return [
        AptSource(_first_mirror(source.uri), source.suite, source.components) for source in sources
    ]


def _first_mirror(uri: str) -> str:
    """The first mirror of an apt-transport-mirror(1) list on disk, or the URI itself."""
    path = re.sub(r"^mirror\+file:(//(?=/))?", "", uri)
    if path == uri:
        return uri
    with contextlib.suppress(OSError):
        for line in Path(path).read_text(errors="replace").splitlines():
            words = line.split("#")[0].split()
            if words:
                return words[0]
    return uri


def _is_debian(source: AptSource, suffix: str = "") -> bool:
    release = source.suite[: len(source.suite) - len(suffix)]
    return (
        source.suite.endswith(suffix)
        and release in DEBIAN_SUITES
        and "main" in source.components
        and urllib.parse.urlsplit(source.uri).scheme in ("http", "https")
    )


def debian_mirror(sources: Sequence[AptSource]) -> str | None:
    """The mirror of Debian's archive among sources, without a trailing slash.

    Third parties name their suites after Debian's too, so a path that ends in `debian`, as all of
    Debian's mirrors have it, goes first.
    """
    mirrors = [source.uri.rstrip("/") for source in sources if _is_debian(source)]
    mirrors.sort(key=lambda uri: not uri.endswith("/debian"))
    return mirrors[0] if mirrors else None


def security_mirror(sources: Sequence[AptSource]) -> str | None:
    """The mirror of Debian's security archive among sources, without a trailing slash."""
    mirrors = [source.uri.rstrip("/") for source in sources if _is_debian(source, "-security")]
    return mirrors[0] if mirrors else None


def mirror_map(sources: Sequence[AptSource]) -> str:
    """The value of APT2OSTREE_MIRRORS that maps Debian's archives to this machine's mirrors."""
    pairs = (
        (DEBIAN_ARCHIVE, debian_mirror(sources)),
        (DEBIAN_SECURITY, security_mirror(sources)),
    )
    return ",".join(
        f"{origin}={mirror}" for origin, mirror in pairs if mirror not in (None, origin)
    )


def transport_options(apt_config_dump: str) -> list[str]:
    """The lines of `apt-config dump` about proxies and certificates, to hand to another apt."""
    wanted = re.compile(r'Acquire::(http|https|Retries)\b[^"]* "[^"]+";')
    return [line for line in apt_config_dump.splitlines() if wanted.fullmatch(line)]


# --- The user's own Bazel ---------------------------------------------------------------------


def bazel_version(text: str) -> tuple[int, int] | None:
    """The version in what `bazel --version` prints, as in `bazel 7.7.1`; None for anything else."""
    match = re.search(r"^bazel (\d+)\.(\d+)", text, re.MULTILINE)
    return (int(match[1]), int(match[2])) if match else None


def registry_is_unreachable(stderr: str) -> bool:
    """Whether Bazel failed because it could not reach a registry, not by a fault of the user's."""
    return "Error accessing registry" in stderr or "Failed to fetch registry file" in stderr


def find_workspace(directory: Path) -> Path | None:
    """The Bazel workspace that directory is in, found as Bazel finds it."""
    markers = ("MODULE.bazel", "REPO.bazel", "WORKSPACE.bazel", "WORKSPACE")
    for candidate in (directory, *directory.parents):
        if any((candidate / marker).is_file() for marker in markers):
            return candidate
    return None


def own_bazel(environment: Mapping[str, str], cache: Path, workspace: Path | None) -> str | None:
    """The user's Bazel if it serves this workspace, else None; says why not, once a day.

    Raises:
        BazelwError: APT2OSTREE_BAZEL names no program.
    """
    chosen = environment.get("APT2OSTREE_BAZEL", "")
    if chosen == "private":
        return None
    if chosen:
        program = shutil.which(chosen)
        if program is None:
            raise BazelwError(
                f"APT2OSTREE_BAZEL={chosen} is not a program; give the path of a Bazel, or unset it"
            )
        return program
    bazelw = Path(__file__).resolve().with_suffix("")
    for name in ("bazel", "bazelisk"):
        program = shutil.which(name)
        if program and Path(program).resolve() != bazelw:
            why_not = _remembered_fault(program, cache, workspace)
            if not why_not:
                return program
            say(f"not using {program}: {why_not}")
    return None


def _remembered_fault(program: str, cache: Path, workspace: Path | None) -> str:
    status = Path(program).resolve().stat()
    key = repr((program, status.st_mtime_ns, status.st_size, str(workspace)))
    note = cache / "bazels" / hashlib.sha256(key.encode()).hexdigest()[:24]
    with contextlib.suppress(OSError):
        if time.time() - note.stat().st_mtime < REMEMBER_SECONDS:
            return note.read_text()
    fault = _fault(program, workspace)
    write_atomically(note, fault.encode())
    return fault


def _fault(program: str, workspace: Path | None) -> str:
    """Why a Bazel does not serve, or an empty string."""
    try:
        version = subprocess.run(
            [program, "--version"], stdout=subprocess.PIPE, text=True, timeout=600, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return "`--version` fails"
    if (bazel_version(version) or (0, 0)) < OLDEST_BAZEL:
        return f"it is {version.strip() or 'of no version'}, older than 7.1"
    if workspace is None:
        return ""
    say(f"asking {program} whether it reaches this workspace's module registries")
    try:
        answer = subprocess.run(
            [program, "mod", "dump_repo_mapping", ""],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=120,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "it takes more than two minutes to resolve modules"
    if answer.returncode and registry_is_unreachable(answer.stderr):
        return "it cannot reach a module registry"
    return ""


# --- Making a private root --------------------------------------------------------------------


def private_root(cache: Path, spec: RootSpec, environment: Mapping[str, str]) -> Path:
    """The root of spec under cache, made now if there is none.

    A root appears under its name only when it is whole. Whoever makes it holds the lock, and so
    does mmdebstrap, should its maker be killed.

    Raises:
        BazelwError: It cannot be made; says what to do.
    """
    root = cache / spec.name
    if not root.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with locked(cache / "lock") as lock:
            if not root.is_dir():
                remove(*cache.glob("root.tmp*"))
                _make_root(root, spec, environment, lock)
                unused = time.time() - UNUSED_ROOT_SECONDS
                remove(*(old for old in cache.glob("root-*") if old.stat().st_mtime < unused))
    os.utime(root)
    return root


def _make_root(root: Path, spec: RootSpec, environment: Mapping[str, str], lock: int) -> None:
    is_root = os.geteuid() == 0
    install_tools(is_root)
    if shutil.disk_usage(root.parent).free < ROOT_BYTES:
        raise BazelwError(
            f"a private root needs 2 GB in {root.parent}, which has less; "
            "free some, or set APT2OSTREE_CACHE to a directory on another disk"
        )
    mirror = (
        environment.get("APT2OSTREE_MIRROR")
        or debian_mirror(apt_sources(Path("/etc/apt")))
        or DEBIAN_ARCHIVE
    )
    say(
        f"making a Debian {spec.suite} with Bazel in {root} from {mirror}, once: about "
        f"{'a minute' if is_root else 'two minutes'} and 1.6 GB"
    )
    started = time.monotonic()
    temporary = root.parent / "root.tmp"
    try:
        run_mmdebstrap(mmdebstrap_command(spec, mirror, is_root), temporary, is_root, lock)
        settle_root(temporary)
        enter = bwrap_command(temporary, host_directories(), [], {}, None)
        if subprocess.call([*enter, *spec.smoke_test], stdout=subprocess.DEVNULL):
            raise BazelwError(
                f"`{shlex.join(spec.smoke_test)}` fails in the new root (see above); "
                "bubblewrap may not be allowed to make namespaces here"
            )
        temporary.rename(root)
    except BaseException:
        remove(temporary)
        raise
    say(f"made in {time.monotonic() - started:.0f} seconds")


def install_tools(is_root: bool) -> None:
    """Install mmdebstrap and bubblewrap, or say what to ask the administrator for.

    Raises:
        BazelwError: They are missing and cannot be installed.
    """
    wanted = {
        "mmdebstrap": shutil.which("mmdebstrap"),
        "bubblewrap": shutil.which("bwrap"),
        "debian-archive-keyring": KEYRING.exists(),
    }
    if not is_root:
        wanted["uidmap"] = shutil.which("newuidmap")
    missing = [package for package, there in wanted.items() if not there]
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if not is_root or not shutil.which("apt-get"):
        raise BazelwError(
            "no usable Bazel here, and making a private one needs packages that only root can "
            f"install. Ask your administrator for: {shlex.join(command)}"
        )
    say(f"installing {', '.join(missing)} with apt-get")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "-qq", "update"], command):
        if subprocess.call(step, env=quiet, stdin=subprocess.DEVNULL, stdout=sys.stderr):
            raise BazelwError(f"`{shlex.join(step)}` failed (see above)")


def mmdebstrap_command(spec: RootSpec, mirror: str, is_root: bool) -> list[str]:
    """The mmdebstrap(1) command that makes spec, all but its target."""
    options = [
        # A mirror of testing can be older than its Valid-Until; the signature is still checked.
        'Acquire::Check-Valid-Until "false";',
        # As root apt would download as _apt, who may not enter a home directory, and warn of it.
        'APT::Sandbox::User "root";',
        *transport_options(_output(["apt-config", "dump"])),
    ]
    return [
        "mmdebstrap",
        "--variant=minbase",
        f"--mode={'root' if is_root else 'unshare'}",
        f"--keyring={KEYRING}",
        *(f"--aptopt={option}" for option in options),
        f"--include={','.join(spec.packages)}",
        *(() if is_root else ("--skip=output/dev", "--format=tar")),
        spec.suite,
    ]


def run_mmdebstrap(command: Sequence[str], target: Path, is_root: bool, lock: int) -> None:
    """Run mmdebstrap into the new directory target.

    An ordinary user cannot own its files by the users that they belong to, so they are unpacked
    from a tar as the user's own.

    Raises:
        BazelwError: It failed.
    """
    mirror_hint = "set APT2OSTREE_MIRROR to a Debian mirror that has this suite"
    target.mkdir()
    with contextlib.ExitStack() as stack:
        if is_root:
            processes = [start(stack, [*command, str(target)], lock, stdout=sys.stderr.fileno())]
        else:
            maker = start(stack, [*command, "-"], lock, stdout=subprocess.PIPE)
            assert maker.stdout
            tar = ["tar", "-x", "--no-same-owner", "-C", str(target)]
            processes = [maker, start(stack, tar, lock, stdin=maker.stdout.fileno())]
            maker.stdout.close()
        codes = [process.wait() for process in processes]
        if any(codes):
            hint = mirror_hint if is_root else f"{mirror_hint}; see also /etc/subuid, subuid(5)"
            raise BazelwError(f"mmdebstrap failed (see above). If it is the mirror, {hint}")


def start(
    stack: contextlib.ExitStack,
    command: Sequence[str],
    lock: int,
    stdin: int = subprocess.DEVNULL,
    stdout: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that holds the lock, and is ended with the stack."""
    process = subprocess.Popen(command, stdin=stdin, stdout=stdout, pass_fds=[lock])
    stack.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def settle_root(root: Path) -> None:
    """Make the places in a new root where the host's files are bound, and wire up our bazelrc."""
    for name in HOST_FILES:
        place = root / name[1:]
        if not place.is_dir():
            place.unlink(missing_ok=True)
            place.touch()
    (root / "etc/bazelw").mkdir()
    (root / "etc/bazelw/bazelrc").touch()
    bazelrc = root / "etc/bazel/bazelrc"
    if bazelrc.exists():
        # The option does nothing any more but print a warning with every command.
        kept = [line for line in bazelrc.read_text().splitlines() if "--host_javabase" not in line]
        bazelrc.write_text("\n".join([*kept, "import /etc/bazelw/bazelrc", ""]))


# --- Entering it ------------------------------------------------------------------------------


def host_directories() -> list[Path]:
    """The host's top-level directories that are not the system's own."""
    return sorted(
        entry
        for entry in Path("/").iterdir()
        if entry.name not in SYSTEM_DIRECTORIES and entry.is_dir()
    )


def needed_directories(environment: Mapping[str, str], *paths: Path | None) -> list[Path]:
    """Which of paths and of the directories that variables name lie in a system directory."""
    named = [environment.get(name, "") for name in ("HOME", "TMPDIR", "XDG_RUNTIME_DIR")]
    candidates = {
        Path(path) for path in [*paths, *named, "/var/tmp"] if path and Path(path).is_dir()
    }
    return sorted(path for path in candidates if path.parts[1:2] and _is_system(path))


def _is_system(path: Path) -> bool:
    return path.is_absolute() and path.parts[1] in SYSTEM_DIRECTORIES


def bwrap_command(
    root: Path,
    directories: Sequence[Path],
    extra: Sequence[Path],
    data: Mapping[str, Path],
    info_fd: int | None,
) -> list[str]:
    """The bwrap(1) command, all but what to run, that enters root.

    Args:
        root: The private root, seen read-only.
        directories: The host's top-level directories to bind.
        extra: Further directories of the host to bind.
        data: From a path in the root to the host's file or directory to show there read-only.
        info_fd: Where bwrap shall write the process id of what it runs.

    /proc is bound, not mounted: bwrap masks parts of its own, and then Bazel's linux-sandbox
    may not mount one. No pid namespace, so that the Bazel server lives on between calls.
    """
    command = ["bwrap", "--ro-bind", str(root), "/"]
    command += ["--dev-bind", "/dev", "/dev", "--dev-bind", "/proc", "/proc"]
    command += ["--bind", "/sys", "/sys", "--tmpfs", "/run"]
    for directory in directories:
        (root / directory.name).mkdir(exist_ok=True)
        command += ["--bind", str(directory), str(directory)]
    for directory in extra:
        if not directory.is_relative_to("/run"):
            (root / str(directory)[1:]).mkdir(parents=True, exist_ok=True)
        command += ["--bind", str(directory), str(directory)]
    for name in HOST_FILES:
        command += ["--ro-bind-try", name, name]
    for inner, outer in data.items():
        command += ["--ro-bind", str(outer), inner]
    if info_fd is not None:
        command += ["--info-fd", str(info_fd)]
    return command


def inner_environment(environment: Mapping[str, str], home: Path, user: str) -> dict[str, str]:
    """The host's environment as it shall be in a private root."""
    inner = {k: v for k, v in environment.items() if k not in HOST_ONLY_VARIABLES}
    return {**inner, "PATH": INNER_PATH, "HOME": str(home), "USER": user, "LOGNAME": user}


def configuration(cache: Path, certificates: bytes) -> dict[str, bytes]:
    """The files of /etc/bazelw in a private root, by relative path.

    Args:
        cache: Where Bazel shall keep what it makes.
        certificates: The host's trusted certificates, PEM.
    """
    bazelrc = [
        f"startup --output_user_root={cache}/bazel",
        "startup --host_jvm_args=-Djavax.net.ssl.trustStore=/etc/bazelw/cacerts",
        "common --noenable_workspace",
        "common --registry=file:///etc/bazelw/registry",
        "build --nosandbox_debug",
    ]
    files = {
        "bazelrc": "".join(line + "\n" for line in bazelrc).encode(),
        "cacerts": java_truststore(certificates),
        "registry/bazel_registry.json": b"{}\n",
        "registry/empty/MODULE.bazel": b"",
    }
    source = json.dumps({"type": "local_path", "path": "/etc/bazelw/registry/empty"}) + "\n"
    for name, versions in STUB_MODULES.items():
        for version in versions:
            module = f'module(name = "{name}", version = "{version}")\n'
            files[f"registry/modules/{name}/{version}/MODULE.bazel"] = module.encode()
            files[f"registry/modules/{name}/{version}/source.json"] = source.encode()
    return files


def java_truststore(pem: bytes) -> bytes:
    """Certificates as a Java key store, in the format JKS.

    Java reads no PEM, and the host need not have Java's copy of its certificates. The format is
    that of OpenJDK's sun.security.provider.JavaKeyStore: big-endian, strings with a 16-bit
    length, and at the end a digest keyed with a password, which a trust store goes without.
    """
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----(.+?)-----END", pem, re.DOTALL)
    store = struct.pack(">III", 0xFEEDFEED, 2, len(blocks))
    for number, block in enumerate(blocks):
        der = base64.b64decode(block)
        alias = str(number).encode()
        store += struct.pack(">IH", 2, len(alias)) + alias + struct.pack(">QH", 0, 5) + b"X.509"
        store += struct.pack(">I", len(der)) + der
    return store + hashlib.sha1(b"Mighty Aphrodite" + store).digest()


def write_configuration(cache: Path, files: Mapping[str, bytes]) -> Path:
    """Write files to a directory under cache, named by their content, once."""
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
    directory = cache / f"etc-{digest[:12]}"
    if not directory.is_dir():
        temporary = cache / f"etc.tmp{os.getpid()}"
        for name, content in files.items():
            write_atomically(temporary / name, content)
        try:
            temporary.rename(directory)
        except OSError:  # Another bazelw was first, with the same.
            remove(temporary)
    return directory


def user_database(root: Path, cache: Path) -> dict[str, Path]:
    """/etc/passwd and /etc/group for a root, with the present user in them."""
    uid, gid = os.getuid(), os.getgid()
    lines = {
        "passwd": (uid, f"{user_name()}:x:{uid}:{gid}::{home_directory(os.environ)}:/bin/sh\n"),
        "group": (gid, f"{user_name()}:x:{gid}:\n"),
    }
    found = {}
    for name, (number, line) in lines.items():
        text = (root / "etc" / name).read_text()
        if not re.search(rf"^[^:]*:[^:]*:{number}:", text, re.MULTILINE):
            directory = write_configuration(cache, {name: (text + line).encode()})
            found[f"/etc/{name}"] = directory / name
    return found


def enter(root: Path, cache: Path, environment: Mapping[str, str], command: Sequence[str]) -> int:
    """Run a command in a private root, in the current directory; returns its exit code."""
    certificates = b""
    with contextlib.suppress(OSError):
        certificates = Path("/etc/ssl/certs/ca-certificates.crt").read_bytes()
    data = {"/etc/bazelw": write_configuration(cache, configuration(cache, certificates))}
    data.update(user_database(root, cache))
    cwd = Path.cwd()
    extra = needed_directories(environment, find_workspace(cwd), cwd, cache)
    read_end, write_end = os.pipe()
    bwrap = bwrap_command(root, host_directories(), extra, data, write_end)
    inner = inner_environment(environment, home_directory(environment), user_name())
    return run_forwarding([*bwrap, "--chdir", str(cwd), *command], inner, read_end, write_end)


def run_forwarding(
    command: Sequence[str], environment: Mapping[str, str], read_end: int, write_end: int
) -> int:
    """Run a bwrap command and pass on to what it runs the signals that this process gets.

    bwrap itself would die of them and leave the command behind. A terminal's Ctrl-C reaches the
    command without help, and twice would mean something else to Bazel.
    """
    watched = {signal.SIGINT, signal.SIGTERM, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)

    def ignore_signals() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    process = subprocess.Popen(
        command, env=environment, pass_fds=[write_end], preexec_fn=ignore_signals
    )
    os.close(write_end)
    with os.fdopen(read_end) as info:
        text = info.read()
    child = json.loads(text)["child-pid"] if text else process.pid
    while process.poll() is None:
        received = signal.sigwaitinfo(watched)
        from_terminal = received.si_code > 0  # SI_KERNEL; SI_USER and its like are not positive.
        if received.si_signo != signal.SIGCHLD and not from_terminal:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, received.si_signo)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


# --- Odds and ends ----------------------------------------------------------------------------


def say(text: str) -> None:
    """Tell the user; never on stdout, which is Bazel's."""
    print(f"bazelw: {text}", file=sys.stderr, flush=True)


def user_name() -> str:
    """The present user's name, or a made-up one for a user without a name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user{os.getuid()}"


def home_directory(environment: Mapping[str, str]) -> Path:
    """HOME, or what the user database has, if it can be written to; else a directory in /tmp.

    Raises:
        BazelwError: Somebody else has the directory in /tmp.
    """
    with contextlib.suppress(KeyError):
        for name in (environment.get("HOME", ""), pwd.getpwuid(os.getuid()).pw_dir):
            if name.startswith("/") and os.access(name, os.W_OK | os.X_OK) and Path(name).is_dir():
                return Path(name)
    home = Path(f"/tmp/apt2ostree-{os.getuid()}")
    with contextlib.suppress(FileExistsError):
        home.mkdir(mode=0o700)
    status = home.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o170077 != 0o040000:
        raise BazelwError(f"{home} is not a directory of yours alone; set HOME")
    return home


def cache_directory(environment: Mapping[str, str]) -> Path:
    """Where private roots and what belongs to them are kept."""
    chosen = environment.get("APT2OSTREE_CACHE", "")
    if chosen:
        return Path(chosen).absolute()
    xdg = environment.get("XDG_CACHE_HOME", "")
    base = Path(xdg) if xdg.startswith("/") else home_directory(environment) / ".cache"
    return base / "apt2ostree"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file, and its directories, so that nobody sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)


def remove(*trees: Path) -> None:
    """Remove directory trees, but nothing that may be mounted in them."""
    if trees:
        command = ["rm", "-rf", "--one-file-system", "--", *map(str, trees)]
        subprocess.run(command, check=False)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold a lock file; says so when it has to wait for somebody else."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another bazelw, which is making the private root")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _output(command: Sequence[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout


def _exit_on_signal(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def main(arguments: Sequence[str]) -> int:
    """Do what the module's docstring says."""
    if arguments[:1] == ["--bazelw-help"]:
        print(__doc__.strip())
        return 0
    signal.signal(signal.SIGTERM, _exit_on_signal)
    signal.signal(signal.SIGHUP, _exit_on_signal)
    environment = dict(os.environ)
    mirrors = mirror_map(apt_sources(Path("/etc/apt")))
    if mirrors:
        environment.setdefault("APT2OSTREE_MIRRORS", mirrors)
    cache = cache_directory(environment)
    command = ["bazel", *arguments]
    if arguments[:1] == ["--bazelw-exec"]:
        command = list(arguments[1:]) or ["/bin/bash"]
    else:
        bazel = own_bazel(environment, cache, find_workspace(Path.cwd()))
        if bazel:
            os.execve(bazel, [bazel, *arguments], environment)
    environment["APT2OSTREE_CACHE"] = str(cache)
    root = private_root(cache, ROOT, environment)
    return enter(root, cache, environment, command)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BazelwError as error:
        say(f"error: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
