"""What Bazel in a private root is configured with: a bazelrc, a module registry, certificates."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import struct
from collections.abc import Mapping
from pathlib import Path

from dev.bazelw.host import remove, write_atomically

STUB_MODULES = {
    "apple_support": ("1.23.1",),
    "buildozer": ("7.1.2",),
    "protobuf": ("3.19.6", "21.7"),
    "zlib": ("1.3.1.bcr.3",),
}
"""Modules that Bazel's own `bazel_tools` names, which nothing builds and Debian does not ship."""

_STUB_BUILD = """\
# For `bazelw query`, which follows labels that nothing builds.
filegroup(
    name = "zlib",
    visibility = ["//visibility:public"],
)
"""
_STUB_BUILDOZER = '''\
"""The program with which `bazelw mod tidy` edits MODULE.bazel: the one that BUILDOZER names."""

def _repository_impl(repository_ctx):
    program = repository_ctx.os.environ.get("BUILDOZER", "")
    repository_ctx.file("BUILD.bazel", "")
    if not program:
        fail("`mod tidy` needs buildozer: set BUILDOZER to its path (npm has it as " +
             "@bazel/buildozer), in a directory that is no system's own")
    repository_ctx.symlink(program, "buildozer.exe")

_repository = repository_rule(implementation = _repository_impl, environ = ["BUILDOZER"])

def _buildozer_binary_impl(_module_ctx):
    _repository(name = "buildozer_binary")

buildozer_binary = module_extension(
    implementation = _buildozer_binary_impl,
    tag_classes = {"buildozer": tag_class(attrs = {
        "sha256": attr.string_dict(),
        "version": attr.string(),
    })},
)
'''


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
        # It would replace the MODULE.bazel.lock of users who have a registry.
        "common --lockfile_mode=off",
        "common --registry=file:///etc/bazelw/registry",
        "build --nosandbox_debug",
    ]
    files = {
        "bazelrc": "".join(line + "\n" for line in bazelrc).encode(),
        "cacerts": java_truststore(certificates),
        "registry/bazel_registry.json": b"{}\n",
        "registry/empty/BUILD.bazel": _STUB_BUILD.encode(),
        "registry/empty/MODULE.bazel": b"",
        "registry/empty/buildozer_binary.bzl": _STUB_BUILDOZER.encode(),
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
