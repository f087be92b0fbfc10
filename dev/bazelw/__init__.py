"""Runs Bazel where Bazel itself cannot be had."""
