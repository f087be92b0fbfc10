"""The rules of apt2ostree."""

load("//apt2ostree/private:apt_lock.bzl", _apt_lock = "apt_lock", _apt_locks = "apt_locks")
load(
    "//apt2ostree/private:distributions.bzl",
    _debian_sources = "debian_sources",
    _ubuntu_sources = "ubuntu_sources",
)
load("//apt2ostree/private:image_macro.bzl", _ostree_image = "ostree_image")
load("//apt2ostree/private:ostree_repo.bzl", _ostree_repo = "ostree_repo")

apt_lock = _apt_lock
apt_locks = _apt_locks
debian_sources = _debian_sources
ostree_image = _ostree_image
ostree_repo = _ostree_repo
ubuntu_sources = _ubuntu_sources
