"""Tests of version.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//apt2ostree/private/lock:version.bzl", "compare_versions", "version_satisfies")  # buildifier: disable=bzl-visibility
load(":version_table.bzl", "VERSIONS")

def _every_pair_of_the_table_is_in_order_impl(ctx):
    env = unittest.begin(ctx)
    for i, a_group in enumerate(VERSIONS):
        for j, b_group in enumerate(VERSIONS):
            wanted = 0 if i == j else (-1 if i < j else 1)
            for a in a_group:
                for b in b_group:
                    asserts.equals(env, wanted, compare_versions(a, b), "{} and {}".format(a, b))
    return unittest.end(env)

_every_pair_of_the_table_is_in_order_test = unittest.make(
    _every_pair_of_the_table_is_in_order_impl,
)

def _operators_impl(ctx):
    env = unittest.begin(ctx)
    for operator, earlier, equal, later in [
        ("<<", True, False, False),
        ("<=", True, True, False),
        ("<", True, True, False),
        ("=", False, True, False),
        (">=", False, True, True),
        (">", False, True, True),
        (">>", False, False, True),
    ]:
        asserts.equals(env, earlier, version_satisfies("1.0~rc1", operator, "1.0"), operator)
        asserts.equals(env, equal, version_satisfies("1.0", operator, "1.0-0"), operator)
        asserts.equals(env, later, version_satisfies("1:0", operator, "1.0"), operator)
    return unittest.end(env)

_operators_test = unittest.make(_operators_impl)

def version_test_suite(name):
    unittest.suite(name, _every_pair_of_the_table_is_in_order_test, _operators_test)
