"""What an `apt_lock` target gives to others."""

AptLockInfo = provider(
    doc = "A lockfile and how it is made.",
    fields = {
        "config": "File: the JSON configuration that update_lock reads.",
        "runfiles": "runfiles: the files that the configuration names.",
    },
)
