"""Actions that Bazel may run in a persistent worker."""

WORKER_REQUIREMENTS = {
    "requires-worker-protocol": "json",
    "supports-multiplex-sandboxing": "1",
    "supports-multiplex-workers": "1",
    "supports-path-mapping": "1",
    "supports-worker-sandboxing": "1",
    "supports-workers": "1",
}

def use_worker_param_file(args):
    """Pass arguments as workers want them: in a file, whatever their number.

    Args:
        args: Args: the action's only arguments.
    """
    args.use_param_file("@%s", use_always = True)
    args.set_param_file_format("multiline")
