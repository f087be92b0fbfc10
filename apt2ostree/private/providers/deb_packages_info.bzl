"""The provider of a set of packages out of a lock."""

DebPackagesInfo = provider(
    doc = "Packages of one lock, each as a tree.",
    fields = {
        "architectures": "list of string: the native one, then the foreign ones; empty if " +
                         "the set has packages for all architectures only, or nobody knows.",
        "automatic": "list of string: `NAME:ARCHITECTURE` of those of the packages that nobody " +
                     "asked for, and that are there because others need them.",
        "emulator": "depset of File: the program that runs those of the packages on machines that " +
                    "do not; empty if none does, and where what configures is not asked for.",
        "fakeroot": "depset of OstreeTreeInfo: the packages with whose help the set is " +
                    "configured; empty as `emulator` is.",
        "local": "depset of OstreeTreeInfo: those of the packages that no lock names.",
        "lock": "string: name of the lock's hub repository.",
        "manual": "list of string: `NAME:ARCHITECTURE` of the others.",
        "lockfiles": "depset of struct: the lock: its `name`, a string, and its `file`, a Packages " +
                     "index; empty for packages of no lock.",
        "trees": "depset of OstreeTreeInfo, one per package, in the lock's order.",
    },
)
