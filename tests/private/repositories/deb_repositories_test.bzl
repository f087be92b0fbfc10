"""Tests of deb_repositories.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//apt2ostree/private/repositories:deb_repositories.bzl", "deb_repositories")  # buildifier: disable=bzl-visibility

def _package(name, sha256, version = "1", origin = "http://one", line = 1):
    return struct(line = line, fields = {
        "Package": name,
        "Version": version,
        "Architecture": "amd64",
        "Filename": "pool/{}_{}.deb".format(name, version),
        "SHA256": sha256 * 64,
    } | ({"APT-Sources": origin + " test/main amd64 Packages"} if origin else {}))

def _lock(*packages, archive = ""):
    return struct(archive = archive, is_root = True, packages = packages, path = "image/debs.lock")

def _each_package_has_a_repository_impl(ctx):
    env = unittest.begin(ctx)
    found = deb_repositories({"debs": _lock(_package("b", "0"), _package("a", "1"))})
    asserts.equals(env, None, found.error)
    asserts.equals(
        env,
        [("b:amd64", "debs__b__amd64"), ("a:amd64", "debs__a__amd64")],
        found.used["debs"].items(),
    )
    asserts.equals(env, ["debs__b__amd64", "debs__a__amd64"], found.repositories.keys())
    asserts.equals(
        env,
        {
            "lockfile": "image/debs.lock",
            "package": "a 1 (amd64)",
            "checksum": "1" * 64,
            "urls": ["http://one/pool/a_1.deb"],
        },
        found.repositories["debs__a__amd64"],
    )
    asserts.equals(env, ([], {}), (
        deb_repositories({}).repositories.keys(),
        deb_repositories({"debs": _lock()}).used["debs"],
    ))
    return unittest.end(env)

_each_package_has_a_repository_test = unittest.make(_each_package_has_a_repository_impl)

def _what_locks_share_is_the_first_ones_impl(ctx):
    env = unittest.begin(ctx)
    found = deb_repositories({
        "one": _lock(_package("a", "0"), _package("b", "1")),
        "two": _lock(_package("a", "0", origin = "http://two"), _package("b", "2", version = "2")),
        "three": _lock(_package("a", "0"), _package("b", "2", version = "2")),
    })
    asserts.equals(
        env,
        {
            "one": {"a:amd64": "one__a__amd64", "b:amd64": "one__b__amd64"},
            "two": {"a:amd64": "one__a__amd64", "b:amd64": "two__b__amd64"},
            "three": {"a:amd64": "one__a__amd64", "b:amd64": "two__b__amd64"},
        },
        found.used,
    )

    # Wherever one of the locks has it from.
    asserts.equals(
        env,
        ["http://one/pool/a_1.deb", "http://two/pool/a_1.deb"],
        found.repositories["one__a__amd64"]["urls"],
    )

    # Two packages with one content are two all the same.
    other = deb_repositories({"one": _lock(_package("a", "0")), "two": _lock(_package("b", "0"))})
    asserts.equals(env, {"b:amd64": "two__b__amd64"}, other.used["two"])
    return unittest.end(env)

_what_locks_share_is_the_first_ones_test = unittest.make(_what_locks_share_is_the_first_ones_impl)

def _a_new_version_changes_no_names_impl(ctx):
    env = unittest.begin(ctx)
    shared = _lock(_package("a", "0"), _package("b", "1"))
    bumped = _lock(_package("a", "2", version = "2"), _package("b", "1"))
    names = deb_repositories({"one": shared, "two": shared}).repositories.keys()
    for locks in [
        {"one": bumped, "two": shared},
        {"one": shared, "two": bumped},
        {"one": bumped, "two": bumped},
    ]:
        asserts.equals(env, names, deb_repositories(locks).repositories.keys())
    return unittest.end(env)

_a_new_version_changes_no_names_test = unittest.make(_a_new_version_changes_no_names_impl)

def _an_archive_is_needed_impl(ctx):
    env = unittest.begin(ctx)
    lost = _package("a", "0", origin = "", line = 7)
    asserts.equals(
        env,
        "image/debs.lock:7: package a has no field APT-Sources, which says what archive it is " +
        "from: give the lock's apt.lock() an `archive = \"http://…\"`, or write the lock anew " +
        "with update_lock",
        deb_repositories({"debs": _lock(_package("b", "1"), lost)}).error,
    )
    found = deb_repositories({"debs": _lock(lost, archive = "http://old")})
    asserts.equals(
        env,
        (None, ["http://old/pool/a_1.deb"]),
        (found.error, found.repositories["debs__a__amd64"]["urls"]),
    )
    return unittest.end(env)

_an_archive_is_needed_test = unittest.make(_an_archive_is_needed_impl)

def deb_repositories_test_suite(name):
    unittest.suite(
        name,
        _each_package_has_a_repository_test,
        _what_locks_share_is_the_first_ones_test,
        _a_new_version_changes_no_names_test,
        _an_archive_is_needed_test,
    )
