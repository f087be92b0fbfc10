"""Tests of repository_names.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//apt2ostree/private:repository_names.bzl", "deb_repository_name")  # buildifier: disable=bzl-visibility

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

def repository_names_test_suite(name):
    unittest.suite(name, _names_test)
