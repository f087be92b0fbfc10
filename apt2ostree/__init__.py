"""Debian and Ubuntu images as OSTree commits: the Python library behind the Bazel rules."""
