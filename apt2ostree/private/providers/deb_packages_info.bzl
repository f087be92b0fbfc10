"""The provider of a set of packages out of a lock."""

DebPackagesInfo = provider(
    doc = "Packages of one lock, each as a tree.",
    fields = {
        "architectures": "list of string: the native one, then the foreign ones; empty if " +
                         "the set has packages for all architectures only, or nobody knows.",
        "automatic": "list of string: `NAME:ARCHITECTURE` of those of the packages that nobody " +
                     "asked for, and that are there because others need them.",
        "local": "depset of OstreeTreeInfo: those of the packages that no lock names.",
        "lock": "string: name of the lock's hub repository.",
        "manual": "list of string: `NAME:ARCHITECTURE` of the others.",
        "lockfiles": "depset of File: the lock, a Packages index; empty for packages of no lock.",
        "trees": "depset of OstreeTreeInfo, one per package, in the lock's order.",
    },
)
