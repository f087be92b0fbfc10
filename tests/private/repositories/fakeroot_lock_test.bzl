"""Tests of fakeroot_lock.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//apt2ostree/private/repositories:fakeroot_lock.bzl", "fakeroot_suite", "fakeroot_targets")  # buildifier: disable=bzl-visibility

def _libc6(version, architecture = "amd64", name = "libc6"):
    return struct(fields = {"Package": name, "Version": version, "Architecture": architecture})

def _the_suite_is_the_newest_that_the_c_library_allows_impl(ctx):
    env = unittest.begin(ctx)
    for version, wanted in {
        "2.13-1": None,
        "2.31-13": "bullseye",
        "2.36-9": "bookworm",
        "2.41-12": "trixie",
        "2.42-2": "forky",
    }.items():
        asserts.equals(env, wanted, fakeroot_suite([_libc6(version)], ["amd64"]))
    both = [_libc6("2.36-9"), _libc6("2.41-12", "arm64")]
    asserts.equals(env, "trixie", fakeroot_suite(both, ["arm64", "amd64"]))
    asserts.equals(env, "bookworm", fakeroot_suite([_libc6("2.36-9", name = "libc6.1")], ["amd64"]))
    asserts.equals(env, None, fakeroot_suite([_libc6("2.36-9", "i386")], ["amd64"]))
    asserts.equals(env, None, fakeroot_suite([], []))
    return unittest.end(env)

_the_suite_is_the_newest_that_the_c_library_allows_test = unittest.make(
    _the_suite_is_the_newest_that_the_c_library_allows_impl,
)

def _targets_are_those_of_this_modules_own_locks_impl(ctx):
    env = unittest.begin(ctx)
    keys = ["fakeroot:amd64", "libfakeroot:amd64", "libfakeroot:i386"]
    own = str(Label("@apt2ostree_fakeroot_bookworm//:x")).removesuffix("//:x")
    for architectures, wanted in [
        (["amd64"], ["fakeroot:amd64"]),
        (["amd64", "i386"], ["fakeroot:amd64", "libfakeroot:i386"]),
        (["amd64", "armhf"], ["fakeroot:amd64"]),
        (["armhf"], []),
    ]:
        asserts.equals(
            env,
            [own + "//" + target for target in wanted],
            fakeroot_targets("bookworm", architectures, keys),
        )
    asserts.true(env, own.startswith("@@"), own)
    return unittest.end(env)

_targets_are_those_of_this_modules_own_locks_test = unittest.make(
    _targets_are_those_of_this_modules_own_locks_impl,
)

def fakeroot_lock_test_suite(name):
    unittest.suite(
        name,
        _the_suite_is_the_newest_that_the_c_library_allows_test,
        _targets_are_those_of_this_modules_own_locks_test,
    )
