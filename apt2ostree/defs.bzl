"""The rules of apt2ostree."""

load(
    "//apt2ostree/private/lock:distributions.bzl",
    _debian_sources = "debian_sources",
    _ubuntu_sources = "ubuntu_sources",
)
load("//apt2ostree/private/rules:apt_lock.bzl", _apt_lock = "apt_lock", _apt_locks = "apt_locks")
load("//apt2ostree/private/rules:deb_package.bzl", _deb_package = "deb_package")
load("//apt2ostree/private/rules:image_macro.bzl", _ostree_image = "ostree_image")
load("//apt2ostree/private/rules:multistrap_image.bzl", _multistrap_image = "multistrap_image")
load("//apt2ostree/private/rules:ostree_accounts.bzl", _ostree_accounts = "ostree_accounts")
load("//apt2ostree/private/rules:ostree_boot_test.bzl", _ostree_boot_test = "ostree_boot_test")
load("//apt2ostree/private/rules:ostree_disk.bzl", _ostree_disk = "ostree_disk")
load("//apt2ostree/private/rules:ostree_oci.bzl", _ostree_oci = "ostree_oci")
load("//apt2ostree/private/rules:ostree_repo.bzl", _ostree_repo = "ostree_repo")
load("//apt2ostree/private/rules:ostree_tar.bzl", _ostree_tar = "ostree_tar")
load("//apt2ostree/private/rules:ostree_tree.bzl", _ostree_tree = "ostree_tree")
load(
    "//apt2ostree/private/rules:tree_attributes.bzl",
    _tree_attributes = "tree_attributes",
    _tree_group = "tree_group",
    _tree_user = "tree_user",
)

apt_lock = _apt_lock
apt_locks = _apt_locks
deb_package = _deb_package
debian_sources = _debian_sources
multistrap_image = _multistrap_image
ostree_accounts = _ostree_accounts
ostree_boot_test = _ostree_boot_test
ostree_disk = _ostree_disk
ostree_image = _ostree_image
ostree_oci = _ostree_oci
ostree_repo = _ostree_repo
ostree_tar = _ostree_tar
ostree_tree = _ostree_tree
tree_attributes = _tree_attributes
tree_group = _tree_group
tree_user = _tree_user
ubuntu_sources = _ubuntu_sources
