"""Disks that boot an image, and the machines that boot them."""
