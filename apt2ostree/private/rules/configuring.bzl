"""Asking sets of packages for what configures their image, beside asking for the packages.

A lock knows which fakeroot and which emulator fit its packages, and whoever names some of its
packages, by a `select()` or an alias, means those too. They are downloaded only for images that
are configured: so an image asks its packages twice, the second time with a setting by which sets
of packages give what configures instead of packages.
"""

_SETTING = "//apt2ostree/private/rules:for_configuring"
_CONFIGURING = Label("//apt2ostree/private/rules:configuring")

def _configuring_impl(_settings, _attr):
    return {_SETTING: True}

def _not_configuring_impl(_settings, _attr):
    return {_SETTING: False}

configuring = transition(
    implementation = _configuring_impl,
    inputs = [],
    outputs = [_SETTING],
)

# For what is asked for along the way, and is to be as it is for everybody else.
not_configuring = transition(
    implementation = _not_configuring_impl,
    inputs = [],
    outputs = [_SETTING],
)

CONFIGURING_ATTRS = {
    "_allowlist_function_transition": attr.label(
        default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
    ),
}

def when_configuring(asked, otherwise):
    """A value of an attribute that depends on which of the two is asked for.

    Args:
        asked: the value where what configures is asked for.
        otherwise: the value where the packages are.

    Returns:
        a select.
    """
    return select({_CONFIGURING: asked, "//conditions:default": otherwise})
