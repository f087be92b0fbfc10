"""The repository of one .deb: the file, and the target that makes a tree of it."""

load("@bazel_tools//tools/build_defs/repo:utils.bzl", "get_auth")
load("//apt2ostree/private/lock:integrity.bzl", "integrity")
load(":urls.bzl", "mirrored", "parse_mirrors")

_BUILD = """\
load("@apt2ostree//apt2ostree/private/rules:deb_tree.bzl", "deb_tree")

deb_tree(
    name = "tree",
    package = {package},
    deb = "package.deb",
    visibility = ["//visibility:public"],
)

exports_files(["package.deb"])
"""

def _deb_repository_impl(repository_ctx):
    attributes = repository_ctx.attr

    # Read without being declared: another mirror is another way to the same bytes, and must
    # not fetch again what is here.
    mirrors, error = parse_mirrors(",".join(
        [repository_ctx.os.environ.get("APT2OSTREE_MIRRORS", "")] + attributes.mirrors,
    ))
    if error:
        fail(error)
    urls = mirrored(attributes.urls, mirrors)
    result = repository_ctx.download(
        url = urls,
        output = "package.deb",
        integrity = integrity(attributes.checksum),
        auth = get_auth(repository_ctx, urls),
        allow_fail = True,
    )
    if not result.success:
        fail("package {} of {}: no file with the {} {} at any of\n  {}\nThe warnings above say what was wrong with each. If the archive has moved on to another version, update the lock; if it is only elsewhere, set APT2OSTREE_MIRRORS=FROM=TO or add an apt.mirror(). If an archive wants a login (401), put it into ~/.netrc or the file that NETRC names, or use Bazel's --credential_helper or a downloader configuration.".format(
            attributes.package,
            attributes.lockfile,
            "SHA-256" if len(attributes.checksum) == 64 else "SHA-512",
            attributes.checksum,
            "\n  ".join(urls),
        ))
    repository_ctx.file("BUILD.bazel", _BUILD.format(package = repr(attributes.package)))

    # From Bazel 8.3 on; it may then keep repositories in its caches, remote ones from 9 on.
    if hasattr(repository_ctx, "repo_metadata"):
        return repository_ctx.repo_metadata(reproducible = True)
    return None

deb_repository = repository_rule(
    doc = "Downloads one package.",
    implementation = _deb_repository_impl,
    attrs = {
        "checksum": attr.string(doc = "Of the .deb, in hexadecimal: SHA-256 or SHA-512.", mandatory = True),
        "lockfile": attr.string(doc = "Where the package is named, for errors."),
        "mirrors": attr.string_list(doc = "`FROM=TO`, URL prefixes."),
        "package": attr.string(doc = "Name, version and architecture, for people.", mandatory = True),
        "urls": attr.string_list(doc = "Where it may be, the first to be tried first."),
    },
)
