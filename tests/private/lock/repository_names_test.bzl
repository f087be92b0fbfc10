"""Tests of repository_names.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//apt2ostree/private/lock:repository_names.bzl", "deb_repository_name")  # buildifier: disable=bzl-visibility

# What a lock allows in names of packages and architectures; few letters, so that the others are
# drawn often.
_CHARACTERS = "aA0.+-_up"

# What Bazel allows in names of repositories, besides what `_ALLOWED` has of `_CHARACTERS`.
_ALLOWED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

def _name(lock, package, architecture, **fields):
    fields = {"Package": package, "Architecture": architecture} | fields
    return deb_repository_name(lock, fields)

def _names_impl(ctx):
    env = unittest.begin(ctx)
    for parts, wanted in {
        ("debs", "nginx", "amd64"): "debs__nginx__amd64",
        ("nginx_debs", "libstdc++6", "arm64"): "nginx_udebs__libstdc_p_p6__arm64",
        ("debs", "libc6.1-dev", "all"): "debs__libc6.1-dev__all",
        ("debs", "0ad", "musl-linux-amd64"): "debs__0ad__musl-linux-amd64",
    }.items():
        asserts.equals(env, wanted, _name(*parts))
    return unittest.end(env)

_names_test = unittest.make(_names_impl)

def _a_new_version_changes_no_name_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(
        env,
        _name("debs", "a", "all", Version = "1", SHA256 = "0" * 64),
        _name("debs", "a", "all", Version = "2", SHA256 = "f" * 64),
    )
    return unittest.end(env)

_a_new_version_changes_no_name_test = unittest.make(_a_new_version_changes_no_name_impl)

def _drawn(seed):
    """(a name, the next seed): a letter, and up to five characters."""
    name = "x"
    for _ in range(seed // 65536 % 6):
        seed = (seed * 1103515245 + 12345) % 2147483648
        name += _CHARACTERS[seed // 65536 % len(_CHARACTERS)]
    return name, (seed * 1103515245 + 12345) % 2147483648

def _read_back(name):
    """What a name was made of, or None."""
    parts = name.split("__")
    return tuple([part.replace("_p", "+").replace("_u", "_") for part in parts])

def _no_two_packages_share_a_name_impl(ctx):
    env = unittest.begin(ctx)
    seed = 1
    odd = 0
    for _ in range(2000):
        lock, seed = _drawn(seed)
        package, seed = _drawn(seed)
        architecture, seed = _drawn(seed)
        lock = lock.replace("+", "_")
        name = _name(lock, package, architecture)
        asserts.equals(env, (lock, package, architecture), _read_back(name), name)
        asserts.equals(env, "", name.strip(_ALLOWED), name)
        odd += int("__" in package or "_u" in package or "+_" in package)
    asserts.true(env, odd > 50, "{} of the drawn names are odd".format(odd))
    return unittest.end(env)

_no_two_packages_share_a_name_test = unittest.make(_no_two_packages_share_a_name_impl)

def repository_names_test_suite(name):
    unittest.suite(
        name,
        _names_test,
        _a_new_version_changes_no_name_test,
        _no_two_packages_share_a_name_test,
    )
