"""Tests of integrity.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//apt2ostree/private/lock:integrity.bzl", "integrity")  # buildifier: disable=bzl-visibility

# Of the one byte "a", as sha256sum, sha512sum and base64 give them.
_SHA256 = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
_SHA512 = (
    "1f40fc92da241694750979ee6cf582f2d5d7d28e18335de05abc54d0560e0f53" +
    "02860c652bf08d560252aa5e74210546f369fbbbce8c12cfc7957b2652fe9a75"
)

def _impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=", integrity(_SHA256))
    asserts.equals(
        env,
        "sha512-H0D8ktokFpR1CXnubPWC8tXX0o4YM13gWrxU0FYOD1MChgxlK/CNV" +
        "gJSql50IQVG82n7u86MEs/HlXsmUv6adQ==",
        integrity(_SHA512),
    )
    return unittest.end(env)

_integrity_test = unittest.make(_impl)

def integrity_test_suite(name):
    """The tests of this file.

    Args:
        name: name of the suite.
    """
    unittest.suite(name, _integrity_test)
