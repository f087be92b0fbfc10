"""The Bazel that is here, with what newer ones have made their defaults."""

import unittest

from tests.e2e.case import RC, BazelTest
from tests.support.debs import control, deb, file

FLAGS = """\
common --incompatible_autoload_externally=
common --incompatible_config_setting_private_default_visibility
common --incompatible_default_to_explicit_init_py
common --incompatible_disable_native_repo_rules
common --incompatible_disable_starlark_host_transitions
common --incompatible_disable_target_provider_fields
common --incompatible_disallow_empty_glob
common --incompatible_disallow_legacy_py_provider
common --incompatible_enforce_config_setting_visibility
common --incompatible_fail_on_unknown_attributes
common --incompatible_merge_fixed_and_default_shell_env
common --incompatible_no_implicit_file_export
common --incompatible_no_implicit_watch_label
common --incompatible_run_shell_command_string
common --incompatible_struct_has_no_methods
common --incompatible_unambiguous_label_stringification
common --incompatible_use_plus_in_repo_names
common --incompatible_visibility_private_attributes_at_definition
"""
"""What Bazel 8 and 9 do and Bazel 7 does when told to: see docs/compatibility.md."""

BUILD = """\
load(
    "@apt2ostree//apt2ostree:defs.bzl",
    "apt_lock",
    "ostree_image",
    "ostree_oci",
    "ostree_repo",
    "ostree_tar",
    "ostree_tree",
)

apt_lock(
    name = "update_lock",
    architecture = "amd64",
    include_essential = False,
    include_priority = [],
    lockfile = "debs.lock",
    packages = ["tiny"],
    sources = ["a.sources"],
)
ostree_tree(name = "layer", srcs = ["a.sources"], prefix = "/srv")
ostree_image(name = "all", layers = ["layer"], packages = ["@debs//:packages"])
ostree_image(name = "one", packages = ["@debs//tiny"])
ostree_tar(name = "tar", image = "all")
ostree_oci(name = "oci", image = "all")
ostree_repo(name = "repo", images = ["all"])
"""


class FlagsTest(BazelTest):
    def test_what_newer_bazels_have_made_their_defaults(self) -> None:
        self.write(".bazelrc", RC + FLAGS)
        self.machine = self.machine_of(self.cache, self.workspace, "flags")
        self.addCleanup(self.machine.shutdown)
        self.write("a.sources", "Types: deb\nURIs: http://127.0.0.1:9\nSuites: ./\nTrusted: yes\n")
        self.lock(self.archive.add(deb(file("./a"), control=control("tiny")), "tiny"))
        self.write("BUILD.bazel", BUILD)
        self.bazel("build", "//...")
        self.assertIn("tiny\t1\tamd64", self.bazel("run", "//:one", "--", "packages").stdout)
        self.assertIn(
            "URIs: http://127.0.0.1:9\n",
            self.bazel("run", "//:update_lock", "--", "sources").stdout,
        )
        self.bazel("test", "--test_output=errors", "//:update_lock_test")


if __name__ == "__main__":
    unittest.main()
