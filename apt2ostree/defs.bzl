"""The rules of apt2ostree."""

load("//apt2ostree/private:ostree_image.bzl", _ostree_image = "ostree_image")
load("//apt2ostree/private:ostree_repo.bzl", _ostree_repo = "ostree_repo")

ostree_image = _ostree_image
ostree_repo = _ostree_repo
