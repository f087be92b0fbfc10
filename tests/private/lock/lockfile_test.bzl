"""Tests of lockfile.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//apt2ostree/private/lock:lockfile.bzl", "parse_lockfile")  # buildifier: disable=bzl-visibility

_SHA256 = "0123456789abcdef" * 4

def _stanza(package = "a", version = "1", architecture = "amd64", more = "", without = ""):
    fields = {
        "Package": package,
        "Version": version,
        "Architecture": architecture,
        "Filename": "pool/{}.deb".format(package),
        "SHA256": _SHA256,
    }
    return "".join([
        "{}: {}\n".format(name, value)
        for name, value in fields.items()
        if name != without
    ]) + more

def _names(lock):
    return [package.fields["Package"] for package in lock.packages]

def _what_is_read_impl(ctx):
    env = unittest.begin(ctx)
    for text in ["", "\n", "\n\n\n", "# a comment alone\n", "\r\n", "  \n"]:
        lock = parse_lockfile(text, "lock")
        asserts.equals(env, None, lock.error, repr(text))
        asserts.equals(env, [], lock.packages)
        asserts.equals(env, [], lock.architectures)
    two = _stanza("a") + "\n" + _stanza("b")
    for text in [
        two,
        two.rstrip("\n"),
        two + "\n\n",
        "\n\n" + two,
        two.replace("\n\n", "\n\n\n \n\t\n"),
        two.replace("\n", "\r\n"),
        two.replace("\n\n", "\n# comment\n\n# comment\n"),
    ]:
        lock = parse_lockfile(text, "lock")
        asserts.equals(env, None, lock.error)
        asserts.equals(env, ["a", "b"], _names(lock))
        asserts.equals(env, ["amd64"], lock.architectures)
        asserts.equals(env, "pool/b.deb", lock.packages[1].fields["Filename"])
    return unittest.end(env)

_what_is_read_test = unittest.make(_what_is_read_impl)

def _continuation_lines_impl(ctx):
    env = unittest.begin(ctx)
    more = "Description: short\n long: not a field\n .\n\tmore\nTag:\n one,\n two\nX-Empty:\n"
    for text in [_stanza(more = more), _stanza(more = more).replace("\n", "\r\n")]:
        lock = parse_lockfile(text, "lock")
        asserts.equals(env, None, lock.error)
        fields = lock.packages[0].fields
        asserts.equals(env, "short\n long: not a field\n .\n\tmore", fields["Description"])
        asserts.equals(env, "\n one,\n two", fields["Tag"])
        asserts.equals(env, "", fields["X-Empty"])
    return unittest.end(env)

_continuation_lines_test = unittest.make(_continuation_lines_impl)

def _case_does_not_matter_impl(ctx):
    env = unittest.begin(ctx)
    text = _stanza("a").replace(_SHA256, _SHA256.upper()) + "PRE-DEPENDS: b\nX-own: c\n"
    for name in ("Package", "Version", "Architecture", "Filename", "SHA256"):
        text = text.replace(name, name.lower())
    lock = parse_lockfile(text, "lock")
    asserts.equals(env, None, lock.error)
    fields = lock.packages[0].fields
    asserts.equals(env, ["a", _SHA256], [fields["Package"], fields["SHA256"]])
    asserts.equals(env, ["b", "c"], [fields["Pre-Depends"], fields["X-own"]])
    return unittest.end(env)

_case_does_not_matter_test = unittest.make(_case_does_not_matter_impl)

def _lines_are_counted_impl(ctx):
    env = unittest.begin(ctx)
    lock = parse_lockfile("\n" + _stanza("a", more = "Tag:\n x\n") + "\n\n" + _stanza("b"), "lock")
    asserts.equals(env, [2, 11], [package.line for package in lock.packages])
    return unittest.end(env)

_lines_are_counted_test = unittest.make(_lines_are_counted_impl)

def _architectures_impl(ctx):
    env = unittest.begin(ctx)
    one = _stanza("a") + "\n" + _stanza("b", architecture = "all")
    asserts.equals(env, ["amd64"], parse_lockfile(one, "lock").architectures)
    asserts.equals(env, [], parse_lockfile(_stanza(architecture = "all"), "lock").architectures)
    both = _stanza("a") + "\n" + _stanza("a", architecture = "i386")
    lock = parse_lockfile(both, "lock", ["i386", "amd64"])
    asserts.equals(env, (None, ["i386", "amd64"]), (lock.error, lock.architectures))
    return unittest.end(env)

_architectures_test = unittest.make(_architectures_impl)

def _errors_impl(ctx):
    env = unittest.begin(ctx)
    both = _stanza("a") + "\n" + _stanza("b", architecture = "i386")
    for text, declared, wanted in [
        (" leading\n", [], "x/lock:1: a continuation line without a field before it: "),
        (_stanza() + "\n continued\n", [], "x/lock:7: a continuation line without a field"),
        (_stanza() + "nonsense\n", [], "x/lock:6: expected 'Field: value', got \"nonsense\""),
        (_stanza() + "A b: c\n", [], "x/lock:6: expected 'Field: value'"),
        (_stanza() + ": c\n", [], "x/lock:6: expected 'Field: value'"),
        (_stanza() + "Version: 2\n", [], "x/lock:6: field Version is there twice in one stanza"),
        (_stanza() + _stanza(), [], "x/lock:6: field Package is there twice in one stanza"),
        (
            _stanza("b") + "\n" + _stanza(without = "Filename"),
            [],
            "x/lock:7: package a: no field Filename: is this the Packages index of an archive? " +
            "Write the lock anew with update_lock",
        ),
        (_stanza(without = "SHA256"), [], "x/lock:1: package a: no field SHA256, nor SHA512: "),
        (_stanza(without = "Package"), [], "x/lock:1: package (no name): no field Package: "),
        (_stanza(without = "Version"), [], "x/lock:1: package a: no field Version: "),
        (_stanza(without = "Architecture"), [], "x/lock:1: package a: no field Architecture: "),
        (
            _stanza() + "\n" + _stanza(version = "2"),
            [],
            "x/lock:7: package a: amd64 is already there, at line 1 with version 1: a lock holds " +
            "one version of a package; remove one of the two stanzas",
        ),
        (
            both,
            [],
            "x/lock: packages for several architectures (amd64, i386), and none is declared: ",
        ),
        (
            both,
            ["amd64"],
            "x/lock:7: package b is for i386, and the lock is declared to be for amd64: ",
        ),
        (_stanza(package = "../evil"), [], "x/lock:1: package ../evil: Package \"../evil\" has"),
        (_stanza(package = "a b"), [], "x/lock:1: package a b: Package \"a b\" has characters"),
        (_stanza(package = ".a"), [], "x/lock:1: package .a: Package \".a\" has characters"),
        (_stanza(package = "BUILD.bazel"), [], "x/lock:1: package build.bazel: a package cannot be called"),
        (_stanza(package = "a" * 129), [], "x/lock:1: package {}: a package cannot be called \"{}\" here: names have 128 characters".format("a" * 129, "a" * 60)),
        (_stanza(architecture = "../x"), [], "x/lock:1: package a: Architecture \"../x\" has"),
        (_stanza(without = "SHA256") + "SHA512: abc\n", [], "x/lock:1: package a: SHA512 \"abc\" is not 128"),
        (_stanza().replace(_SHA256, "abc"), [], "x/lock:1: package a: SHA256 \"abc\" is not 64"),
        (_stanza() + "version: 2\n", [], "x/lock:6: field Version is there twice in one stanza"),
        (_stanza().replace("pool/", "/"), [], "x/lock:1: package a: Filename \"/a.deb\" is not"),
        (_stanza().replace("pool/", "a/../../"), [], "x/lock:1: package a: Filename \"a/../.."),
        (_stanza().replace("pool/", "http://x/"), [], "x/lock:1: package a: Filename \"http://"),
    ]:
        error = parse_lockfile(text, "x/lock", declared).error
        asserts.true(env, error and error.startswith(wanted), "{}\n  is not\n{}".format(error, wanted))
    return unittest.end(env)

_errors_test = unittest.make(_errors_impl)

def lockfile_test_suite(name):
    unittest.suite(
        name,
        _what_is_read_test,
        _continuation_lines_test,
        _case_does_not_matter_test,
        _lines_are_counted_test,
        _architectures_test,
        _errors_test,
    )
