"""For programs that run where Bazel does, whatever an image is built for."""

_HOST = "//command_line_option:host_platform"
_TARGETS = "//command_line_option:platforms"

def _host_transition_impl(settings, _attr):
    return {_TARGETS: [str(settings[_HOST])]}

# Unlike "exec" it changes nothing where the image is built for the host anyway. So a test that has
# an image as data, and is written in Python, has one set of Python's files: of two, which "exec"
# would make, Bazel complains.
host_transition = transition(
    implementation = _host_transition_impl,
    inputs = [_HOST],
    outputs = [_TARGETS],
)
