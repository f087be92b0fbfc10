"""The provider of an image, beside the one of its tree."""

OstreeImageInfo = provider(
    doc = "What makes a tree an image: a commit.",
    fields = {
        "commit": "File: the commit's checksum in hexadecimal, and a newline.",
        "ref": "string: the OSTree ref under which the image is imported by default.",
    },
)
