"""Tests of urls.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//apt2ostree/private/lock:lockfile.bzl", "parse_lockfile")  # buildifier: disable=bzl-visibility
load("//apt2ostree/private/repositories:urls.bzl", "mirrored", "package_urls", "parse_mirrors")  # buildifier: disable=bzl-visibility

_DEBIAN = "http://ftp.debian.org/debian"
_PATH = "pool/main/libs/libstdc++6_1.0~rc1_amd64.deb"

def _origins_impl(ctx):
    env = unittest.begin(ctx)
    sources = _DEBIAN + "/ bookworm/main amd64 Packages"
    snapshot = "http://snapshot.debian.org/archive/debian/20230101T000000Z"
    for fields, archive, wanted in [
        ({"APT-Sources": sources}, "", [_DEBIAN]),
        ({"APT-Sources": sources}, "http://other", [_DEBIAN]),
        ({"APT-Sources": sources, "Snapshot": snapshot}, "", [_DEBIAN, snapshot]),
        ({"Snapshot": snapshot}, "", [snapshot]),
        ({}, "http://other/", ["http://other"]),
        ({"APT-Sources": ""}, "http://other", ["http://other"]),
        ({}, "", []),
    ]:
        found = package_urls(dict(fields, Filename = _PATH), archive)
        asserts.equals(env, [base + "/" + _PATH for base in wanted], found)
    asserts.equals(
        env,
        ["http://flat/./x.deb".replace("/./", "/")],
        package_urls({"Filename": "./x.deb"}, "http://flat"),
    )
    asserts.equals(
        env,
        ["http://flat/a%20b/x_1%253a2~3+4_all.deb"],
        package_urls({"Filename": "a b/x_1%3a2~3+4_all.deb"}, "http://flat"),
    )
    return unittest.end(env)

_origins_test = unittest.make(_origins_impl)

# As the first apt2ostree wrote it for Ubuntu xenial: neither origins nor sizes.
_ORIGINAL_LOCK = """\
Package: adduser
Architecture: all
Version: 3.113+nmu3ubuntu4
Depends: perl-base (>= 5.6.0), debconf | debconf-2.0
Filename: pool/main/a/adduser/adduser_3.113+nmu3ubuntu4_all.deb
MD5sum: {md5}
SHA1: {sha1}
SHA256: {sha256}
Multi-Arch: foreign

Package: libstdc++6
Architecture: armhf
Version: 5.4.0-6ubuntu1~16.04.12
Filename: pool/main/g/gcc-5/libstdc++6_5.4.0-6ubuntu1~16.04.12_armhf.deb
MD5sum: {md5}
SHA1: {sha1}
SHA256: {sha256}
Multi-Arch: same
""".format(md5 = "0" * 32, sha1 = "0" * 40, sha256 = "1" * 64)

def _original_lock_impl(ctx):
    env = unittest.begin(ctx)
    lock = parse_lockfile(_ORIGINAL_LOCK, "multistrap.conf.lock")
    asserts.equals(env, None, lock.error)
    asserts.equals(env, ["armhf"], lock.architectures)
    ports = "http://ports.ubuntu.com/ubuntu-ports"
    asserts.equals(
        env,
        [
            [ports + "/pool/main/a/adduser/adduser_3.113+nmu3ubuntu4_all.deb"],
            [ports + "/pool/main/g/gcc-5/libstdc++6_5.4.0-6ubuntu1~16.04.12_armhf.deb"],
        ],
        [package_urls(package.fields, ports) for package in lock.packages],
    )
    return unittest.end(env)

_original_lock_test = unittest.make(_original_lock_impl)

def _mirrors_come_first_impl(ctx):
    env = unittest.begin(ctx)
    url = _DEBIAN + "/pool/a.deb"
    snapshot = "http://snapshot/x/pool/a.deb"
    for mirrors, wanted in [
        ([], [url, snapshot]),
        ([(_DEBIAN, "http://m/d")], ["http://m/d/pool/a.deb", url, snapshot]),
        ([(_DEBIAN + "/", "http://m/d/")], ["http://m/d/pool/a.deb", url, snapshot]),
        (
            [(_DEBIAN, "http://m1"), (_DEBIAN, "http://m2"), ("http://snapshot", "http://s")],
            ["http://m1/pool/a.deb", "http://m2/pool/a.deb", "http://s/x/pool/a.deb", url, snapshot],
        ),
        # Whole components only.
        ([("http://ftp.debian.org/deb", "http://evil")], [url, snapshot]),
        ([("http://ftp.debian.org/debian-security", "http://m")], [url, snapshot]),
        # A mirror that is the origin itself, and one that is there twice.
        ([(_DEBIAN, _DEBIAN)], [url, snapshot]),
        ([(_DEBIAN, "http://m"), (_DEBIAN, "http://m/")], ["http://m/pool/a.deb", url, snapshot]),
    ]:
        asserts.equals(env, wanted, mirrored([url, snapshot], mirrors), repr(mirrors))
    return unittest.end(env)

_mirrors_come_first_test = unittest.make(_mirrors_come_first_impl)

def _the_variable_impl(ctx):
    env = unittest.begin(ctx)
    for text, wanted in {
        "": [],
        " , ,": [],
        "http://a=http://b": [("http://a", "http://b")],
        " http://a=file:///b , https://c=http://d/?x=y": [
            ("http://a", "file:///b"),
            ("https://c", "http://d/?x=y"),
        ],
    }.items():
        mirrors, error = parse_mirrors(text)
        asserts.equals(env, None, error)
        asserts.equals(env, wanted, mirrors)
    for text in ["x", "http://a", "a=b", "http://a=b", "=http://b", "http://a=http://b,c"]:
        _, error = parse_mirrors(text)
        asserts.true(
            env,
            error and error.startswith("APT2OSTREE_MIRRORS: expected FROM=TO with two URLs, got "),
            repr(text),
        )
    for text in ["http://a=http://u:pw@b", "http://a=http://u:p/pw@b", "http://u:pw@a=http://b", "http://c=http://d,http://a=http://pw@b"]:
        _, error = parse_mirrors(text)
        asserts.equals(
            env,
            "APT2OSTREE_MIRRORS or an apt.mirror(): there is a login in a URL; put it into ~/.netrc, or the file that NETRC names, or use Bazel's --credential_helper, and leave it out here",
            error,
        )
    for text in ["http://u:pw@b", "http://a=u:pw@b", "http://a=http://u:x,pw@b", "http://a=http://u:x,pw"]:
        _, error = parse_mirrors(text + ("" if "@" in text else ",@"))
        asserts.false(env, "pw" in error, error)
    return unittest.end(env)

_the_variable_test = unittest.make(_the_variable_impl)

def urls_test_suite(name):
    unittest.suite(name, _origins_test, _original_lock_test, _mirrors_come_first_test, _the_variable_test)
