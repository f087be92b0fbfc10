"""What `bazel run` of an image can do: one module per command.

Each has `HELP`, one line; `add_arguments(parser)`; and `run(image, options)`, which returns
the exit status.
"""
