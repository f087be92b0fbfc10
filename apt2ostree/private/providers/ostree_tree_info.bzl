"""The provider that all rules produce and consume: a tree."""

OstreeTreeInfo = provider(
    doc = "A tree: a set of paths with owner, mode, extended attributes and content.",
    fields = {
        "manifest": "File: every path with its metadata and checksum, as JSON; kilobytes.",
        "objects": "depset of File: objects tars that together hold every content object " +
                   "the manifest names, and the tree's metadata objects if it is an image.",
    },
)
