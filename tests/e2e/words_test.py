"""What Bazel says to somebody who has made a mistake, while it loads and analyses."""

from __future__ import annotations

import unittest

from tests.support import bazel, judges

LOAD = 'load("@apt2ostree//apt2ostree:defs.bzl", "apt_lock", "ostree_image", "ostree_tree")\n'
MISTAKES = {
    "unused_lock": (
        'ostree_image(name = "x", configure = True, packages = ["@image_debs//nginx"])',
        'ostree_image(name = "x"): @image_debs//nginx: there is no repository @image_debs here.',
        'use_repo(apt, "image_debs")',
    ),
    "other_name": (
        'apt_lock(name = "x", architecture = "x86_64", lockfile = "l", sources = ["a.sources"])',
        'apt_lock(name = "x"): "x86_64" is not Debian\'s name of an architecture: write "amd64"',
    ),
    "program": (
        'ostree_image(name = "x", layers = ["//:program"])',
        "//program:x: //:program in `layers` is a program and no tree: name in `layers` an "
        'ostree_tree(binaries = {"//:program": "usr/bin/"})',
    ),
    "user": (
        'ostree_tree(name = "x", users = {"c": "900"})',
        'users: "c": expected tree_user(…), got "900"',
    ),
}


class WordsTest(judges.ScratchTest):
    def test_mistakes_are_named_with_what_to_do(self) -> None:
        files: dict[str, str | bytes] = {
            "MODULE.bazel": bazel.module(
                extra='bazel_dep(name = "rules_python", version = "0.22.1")'
            ),
            "BUILD.bazel": 'load("@rules_python//python:defs.bzl", "py_binary")\n'
            'package(default_visibility = ["//visibility:public"])\n'
            'py_binary(name = "program", srcs = ["program.py"])\n',
            "program.py": "",
        }
        for package, (text, *_) in MISTAKES.items():
            files[f"{package}/BUILD.bazel"] = f"{LOAD}{text}\n"
        machine = bazel.machine(self, self.scratch, files)
        for package, (_, *words) in MISTAKES.items():
            with self.subTest(package):
                result = machine.run("build", f"//{package}:x")
                self.assertNotEqual(result.status, 0)
                for each in words:
                    self.assertIn(each, result.output)


if __name__ == "__main__":
    unittest.main()
