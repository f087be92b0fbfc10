"""Tests of relations.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//apt2ostree/private/lock:relations.bzl", "parse_relations")  # buildifier: disable=bzl-visibility

def _relation(name, qualifier = "", operator = "", version = ""):
    return struct(name = name, qualifier = qualifier, operator = operator, version = version)

def _fields_impl(ctx):
    env = unittest.begin(ctx)
    for text, wanted in {
        "": [],
        " , ,": [],
        "a": [[_relation("a")]],
        "a,b": [[_relation("a")], [_relation("b")]],
        "a | b , c": [[_relation("a"), _relation("b")], [_relation("c")]],
        "a|b": [[_relation("a"), _relation("b")]],
        "libc6 (>= 2.36)": [[_relation("libc6", "", ">=", "2.36")]],
        "libc6(>=2.36)": [[_relation("libc6", "", ">=", "2.36")]],
        "a (<< 1:2~rc1-3)": [[_relation("a", "", "<<", "1:2~rc1-3")]],
        "a (= 1) | b (>> 2)": [[_relation("a", "", "=", "1"), _relation("b", "", ">>", "2")]],
        "python3:any (>= 3.9~)": [[_relation("python3", "any", ">=", "3.9~")]],
        "gcc:amd64": [[_relation("gcc", "amd64")]],
        "g++ (>= 4:12)": [[_relation("g++", "", ">=", "4:12")]],
        "a [amd64 !i386]": [[_relation("a")]],
        "a[amd64]": [[_relation("a")]],
        "a,\n b (>= 1),\n c": [[_relation("a")], [_relation("b", "", ">=", "1")], [_relation("c")]],
        "default-mta | mail-transport-agent": [
            [_relation("default-mta"), _relation("mail-transport-agent")],
        ],
    }.items():
        asserts.equals(env, wanted, parse_relations(text), repr(text))
    return unittest.end(env)

_fields_test = unittest.make(_fields_impl)

def relations_test_suite(name):
    unittest.suite(name, _fields_test)
