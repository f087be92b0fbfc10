"""Tests of architectures.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//apt2ostree/private/lock:architectures.bzl", "architecture_error")  # buildifier: disable=bzl-visibility

def _names_of_others_are_told_apart_test_impl(ctx):
    env = unittest.begin(ctx)
    for name in ["amd64", "arm64", "armhf", "i386", "riscv64", "x32", "any", "of-tomorrow"]:
        asserts.equals(env, None, architecture_error(name))
    asserts.equals(
        env,
        "\"x86_64\" is not Debian's name of an architecture: write \"amd64\"",
        architecture_error("x86_64"),
    )
    asserts.true(env, architecture_error("AArch64").endswith("write \"arm64\""))
    return unittest.end(env)

names_of_others_are_told_apart_test = unittest.make(_names_of_others_are_told_apart_test_impl)

def architectures_test_suite(name):
    unittest.suite(name, names_of_others_are_told_apart_test)
