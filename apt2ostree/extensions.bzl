"""The module extension of apt2ostree: from lockfiles to repositories."""

load("//apt2ostree/private/repositories:apt_extension.bzl", _apt = "apt")

apt = _apt
