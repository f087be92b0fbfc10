"""The provider of an image, beside the one of its tree."""

OstreeImageInfo = provider(
    doc = "What makes a tree an image: a commit, and what it was made of.",
    fields = {
        "architectures": "list of string: of its packages, the native one first; empty if nobody " +
                         "knows.",
        "bootable": "bool: whether it is laid out as a deployment that boots from OSTree.",
        "commit": "File: the commit's checksum in hexadecimal, and a newline.",
        "configured": "bool: whether all its packages are configured.",
        "emulator": "depset of File: what its programs were run by; empty if the machine did.",
        "fakeroot": "depset of OstreeTreeInfo: the packages with whose help it was configured; " +
                    "empty if it was not.",
        "layers": "depset of struct: the trees laid over the packages, those of the base " +
                  "included: `name`, a string, and `manifest`, a File.",
        "lockfiles": "depset of struct: the locks that the packages are from, each its `name`, a " +
                     "string, and its `file`.",
        "packages": "depset of OstreeTreeInfo, one per package, those of the base included.",
        "ref": "string: the OSTree ref under which the image is imported by default.",
    },
)
