"""Tests of closure.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//apt2ostree/private/lock:closure.bzl", "closure", "dependency_edges", "package_key")  # buildifier: disable=bzl-visibility

def _package(name, depends = "", version = "1", architecture = "amd64", **fields):
    all_fields = {"Package": name, "Version": version, "Architecture": architecture}
    if depends:
        all_fields["Depends"] = depends
    for key, value in fields.items():
        all_fields[key.replace("_", "-")] = value
    return struct(fields = all_fields, line = 1)

def _edges(*packages):
    return {
        key.partition(":")[0]: [target.partition(":")[0] for target in targets]
        for key, targets in dependency_edges(packages).items()
    }

def _edges_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "a:all", package_key({"Package": "a", "Architecture": "all"}))
    asserts.equals(env, {}, dependency_edges([]))
    for packages, wanted in [
        ([_package("a", "b, c"), _package("b"), _package("c")], ["b", "c"]),
        # Pre-Depends count, Recommends and Suggests do not.
        ([_package("a", "", Pre_Depends = "b", Recommends = "c"), _package("b"), _package("c")], ["b"]),
        ([_package("a", "b", Pre_Depends = "b"), _package("b")], ["b"]),
        # What the lock has not is left out.
        ([_package("a", "b, missing")] + [_package("b")], ["b"]),
        ([_package("a", "missing | b"), _package("b")], ["b"]),
        ([_package("a", "b | c"), _package("b"), _package("c")], ["b"]),
        # Versions.
        ([_package("a", "b (>= 2) | c"), _package("b"), _package("c")], ["c"]),
        ([_package("a", "b (>= 2)"), _package("b", version = "1:0")], ["b"]),
        # Virtual packages: versioned only if the Provides is.
        ([_package("a", "v"), _package("b", Provides = "v, w")], ["b"]),
        ([_package("a", "v (>= 1)"), _package("b", Provides = "v")], []),
        ([_package("a", "v (>= 1)"), _package("b", Provides = "v (= 1.5)")], ["b"]),
        ([_package("a", "v (>= 2)"), _package("b", Provides = "v (= 1.5)")], []),
        # A real package before its providers.
        ([_package("a", "v"), _package("b", Provides = "v"), _package("v")], ["v"]),
        # Itself.
        ([_package("a", "a")], ["a"]),
        ([_package("a", "v", Provides = "v")], ["a"]),
        # Architectures.
        ([_package("a", "b"), _package("b", architecture = "all")], ["b"]),
        ([_package("a", "b", architecture = "all"), _package("b")], ["b"]),
        ([_package("a", "b"), _package("b", architecture = "i386")], []),
        ([_package("a", "b"), _package("b", architecture = "i386", Multi_Arch = "foreign")], ["b"]),
        ([_package("a", "b:any"), _package("b", architecture = "i386", Multi_Arch = "allowed")], ["b"]),
        ([_package("a", "b:i386"), _package("b", architecture = "i386")], ["b"]),
        ([_package("a", "b:i386"), _package("b")], []),
    ]:
        asserts.equals(env, wanted, _edges(*packages)["a"], repr(packages[0]))
    return unittest.end(env)

_edges_test = unittest.make(_edges_impl)

def _two_architectures_of_one_package_impl(ctx):
    env = unittest.begin(ctx)
    edges = dependency_edges([
        _package("a", "lib", architecture = "i386"),
        _package("b", "lib", architecture = "amd64"),
        _package("lib", architecture = "amd64"),
        _package("lib", architecture = "i386"),
    ])
    asserts.equals(env, ["lib:i386"], edges["a:i386"])
    asserts.equals(env, ["lib:amd64"], edges["b:amd64"])
    return unittest.end(env)

_two_architectures_of_one_package_test = unittest.make(_two_architectures_of_one_package_impl)

def _closures_impl(ctx):
    env = unittest.begin(ctx)
    edges = {"a": ["b"], "b": ["c", "d"], "c": ["a"], "d": [], "e": ["e"], "f": ["gone"]}
    for roots, wanted in [
        ([], []),
        (["d"], ["d"]),
        (["a"], ["a", "b", "c", "d"]),
        (["c"], ["a", "b", "c", "d"]),
        (["e"], ["e"]),
        (["d", "e"], ["d", "e"]),
        (["f"], ["f", "gone"]),
    ]:
        asserts.equals(env, wanted, sorted(closure(edges, roots)), repr(roots))
    return unittest.end(env)

_closures_test = unittest.make(_closures_impl)

def _a_long_chain_impl(ctx):
    env = unittest.begin(ctx)
    edges = {str(n): [str(n + 1)] for n in range(2000)}
    asserts.equals(env, 2001, len(closure(edges, ["0"])))
    return unittest.end(env)

_a_long_chain_test = unittest.make(_a_long_chain_impl)

def closure_test_suite(name):
    unittest.suite(
        name,
        _edges_test,
        _two_architectures_of_one_package_test,
        _closures_test,
        _a_long_chain_test,
    )
