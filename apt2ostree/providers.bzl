"""The providers of apt2ostree, for rules that want to work with its trees."""

load("//apt2ostree/private/providers:deb_packages_info.bzl", _DebPackagesInfo = "DebPackagesInfo")
load("//apt2ostree/private/providers:ostree_image_info.bzl", _OstreeImageInfo = "OstreeImageInfo")
load("//apt2ostree/private/providers:ostree_tree_info.bzl", _OstreeTreeInfo = "OstreeTreeInfo")

DebPackagesInfo = _DebPackagesInfo
OstreeImageInfo = _OstreeImageInfo
OstreeTreeInfo = _OstreeTreeInfo
