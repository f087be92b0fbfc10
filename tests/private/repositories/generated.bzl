"""What the module extension makes of small locks: the text that goldens hold."""

load("@bazel_skylib//rules:write_file.bzl", "write_file")
load("//apt2ostree/private/lock:automatic.bzl", "automatic_in_lock")  # buildifier: disable=bzl-visibility
load("//apt2ostree/private/lock:closure.bzl", "dependency_edges")  # buildifier: disable=bzl-visibility
load("//apt2ostree/private/lock:lockfile.bzl", "parse_lockfile")  # buildifier: disable=bzl-visibility
load("//apt2ostree/private/repositories:deb_repositories.bzl", "deb_repositories")  # buildifier: disable=bzl-visibility
load("//apt2ostree/private/repositories:emulators.bzl", "emulator_target")  # buildifier: disable=bzl-visibility
load("//apt2ostree/private/repositories:hub_files.bzl", "data_files", "edges_files", "hub_files", "lock_files", "package_names")  # buildifier: disable=bzl-visibility

_LIBC6 = """\
Package: libc6
Architecture: amd64
Version: 2.36-9+deb12u13
Multi-Arch: same
Auto-Installed: 1
Filename: pool/main/g/glibc/libc6_2.36-9+deb12u13_amd64.deb
SHA256: 0000000000000000000000000000000000000000000000000000000000000000
APT-Sources: http://ftp.debian.org/debian bookworm/main amd64 Packages
"""

# Two architectures, packages that nobody asked for, one pinned to a snapshot, and one that another
# lock has too.
_LOCK = _LIBC6 + """
Package: libc6
Architecture: i386
Version: 2.36-9+deb12u13
Multi-Arch: same
Auto-Installed: 1
Filename: pool/main/g/glibc/libc6_2.36-9+deb12u13_i386.deb
SHA256: 1111111111111111111111111111111111111111111111111111111111111111
APT-Sources: http://ftp.debian.org/debian bookworm/main i386 Packages

Package: libstdc++6
Architecture: amd64
Version: 12.2.0-14
Multi-Arch: same
Auto-Installed: 1
Depends: libc6 (>= 2.36)
Filename: pool/main/g/gcc-12/libstdc++6_12.2.0-14_amd64.deb
SHA256: 2222222222222222222222222222222222222222222222222222222222222222
APT-Sources: http://ftp.debian.org/debian bookworm/main amd64 Packages
Snapshot: https://snapshot.debian.org/archive/debian/20230601T000000Z

Package: wine
Architecture: all
Version: 8.0~repack-4
Depends: wine32 (>= 8) | wine64, libstdc++6
Filename: pool/main/w/wine/wine_8.0~repack-4_all.deb
SHA256: 3333333333333333333333333333333333333333333333333333333333333333
APT-Sources: http://ftp.debian.org/debian bookworm/main amd64 Packages

Package: wine32
Architecture: i386
Version: 8.0~repack-4
Multi-Arch: foreign
Pre-Depends: libc6 (>= 2.34)
Filename: pool/main/w/wine/wine32_8.0~repack-4_i386.deb
SHA256: 4444444444444444444444444444444444444444444444444444444444444444
APT-Sources: http://ftp.debian.org/debian bookworm/main i386 Packages
"""

def _sections(files):
    """Several files as one text."""
    return "".join(["==> {} <==\n{}".format(path, text) for path, text in files.items()])

def _lock(text, path, architectures = []):
    lock = parse_lockfile(text, path, architectures)
    if lock.error:
        fail(lock.error)
    return struct(
        architectures = lock.architectures,
        archive = "",
        is_root = True,
        packages = lock.packages,
        path = path,
    )

def _texts():
    """dict: what → text."""
    base = _lock(_LIBC6, "base/Packages.lock")
    wine = _lock(_LOCK, "wine/Packages.lock", ["amd64", "i386"])
    debs = deb_repositories({"base": base, "wine_debs": wine})
    if debs.error:
        fail(debs.error)
    keys = debs.used["wine_debs"]
    return {
        "edges": _sections(edges_files(dependency_edges(wine.packages))),
        "hub": _sections(hub_files("wine_debs", package_names(keys))),
        "lock": _sections(lock_files(_LIBC6)),
        "data": _sections(data_files(
            lock = "wine_debs",
            architectures = wine.architectures,
            automatic = automatic_in_lock(wine.packages),
            debs = keys,
            emulator = emulator_target(wine.architectures),
            fakeroot = ["@@fakeroot//fakeroot:amd64", "@@fakeroot//libfakeroot:i386"],
        )),
        "packages": json.encode_indent(debs.repositories, indent = "    ") + "\n",
    }

def generated(name):
    """Writes what is made of the locks, a file per kind of repository.

    Args:
        name: of the filegroup of the files, and of their directory.
    """
    texts = _texts()
    for kind, text in texts.items():
        write_file(
            name = "{}_{}".format(name, kind),
            out = "{}/{}.txt".format(name, kind),
            content = text.split("\n"),
            newline = "unix",
        )
    native.filegroup(
        name = name,
        srcs = ["{}/{}.txt".format(name, kind) for kind in texts],
    )
