"""Tests of automatic.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//apt2ostree/private/lock:automatic.bzl", "automatic_in_closure", "automatic_in_image", "automatic_in_lock")  # buildifier: disable=bzl-visibility

def _a_label_asks_for_the_package_it_names_impl(ctx):
    env = unittest.begin(ctx)
    reached = {"curl:amd64": None, "libcurl:amd64": None, "libc6:amd64": None}
    automatic = ["curl:amd64", "libcurl:amd64", "other:amd64"]
    found = automatic_in_closure("curl:amd64", reached, automatic)
    asserts.equals(env, ["libcurl:amd64"], found.automatic)
    asserts.equals(env, ["curl:amd64", "libc6:amd64"], found.manual)
    return unittest.end(env)

_a_label_asks_for_the_package_it_names_test = unittest.make(_a_label_asks_for_the_package_it_names_impl)

def _what_one_set_asks_for_is_asked_for_impl(ctx):
    env = unittest.begin(ctx)
    lock = struct(automatic = ["a:amd64", "b:amd64"], manual = ["c:amd64"])
    label = struct(automatic = ["b:amd64", "c:amd64"], manual = ["a:amd64"])
    asserts.equals(env, ["b:amd64"], automatic_in_image([lock, label]))
    asserts.equals(env, ["a:amd64", "b:amd64"], automatic_in_image([lock]))
    asserts.equals(env, [], automatic_in_image([]))
    return unittest.end(env)

_what_one_set_asks_for_is_asked_for_test = unittest.make(_what_one_set_asks_for_is_asked_for_impl)

def _a_lock_says_it_of_each_package_impl(ctx):
    env = unittest.begin(ctx)
    packages = [
        struct(fields = {"Package": name, "Architecture": "all"} | more)
        for name, more in [
            ("a", {"Auto-Installed": "1"}),
            ("b", {}),
            ("c", {"Auto-Installed": "0"}),
        ]
    ]
    asserts.equals(env, ["a:all"], automatic_in_lock(packages))
    return unittest.end(env)

_a_lock_says_it_of_each_package_test = unittest.make(_a_lock_says_it_of_each_package_impl)

def automatic_test_suite(name):
    """Tests of which packages nobody asked for.

    Args:
        name: of the suite.
    """
    unittest.suite(
        name,
        _a_lock_says_it_of_each_package_test,
        _a_label_asks_for_the_package_it_names_test,
        _what_one_set_asks_for_is_asked_for_test,
    )
