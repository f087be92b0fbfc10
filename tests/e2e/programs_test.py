"""Programs in `binaries`, with runfiles such as rules_python of later versions makes."""

import unittest

from tests.e2e.case import BazelTest

# As py_binary of rules_python from 1.0 on, with bootstrap_impl=script: what it runs is a link in a
# virtual environment, to the interpreter among the runfiles, or where it is the machine's, to that.
RULES = """\
def _program_impl(ctx):
    program = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(program, "#!/bin/sh\\n", is_executable = True)
    link = ctx.actions.declare_symlink("_{}.venv/bin/python3".format(ctx.label.name))
    ctx.actions.symlink(output = link, target_path = ctx.attr.target)
    runfiles = ctx.runfiles(files = [link] + ctx.files.data)
    return [DefaultInfo(executable = program, runfiles = runfiles)]

program = rule(
    implementation = _program_impl,
    attrs = {"data": attr.label_list(allow_files = True), "target": attr.string()},
    executable = True,
)
"""
BUILD = """\
load("@apt2ostree//apt2ostree:defs.bzl", "ostree_image", "ostree_tree")
load(":program.bzl", "program")

[
    [
        program(name = name, target = target, data = ["python/bin/python3.11"]),
        ostree_tree(name = name + "_tree", binaries = {name: "/usr/bin/"}),
        ostree_image(name = name + "_image", layers = [name + "_tree"]),
    ]
    for name, target in {
        "kept": "../../python/bin/python3.11",
        "hosts": "/usr/bin/python3",
    }.items()
]
"""


class ProgramsTest(BazelTest):
    def setUp(self) -> None:
        super().setUp()
        self.write("program.bzl", RULES)
        self.write("BUILD.bazel", BUILD)
        self.write("python/bin/python3.11", "an interpreter\n")

    def test_links_stay_links(self) -> None:
        output = self.bazel("run", "//:kept_image", "--", "ls", "-R", "/usr/bin").stdout
        below = "/usr/bin/kept.runfiles/_main"
        self.assertRegex(
            output, rf"{below}/_kept.venv/bin/python3 -> \.\./\.\./python/bin/python3.11\n"
        )
        self.assertRegex(output, rf"{below}/python/bin/python3.11\n")

    def test_an_interpreter_of_the_machine_is_refused(self) -> None:
        for strategy in ("sandboxed", "local", "worker"):
            with self.subTest(strategy):
                self.assert_says(
                    self.bazel(
                        "build",
                        f"--strategy=OstreeTree={strategy}",
                        "//:hosts_image",
                        check=False,
                    ),
                    "/usr/bin/hosts.runfiles/_main/_hosts.venv/bin/python3: among the runfiles of "
                    "a program of `binaries` is a symlink to /usr/bin/python3, which is of the "
                    "machine that builds and of no repository: an image cannot have it. If it is "
                    "an interpreter, build the program with a Python toolchain whose interpreter "
                    "is a file of a repository",
                )


if __name__ == "__main__":
    unittest.main()
