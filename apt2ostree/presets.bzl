"""Lists for `ostree_image(remove = …)`: what small images do without.

    load("@apt2ostree//apt2ostree:presets.bzl", "REMOVE_DOCUMENTATION", "REMOVE_LOCALES")

    ostree_image(
        name = "rootfs",
        packages = ["@image_debs//:packages"],
        remove = REMOVE_DOCUMENTATION + REMOVE_LOCALES,
    )

Every package's /usr/share/doc/PACKAGE/copyright stays: Debian Policy §12.5 wants it, most
licences do, and `sbom` reads it. No pattern has to match. The removed paths leave dpkg's lists,
so that `dpkg --verify` finds nothing missing.
"""

# Manual pages, info files, and what packages ship under /usr/share/doc but licences.
REMOVE_DOCUMENTATION = [
    "?/usr/share/doc/**",
    "!?/usr/share/doc/*/copyright",
    "!?/usr/share/doc/*/copyright.*",
    "?/usr/share/doc-base",
    "?/usr/share/gtk-doc",
    "?/usr/share/help",
    "?/usr/share/info",
    "?/usr/share/lintian",
    "?/usr/share/linda",
    "?/usr/share/man",
]

# Translations; those of the C and POSIX locales are in the programs themselves. C.UTF-8 stays.
REMOVE_LOCALES = [
    "?/usr/share/locale/**",
    "!?/usr/share/locale/locale.alias",
    "?/usr/share/i18n/locales",
]

# Both, and caches and examples that nothing needs at run time.
REMOVE_SLIM = REMOVE_DOCUMENTATION + REMOVE_LOCALES + [
    "?/usr/share/bash-completion/completions",
    "?/usr/share/fish/vendor_completions.d",
    "?/usr/share/zsh/vendor-completions",
]
