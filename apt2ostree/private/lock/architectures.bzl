"""What others call Debian's architectures."""

# Names of the kernel (`uname -m`), of Go and containers, and of GNU.
_DEBIAN = {
    "aarch64": "arm64",
    "arm": "armhf",
    "arm64v8": "arm64",
    "armv6l": "armel",
    "armv7": "armhf",
    "armv7l": "armhf",
    "i486": "i386",
    "i586": "i386",
    "i686": "i386",
    "loongarch64": "loong64",
    "powerpc64le": "ppc64el",
    "ppc64le": "ppc64el",
    "x64": "amd64",
    "x86": "i386",
    "x86-64": "amd64",
    "x86_32": "i386",
    "x86_64": "amd64",
}

def architecture_error(name):
    """What is wrong with the name of an architecture, if it is known to be another's.

    Args:
        name: string.

    Returns:
        string, or None.
    """
    if name.lower() in _DEBIAN:
        return "{} is not Debian's name of an architecture: write {}".format(
            repr(name),
            repr(_DEBIAN[name.lower()]),
        )
    return None
