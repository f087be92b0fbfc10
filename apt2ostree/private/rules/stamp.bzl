"""Whether the build is stamped: Bazel's own `--stamp`, as something a rule can read."""

StampInfo = provider(
    doc = "Bazel's `--stamp`.",
    fields = {"enabled": "bool: whether it was given."},
)

def _stamp_setting_impl(ctx):
    return [StampInfo(enabled = ctx.attr.enabled)]

stamp_setting = rule(
    doc = "Reads `--stamp`, through a select.",
    implementation = _stamp_setting_impl,
    attrs = {"enabled": attr.bool(mandatory = True)},
)
