"""Actions that Bazel may run in a persistent worker."""

WORKER_REQUIREMENTS = {
    "requires-worker-protocol": "json",
    "supports-multiplex-sandboxing": "1",
    "supports-multiplex-workers": "1",
    "supports-path-mapping": "1",
    "supports-worker-sandboxing": "1",
    "supports-workers": "1",
}
