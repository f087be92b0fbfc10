"""Tests of repository_names.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load(
    "//apt2ostree/private/lock:repository_names.bzl",
    "PARTS",
    "deb_canonical_name",
    "deb_part",
    "deb_repository_name",
)  # buildifier: disable=bzl-visibility

def _names_impl(ctx):
    env = unittest.begin(ctx)
    sha256 = "0123456789abcdef" * 4
    for package, wanted in {
        "nginx": "deb_nginx_0123456789abcdef",
        "libstdc++6": "deb_libstdc__6_0123456789abcdef",
        "libc6.1-dev": "deb_libc6_1_dev_0123456789abcdef",
        "0ad": "deb_0ad_0123456789abcdef",
    }.items():
        fields = {"Package": package, "SHA256": sha256}
        asserts.equals(env, wanted, deb_repository_name(fields))
    other = deb_repository_name({"Package": "nginx", "SHA256": "f" * 64})
    asserts.equals(env, "deb_nginx_ffffffffffffffff", other)
    return unittest.end(env)

_names_test = unittest.make(_names_impl)

def _parts_impl(ctx):
    env = unittest.begin(ctx)
    debs = ["deb_package{}_0123456789abcdef".format(number) for number in range(1000)]
    parts = {}
    for deb in debs:
        other_version = deb.replace("0123456789abcdef", "f" * 16)
        asserts.equals(env, deb_part(deb), deb_part(other_version))
        parts[deb_part(deb)] = parts.get(deb_part(deb), 0) + 1
    asserts.equals(env, list(range(PARTS)), sorted(parts))
    asserts.true(env, max(parts.values()) < 2 * len(debs) // PARTS, str(parts))
    return unittest.end(env)

_parts_test = unittest.make(_parts_impl)

def _canonical_names_impl(ctx):
    env = unittest.begin(ctx)
    deb = "deb_nginx_0123456789abcdef"
    extension = "debs_{}".format(deb_part(deb))
    for own, wanted in {
        "_main~apt~image": "_main~{}~{}",
        "_main+apt+image": "_main+{}+{}",
        "apt2ostree~0.1.0~apt~image": "apt2ostree~0.1.0~{}~{}",
        "apt2ostree++apt+image": "apt2ostree++{}+{}",
        "apt2ostree~~apt~image": "apt2ostree~~{}~{}",
    }.items():
        asserts.equals(env, wanted.format(extension, deb), deb_canonical_name(deb, own, "image"))
    return unittest.end(env)

_canonical_names_test = unittest.make(_canonical_names_impl)

def repository_names_test_suite(name):
    unittest.suite(name, _names_test, _parts_test, _canonical_names_test)
