"""Tests of path_in_package.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//apt2ostree/private/rules:path_in_package.bzl", "path_in_package")  # buildifier: disable=bzl-visibility

def _names_and_labels_of_the_package_test_impl(ctx):
    env = unittest.begin(ctx)
    for name in ["a.lock", ":a.lock", "//image:a.lock"]:
        asserts.equals(env, ("a.lock", None), path_in_package(name, "image"))
    asserts.equals(env, ("locks/a.lock", None), path_in_package("locks/a.lock", "image"))
    asserts.equals(env, ("a.lock", None), path_in_package("//:a.lock", ""))
    return unittest.end(env)

names_and_labels_of_the_package_test = unittest.make(_names_and_labels_of_the_package_test_impl)

def _files_of_other_packages_are_refused_test_impl(ctx):
    env = unittest.begin(ctx)
    for name in ["//other:a.lock", "@repo//image:a.lock", "//image/a.lock", "/a.lock", "@a", ""]:
        path, error = path_in_package(name, "image")
        asserts.equals(env, "", path)
        asserts.true(
            env,
            error.startswith("expected a file of the package //image, such as \"Packages.lock\""),
            error,
        )
    asserts.equals(
        env,
        ("", "\"../a.lock\" leads out of its package"),
        path_in_package("../a.lock", "image"),
    )
    return unittest.end(env)

files_of_other_packages_are_refused_test = unittest.make(
    _files_of_other_packages_are_refused_test_impl,
)

def path_in_package_test_suite(name):
    unittest.suite(
        name,
        names_and_labels_of_the_package_test,
        files_of_other_packages_are_refused_test,
    )
