"""The pure-Python libraries of the `bazel run` tools, fetched with the user's own pip.

Build actions need none of them, so they are fetched only when such a tool is run or tested. pip
knows the user's index, proxy and certificates; what it brings is pinned by version and hash. A
monorepo that has them already points the label flags in //apt2ostree/settings at its own, and then
nothing here is fetched.
"""

_REPOSITORY = "apt2ostree_tool_wheels"

# Name, version, SHA-256 of the wheel, the package in it, and what it imports.
_WHEELS = [
    ("certifi", "2026.10.18", "73191c47aaa79da394e8fee2dbc2ec827432cab56311122c9e47abf79e390f62", "certifi", []),
    ("charset-normalizer", "3.5.2", "b6b751274acb69d77b3323d6b7dbaa3c7fdfc1eb829b7eb61d262f32e1af9685", "charset_normalizer", []),
    ("idna", "3.20", "ab7ae7122974553370f0bdb919e1a960b2cd1bc1ef0276416d896db81c14582c", "idna", []),
    ("markdown-it-py", "3.0.0", "355216845c60bd96232cd8d8c40e8f9765cc86f46880e43a8fd22dc1a1a8cab1", "markdown_it", ["mdurl"]),
    ("mdurl", "0.1.2", "84008a41e51615a49fc9966191ff91509e3c40b939176e643fd50a5c2196b8f8", "mdurl", []),
    ("pygments", "2.21.0", "2363c69b61c4a97c838da3b130dcd6468f4848992b21a82f2a63ec34377137d9", "pygments", []),
    ("python-debian", "1.1.1", "f98ae013e8e5310e49041cc3860a7105df73af73d4ff1d8afb474770d328a6ad", "debian", []),
    ("requests", "2.32.5", "2462f94637a34fd532264295e186976db0f5d453d1cdd31473c85a6a161affb6", "requests", ["certifi", "charset_normalizer", "idna", "urllib3"]),
    ("rich", "15.0.0", "33bd4ef74232fb73fe9279a257718407f169c09b78a87ad3d296f548e27de0bb", "rich", ["markdown_it", "pygments"]),
    ("urllib3", "2.6.3", "bf272323e553dfb2e87d9bfd225ca7b0f467b919d7bbd355436d3fd37cb0acd4", "urllib3", []),
]

_LIBRARY = """
py_library(
    name = "{package}",
    srcs = glob(["wheels/{package}/**/*.py"]),
    data = glob(["wheels/{package}/**"], exclude = ["**/*.py", "**/*.pyc"], allow_empty = True),
    imports = ["wheels"],
    visibility = ["//visibility:public"],
    deps = {deps},
)
"""

def _tool_wheels_impl(repository_ctx):
    python = repository_ctx.which("python3") or repository_ctx.which("python")
    if not python:
        fail("no python3 on the PATH, with whose pip the libraries of the tools are fetched")
    repository_ctx.file("requirements.txt", "".join([
        "{}=={} --hash=sha256:{}\n".format(name, version, sha256)
        for name, version, sha256, _, _ in _WHEELS
    ]))
    result = repository_ctx.execute([
        python,
        "-I",  # neither the user's own packages nor the working directory count
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-compile",
        "--no-deps",
        "--no-input",
        "--only-binary=:all:",
        "--require-hashes",
        "--target=wheels",
        "--requirement=requirements.txt",
    ], timeout = 600)
    if result.return_code:
        fail(("{} -m pip could not fetch the libraries of the tools:\n{}\nIf there is no pip, install " +
              "it (Debian: python3-pip); if it finds no package, configure its index; or point the " +
              "flags //apt2ostree/settings:requests, :python_debian and :rich at libraries of " +
              "your own.").format(python, result.stderr))
    repository_ctx.file("BUILD.bazel", "load(\"@rules_python//python:defs.bzl\", \"py_library\")\n" + "".join([
        _LIBRARY.format(package = package, deps = repr([":" + name for name in deps]))
        for _, _, _, package, deps in _WHEELS
    ]))

_tool_wheels = repository_rule(
    doc = "Libraries of the `bazel run` tools, one py_library each.",
    implementation = _tool_wheels_impl,
)

def _extension_impl(module_ctx):
    _tool_wheels(name = _REPOSITORY)
    return module_ctx.extension_metadata(reproducible = True)

tool_wheels = module_extension(
    doc = "Libraries of the `bazel run` tools.",
    implementation = _extension_impl,
)
